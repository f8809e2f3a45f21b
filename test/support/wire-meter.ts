import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** One statement that PostgreSQL ran. */
export interface WireStatement {
  /** What the connection calls itself. */
  application: string;
  /** The statement's name, else how its text begins. */
  label: string;
  /** It was parsed and planned anew: neither prepared before nor without a plan. */
  parsed: boolean;
  /** The client had waited for all answers before it sent this: it costs a round trip. */
  roundTrip: boolean;
}

/** Stands between processes and their PostgreSQL, and notes what they say to each other. */
export interface WireMeter {
  /** The database's URL through the meter. */
  url: string;
  /** What was run since the last call. */
  take(): WireStatement[];
  close(): Promise<void>;
}

/**
 * Counts on the wire, so that nothing is left out: every driver's and every process's statements, COPY and what stands
 * beside others in one message too. It reads the protocol's messages, and changes none.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html (read 2026-11)
 */
export async function openWireMeter(databaseUrl: string): Promise<WireMeter> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let statements: WireStatement[] = [];
  const server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    socket.setNoDelay(true);
    upstream.setNoDelay(true);
    const conversation = new Conversation((statement) => statements.push(statement));
    for (const [one, other, note] of [
      [socket, upstream, (chunk: Buffer) => conversation.noteSent(chunk)],
      [upstream, socket, (chunk: Buffer) => conversation.noteAnswer(chunk)],
    ] as const) {
      sockets.add(one);
      one.on('data', (chunk: Buffer) => {
        note(chunk);
        other.write(chunk);
      });
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    take() {
      const taken = statements;
      statements = [];
      return taken;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** A message that PostgreSQL answers with ReadyForQuery. */
interface Asked {
  text: string;
  parsed: boolean;
  roundTrip: boolean;
}

class Conversation {
  readonly #onStatement: (statement: WireStatement) => void;
  readonly #sent = new MessageReader(true);
  readonly #answers = new MessageReader(false);
  readonly #prepared = new Map<string, string>();
  #application = '';
  #isReady = false;
  #parsed = false;
  #text = '';
  /** Sent and not answered, oldest first. */
  readonly #asked: Asked[] = [];

  constructor(onStatement: (statement: WireStatement) => void) {
    this.#onStatement = onStatement;
  }

  noteSent(chunk: Buffer): void {
    for (const { type, body } of this.#sent.read(chunk)) {
      if (type === '') this.#application = readStartup(body).get('application_name') ?? '';
      else if (type === 'P') this.#noteParse(body);
      else if (type === 'B') this.#text = this.#prepared.get(readText(body, readText(body, 0).length + 1)) ?? '';
      else if (type === 'Q') this.#ask(readText(body, 0), true);
      else if (type === 'S') this.#ask(this.#text, this.#parsed);
    }
  }

  #noteParse(body: Buffer): void {
    const name = readText(body, 0);
    this.#prepared.set(name, readText(body, Buffer.byteLength(name) + 1));
    this.#parsed = true;
  }

  #ask(text: string, parsed: boolean): void {
    if (!this.#isReady) return;
    this.#asked.push({ text, parsed: parsed && !needsNoPlan.test(text), roundTrip: this.#asked.length === 0 });
    this.#parsed = false;
  }

  noteAnswer(chunk: Buffer): void {
    for (const { type } of this.#answers.read(chunk)) {
      const [asked] = this.#asked;
      if (type === 'C' && asked) {
        const { text, parsed, roundTrip } = asked;
        this.#onStatement({ application: this.#application, label: labelOf(text), parsed, roundTrip });
        asked.roundTrip = false;
      } else if (type === 'Z') {
        this.#isReady = true;
        this.#asked.shift();
      }
    }
  }
}

const needsNoPlan = /^\s*(begin|commit|rollback|savepoint|release|copy|listen|notify)\b/i;

function labelOf(text: string): string {
  return /^\/\* (\w+) \*\//.exec(text)?.[1] ?? text.trim().replace(/\s+/g, ' ').slice(0, 60);
}

interface Message {
  /** Empty for the first message of a client, which has no type. */
  type: string;
  body: Buffer;
}

/** Cuts a stream of bytes into messages. */
class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  #isFirst: boolean;

  constructor(startsWithoutType: boolean) {
    this.#isFirst = startsWithoutType;
  }

  *read(chunk: Buffer): Generator<Message> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const start = this.#isFirst ? 0 : 1;
      if (this.#rest.length < start + 4) return;
      const end = start + this.#rest.readInt32BE(start);
      if (this.#rest.length < end) return;
      const type = this.#isFirst ? '' : String.fromCharCode(this.#rest[0] ?? 0);
      const body = this.#rest.subarray(start + 4, end);
      this.#isFirst = false;
      this.#rest = this.#rest.subarray(end);
      yield { type, body };
    }
  }
}

/** Text up to the next NUL. */
function readText(body: Buffer, from: number): string {
  return body.toString('utf8', from, body.indexOf(0, from));
}

/** The settings of a startup message, after the version of the protocol. */
function readStartup(body: Buffer): Map<string, string> {
  const words = body.toString('utf8', 4).split('\0');
  const settings = new Map<string, string>();
  for (let index = 0; index + 1 < words.length; index += 2) settings.set(words[index] ?? '', words[index + 1] ?? '');
  return settings;
}
