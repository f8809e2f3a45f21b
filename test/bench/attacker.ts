import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

/** What an attacker knows. */
export interface Target {
  url: string;
  port: number;
  /** Of the attacked program. */
  key: string;
  code: string;
  referralCode: string;
  /** A source of the attacked program, which asks for no key. */
  openSource: string;
}

export interface Attack {
  name: string;
  /** One request, or one connection. */
  send: (target: Target, index: number) => Promise<unknown>;
  perSecond: number;
}

const json = { 'content-type': 'application/json' };

export const attacks: readonly Attack[] = [
  {
    name: 'labels',
    perSecond: 300,
    send: ({ url }, index) => {
      // Each spelling of the base was a label of its own.
      const base = Array.from('/affilut/api/v1', (each, at) => ((index >> at) & 1 ? each.toUpperCase() : each)).join(
        '',
      );
      return drop(fetch(`${url}${base}/affiliates`));
    },
  },
  { name: 'scrapes', perSecond: 100, send: ({ url }) => drop(fetch(`${url}/metrics`)) },
  {
    name: 'rules',
    perSecond: 1,
    send: async ({ url, key }, index) => {
      const fields = Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`f${index}_${at}`, 'sub1']));
      const headers = { ...json, authorization: `Bearer ${key}` };
      const body = JSON.stringify({ kind: 'postback', requireKey: false, fields });
      const answer = await fetch(`${url}/api/v1/sources`, { method: 'POST', headers, body });
      const made = (await answer.json()) as { data?: { url: string } };
      if (made.data) await drop(fetch(`${made.data.url}?sum=x`));
    },
  },
  {
    name: 'mistakes',
    perSecond: 2,
    send: ({ url, key }, index) => {
      const body = JSON.stringify(Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`unknown${at}`, 1])));
      const headers = { ...json, authorization: `Bearer ${key}`, 'idempotency-key': `i${index}` };
      return drop(fetch(`${url}/api/v1/offers`, { method: 'POST', headers, body }));
    },
  },
  {
    name: 'largeBodies',
    perSecond: 60,
    send: ({ port, openSource }) => slowBody(port, `/in/stripe/${openSource}x`, 900_000),
  },
  {
    name: 'anonymousBodies',
    perSecond: 20,
    send: ({ url }) => {
      const body = JSON.stringify({ affiliate_url: 'https://x.example/?aff=x', filler: 'x'.repeat(1_000_000) });
      return drop(fetch(`${url}/affitor/api/v1/track/click`, { method: 'POST', headers: json, body }));
    },
  },
  { name: 'clicks', perSecond: 500, send: ({ url, code }) => drop(fetch(`${url}/r/${code}`, { redirect: 'manual' })) },
  {
    name: 'scriptClicks',
    perSecond: 300,
    send: ({ url, referralCode }) => {
      const body = JSON.stringify({ affiliate_url: `https://x.example/?aff=${referralCode}` });
      return drop(fetch(`${url}/affitor/api/v1/track/click`, { method: 'POST', headers: json, body }));
    },
  },
  {
    name: 'keylessPostbacks',
    perSecond: 1_000,
    send: ({ url, openSource }, index) => drop(fetch(`${url}/pb/${openSource}?txid=K${index}&sum=1`)),
  },
  { name: 'missingKeys', perSecond: 300, send: ({ url }) => drop(fetch(`${url}/api/v1/me`)) },
];

async function drop(answer: Promise<Response>): Promise<void> {
  await (await answer).arrayBuffer();
}

/** A request that sends its body and never ends it. */
function slowBody(port: number, path: string, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${bytes + 1}\r\n\r\n`,
      );
      socket.write('x'.repeat(bytes));
    });
    const end = setTimeout(() => socket.destroy(), 12_000);
    end.unref();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(end);
      resolve();
    });
  });
}

/** Told `start` and `pause` by the process that forked it; answers the latter with how much it has sent in all. */
function attackOnDemand(attack: Attack, target: Target): void {
  // An attacker has a machine of their own: here it takes only what the hub and the others leave.
  setPriority(10);
  let sent = 0;
  let running = new AbortController();
  const run = async ({ signal }: AbortController): Promise<void> => {
    const start = performance.now();
    for (let made = 0; !signal.aborted;) {
      const due = Math.floor(((performance.now() - start) / 1_000) * attack.perSecond);
      for (; made < due; made += 1) attack.send(target, (sent += 1)).catch(() => null);
      await wait(5);
    }
  };
  process.on('message', (message) => {
    running.abort();
    running = new AbortController();
    if (message === 'start') void run(running);
    else process.send?.(sent);
  });
}

const [name] = process.argv.slice(2);
const told = process.env['ATTACK_TARGET'];
if (import.meta.main && told !== undefined) {
  const attack = attacks.find((one) => one.name === name);
  if (!attack) throw new Error(`there is no attack ${name}`);
  attackOnDemand(attack, JSON.parse(told) as Target);
}
