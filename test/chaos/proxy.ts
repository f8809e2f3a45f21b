import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on 127.0.0.1: the network between two parts, with all that networks do. */
export interface Proxy {
  port: number;
  /** Where new connections go; those that are open stay where they are. */
  leadTo(port: number): void;
  /** Nothing passes in either direction, nothing is closed, and new connections are taken and lead nowhere: a host that is silent. */
  freeze(): void;
  /** What was held up goes on its way. */
  thaw(): void;
  /** The open connections are silent for good and nobody is told; new ones pass: half-open connections. */
  forsake(): void;
  /** Each piece of data arrives so much later; 0: at once. */
  delay(ms: number): void;
  /** Open connections end with a TCP reset. */
  reset(): void;
  /** While it refuses, new connections are reset at once. */
  refuse(refused: boolean): void;
  /** The next `count` commits are cut: every other one reached the server, and its answer is lost. */
  cutCommits(count: number): void;
  /** How many commits are still to be cut. */
  readonly commitsToCut: number;
  close: () => Promise<void>;
}

/** What a half-open connection holds at the server ends after so long, as by the server's keepalive. */
const FORSAKEN_AFTER_MS = 15_000;

interface Pair {
  client: Socket;
  upstream: Socket | null;
  /** Data is held back, by `freeze` or for good. */
  silent: boolean;
  /** The answer to a commit is not passed on. */
  cutAnswer: boolean;
  /** What is on its way, in order. */
  held: { due: number; pass: () => void }[];
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let to = target;
  let frozen = false;
  let refusing = false;
  let delayMs = 0;
  let commitsToCut = 0;
  const timers = new Set<NodeJS.Timeout>();
  const forsaken = new Set<NodeJS.Timeout>();
  const server = createServer({ noDelay: true }, (client) => {
    const pair: Pair = { client, upstream: null, silent: false, cutAnswer: false, held: [] };
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    pairs.add(pair);
    client.on('error', () => end(pair));
    client.on('close', () => later(pair, () => finish(pair)));
    client.pause();
    if (!frozen) join(pair);
  });

  function join(pair: Pair): void {
    const { client } = pair;
    const upstream = connect({ port: to, host: '127.0.0.1', noDelay: true });
    pair.upstream = upstream;
    upstream.on('error', () => end(pair));
    upstream.on('close', () => later(pair, () => finish(pair)));
    upstream.on('data', (chunk) => {
      if (pair.cutAnswer) {
        pairs.delete(pair);
        client.resetAndDestroy();
        // In order: the server does what it was sent.
        upstream.end();
        return;
      }
      later(pair, () => client.write(chunk));
    });
    client.on('data', (chunk) => {
      if (commitsToCut > 0 && isCommit(chunk)) {
        commitsToCut -= 1;
        if (commitsToCut % 2 === 0) {
          end(pair);
          return;
        }
        pair.cutAnswer = true;
      }
      later(pair, () => upstream.write(chunk));
    });
    client.resume();
  }

  /** At once, or so much later; never before what came before. */
  function later({ held }: Pair, pass: () => void): void {
    if (delayMs === 0 && held.length === 0) {
      pass();
      return;
    }
    held.push({ pass, due: Math.max(performance.now() + delayMs, held.at(-1)?.due ?? 0) });
    if (held.length === 1) letGo(held);
  }

  function letGo(held: Pair['held']): void {
    const [first] = held;
    if (!first) return;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        first.pass();
        held.shift();
        letGo(held);
      },
      Math.max(0, first.due - performance.now()),
    );
    timers.add(timer);
  }

  /** One side ended in order: the other one gets what was sent, and its end. */
  function finish(pair: Pair): void {
    if (pair.silent || !pairs.delete(pair)) return;
    pair.client.end();
    pair.upstream?.end();
  }

  /** With a reset on both sides. */
  function end(pair: Pair): void {
    if (pair.silent || !pairs.delete(pair)) return;
    pair.client.resetAndDestroy();
    pair.upstream?.resetAndDestroy();
  }

  function silence(pair: Pair): void {
    pair.client.pause();
    pair.upstream?.pause();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    leadTo(next) {
      to = next;
    },
    freeze() {
      frozen = true;
      for (const pair of pairs) silence(pair);
    },
    thaw() {
      frozen = false;
      for (const pair of pairs) {
        if (pair.silent) continue;
        if (pair.upstream === null) join(pair);
        pair.client.resume();
        pair.upstream?.resume();
      }
    },
    forsake() {
      for (const pair of pairs) {
        if (pair.silent || pair.upstream === null) continue;
        pair.silent = true;
        silence(pair);
        const timer = setTimeout(() => {
          forsaken.delete(timer);
          pair.upstream?.resetAndDestroy();
        }, FORSAKEN_AFTER_MS);
        forsaken.add(timer);
      }
    },
    delay(ms) {
      delayMs = ms;
    },
    reset() {
      for (const pair of pairs) end(pair);
    },
    refuse(refused) {
      refusing = refused;
    },
    cutCommits(count) {
      commitsToCut = count;
    },
    get commitsToCut() {
      return commitsToCut;
    },
    async close() {
      for (const timer of [...timers, ...forsaken]) clearTimeout(timer);
      const closed = once(server, 'close');
      server.close();
      for (const { client, upstream } of pairs) {
        client.resetAndDestroy();
        upstream?.resetAndDestroy();
      }
      await closed;
    },
  };
}

/** A transaction's end, or the insert by which a message is taken in, which is a transaction of its own. */
function isCommit(chunk: Buffer): boolean {
  const text = chunk.toString('latin1');
  return /\bcommit\b/i.test(text) || text.includes('insert into inbox_events');
}
