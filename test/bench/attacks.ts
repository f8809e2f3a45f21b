import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild } from './child.ts';
import { medianOf, round, type BenchResult, type Mark } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const TURNS = 3;
const TURN_MS = 2_000;
/** What the other program sends: a postback every so often. */
const PROBE_MS = 10;

interface Hub {
  url: string;
  port: number;
  services: BenchServices;
  /** Of the attacked program. */
  key: string;
  code: string;
  referralCode: string;
  /** The source of the attacked program, which asks for no key. */
  openSource: string;
  /** The other program's postback, without its txid. */
  probe: string;
}

interface Attack {
  name: string;
  /** One request, or one connection. */
  send: (hub: Hub, index: number) => Promise<unknown>;
  perSecond: number;
}

const json = { 'content-type': 'application/json' };

const attacks: readonly Attack[] = [
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

/**
 * What each attack of test/attacks does to the hub, and what another program feels meanwhile: the p99 of its postbacks while
 * nothing else happens, and while the attack runs, by turns. One web process with RATE_LIMITS on; clients share its machine.
 */
export async function runAttacksBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  const env = { ...services.env, RATE_LIMITS: 'on', LOG_LEVEL: 'fatal', PORT: String(port), HOST: '127.0.0.1' };
  const figures: Record<string, number> = {};
  const marks: Mark[] = [];
  try {
    for (const attack of attacks) {
      // Each meets a fresh process: memory and metrics are its own.
      const web = startChild('src/server.ts', env);
      try {
        const url = `http://127.0.0.1:${port}`;
        await waitUntil(
          'the web process is ready',
          async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok === true,
        );
        const hub = await prepare(services, url, port, services.env['ADMIN_TOKEN'] ?? '');
        const measured = await measure(hub, attack);
        for (const [name, value] of Object.entries(measured)) figures[`${attack.name} ${name}`] = round(value);
        figures[`${attack.name} peakMb`] = round(web.peakMb());
        marks.push({ name: `${attack.name} p99 ratio`, value: measured.ratio ?? Infinity, atMost: 1.5 });
      } finally {
        await web.stop();
      }
    }
    return { name: 'attacks', backend, figures, marks };
  } finally {
    await services.stop();
  }
}

async function measure(hub: Hub, attack: Attack): Promise<Record<string, number>> {
  await probe(hub, 1_000);
  const rows = await countRows(hub.services);
  const turns: { calm: Probe; attacked: Probe }[] = [];
  let index = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    const calm = await probe(hub, TURN_MS);
    const stopping = new AbortController();
    const under: Promise<unknown>[] = [];
    const attacker = (async () => {
      const start = performance.now();
      for (let sent = 0; !stopping.signal.aborted;) {
        const due = Math.floor(((performance.now() - start) / 1_000) * attack.perSecond);
        for (; sent < due; sent += 1) under.push(attack.send(hub, (index += 1)).catch(() => null));
        await wait(5);
      }
    })();
    const attacked = await probe(hub, TURN_MS);
    stopping.abort();
    await attacker;
    await Promise.race([Promise.all(under), wait(3_000)]);
    turns.push({ calm, attacked });
  }
  const scrape = fetch(`${hub.url}/metrics`, { headers: { authorization: 'Bearer admin-token-of-the-bench' } });
  const metricsText = await scrape.then((answer) => answer.text()).catch(() => '');
  return {
    sent: index,
    calmP99Ms: medianOf(turns.map(({ calm }) => calm.p99Ms)),
    attackedP99Ms: medianOf(turns.map(({ attacked }) => attacked.p99Ms)),
    ratio: medianOf(turns.map(({ calm, attacked }) => attacked.p99Ms / calm.p99Ms)),
    worstMs: Math.max(...turns.map(({ attacked }) => attacked.worstMs)),
    metricsBytes: metricsText.length,
    rows:
      (await countRows(hub.services)) -
      rows -
      turns.reduce((sum, { calm, attacked }) => sum + calm.sent + attacked.sent, 0),
  };
}

interface Probe {
  sent: number;
  p99Ms: number;
  worstMs: number;
}

/** A probe that got no answer. */
const FAILED_MS = 60_000;

let probes = 0;

async function probe({ probe: address }: Hub, durationMs: number): Promise<Probe> {
  const times: number[] = [];
  const under: Promise<unknown>[] = [];
  const start = performance.now();
  for (let due = start; performance.now() - start < durationMs; due += PROBE_MS) {
    const sentAt = performance.now();
    probes += 1;
    under.push(
      drop(fetch(`${address}&txid=P${probes}`)).then(
        () => times.push(performance.now() - sentAt),
        () => times.push(FAILED_MS),
      ),
    );
    await wait(Math.max(0, due + PROBE_MS - performance.now()));
  }
  await Promise.all(under);
  times.sort((a, b) => a - b);
  return {
    sent: times.length,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Infinity,
    worstMs: times.at(-1) ?? Infinity,
  };
}

async function countRows({ db }: BenchServices): Promise<number> {
  const [row] = await runSql<{ count: number }>(
    db,
    `select ((select count(*) from clicks) + (select count(*) from inbox_events) + (select count(*) from idempotency_keys)
       + (select count(*) from sources))::int as count`,
  );
  return row?.count ?? 0;
}

async function prepare(services: BenchServices, url: string, port: number, adminToken: string): Promise<Hub> {
  const post = async <T>(token: string, path: string, body: object): Promise<T> => {
    const headers = { ...json, authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (answer.status !== 201) throw new Error(`${path}: ${await answer.text()}`);
    return ((await answer.json()) as { data: T }).data;
  };
  const makeProgram = async (): Promise<string> => {
    const { id } = await post<{ id: string }>(adminToken, '/programs', { name: 'Bench' });
    const made = { name: 'bench', mode: 'live', access: 'write' };
    return (await post<{ key: string }>(adminToken, `/programs/${id}/api-keys`, made)).key;
  };
  const [key, otherKey] = [await makeProgram(), await makeProgram()];
  const affiliate = await post<{ id: string; referralCode: string }>(key, '/affiliates', {
    displayName: 'A',
    email: 'a@example.com',
  });
  const commission = { type: 'cps', rateBps: 1000 };
  const offer = await post<{ id: string }>(key, '/offers', { name: 'O', url: 'https://shop.example/', commission });
  const link = await post<{ code: string }>(key, '/tracking-links', { affiliateId: affiliate.id, offerId: offer.id });
  const open = await post<{ id: string }>(key, '/sources', { kind: 'postback', requireKey: false, response: 'ok' });
  const source = await post<{ id: string }>(otherKey, '/sources', { kind: 'postback', response: 'ok' });
  return {
    url,
    port,
    services,
    key,
    code: link.code,
    referralCode: affiliate.referralCode,
    openSource: open.id,
    probe: `${url}/pb/${source.id}?secure=${otherKey}&sum=1`,
  };
}

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
