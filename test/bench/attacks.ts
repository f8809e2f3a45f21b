import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { attacks, type Attack, type Target } from './attacker.ts';
import { startChild } from './child.ts';
import { medianOf, round, type BenchResult, type Mark } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const TURNS = 3;
const TURN_MS = 3_000;
/** Until what the attack still had under way is answered. */
const PAUSE_MS = 500;
/** What the other program sends: a postback every so often. */
const PROBE_MS = 5;

const json = { 'content-type': 'application/json' };

interface Hub extends Target {
  services: BenchServices;
  /** The other program's postback, without its txid. */
  probe: string;
}

/**
 * What each attack of test/attacks does to the hub, and what another program feels meanwhile: the p99 of its postbacks while
 * nothing else happens, while the same attack goes to a bare server beside the hub, and while it goes to the hub, by turns. The
 * ratio is that of the last two, since an attacker has a machine of their own, and here takes the hub's. One web process with
 * RATE_LIMITS on.
 */
export async function runAttacksBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  const decoyPort = await findFreePort();
  const decoy = startChild('test/bench/bare-express.ts', { PORT: String(decoyPort) });
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
        const measured = await measure(hub, attack, decoyPort);
        for (const [name, value] of Object.entries(measured)) figures[`${attack.name} ${name}`] = round(value);
        figures[`${attack.name} peakMb`] = round(web.peakMb());
        marks.push({ name: `${attack.name} p99 ratio`, value: measured.ratio ?? Infinity, atMost: 1.5 });
      } finally {
        await web.stop();
      }
    }
    return { name: 'attacks', backend, figures, marks };
  } finally {
    await decoy.stop();
    await services.stop();
  }
}

async function measure(hub: Hub, attack: Attack, decoyPort: number): Promise<Record<string, number>> {
  await probe(hub, 1_000);
  const rows = await countRows(hub.services);
  const turns: { calm: Probe; beside: Probe; attacked: Probe }[] = [];
  const attacker = startAttacker(attack, hub);
  const besides = startAttacker(attack, { ...hub, url: `http://127.0.0.1:${decoyPort}`, port: decoyPort });
  let sent = 0;
  try {
    for (let turn = 0; turn < TURNS; turn += 1) {
      const calm = await probe(hub, TURN_MS);
      besides.start();
      const beside = await probe(hub, TURN_MS);
      await besides.pause();
      await wait(PAUSE_MS);
      attacker.start();
      const attacked = await probe(hub, TURN_MS);
      sent = await attacker.pause();
      await wait(PAUSE_MS);
      turns.push({ calm, beside, attacked });
    }
  } finally {
    attacker.end();
    besides.end();
  }
  const scrape = fetch(`${hub.url}/metrics`, { headers: { authorization: 'Bearer admin-token-of-the-bench' } });
  const metricsText = await scrape.then((answer) => answer.text()).catch(() => '');
  return {
    sent,
    calmP50Ms: medianOf(turns.map(({ calm }) => calm.p50Ms)),
    attackedP50Ms: medianOf(turns.map(({ attacked }) => attacked.p50Ms)),
    calmP99Ms: medianOf(turns.map(({ calm }) => calm.p99Ms)),
    besideP99Ms: medianOf(turns.map(({ beside }) => beside.p99Ms)),
    attackedP99Ms: medianOf(turns.map(({ attacked }) => attacked.p99Ms)),
    calmRatio: medianOf(turns.map(({ calm, attacked }) => attacked.p99Ms / calm.p99Ms)),
    ratio: medianOf(turns.map(({ attacked }) => attacked.p99Ms)) / medianOf(turns.map(({ beside }) => beside.p99Ms)),
    worstMs: Math.max(...turns.map(({ attacked }) => attacked.worstMs)),
    metricsBytes: metricsText.length,
    rows:
      (await countRows(hub.services)) -
      rows -
      turns.reduce((sum, { calm, beside, attacked }) => sum + calm.sent + beside.sent + attacked.sent, 0),
  };
}

interface Attacker {
  start(): void;
  /** How many were sent in all. */
  pause(): Promise<number>;
  end(): void;
}

function startAttacker(attack: Attack, { url, port, key, code, referralCode, openSource }: Hub): Attacker {
  const target: Target = { url, port, key, code, referralCode, openSource };
  const script = fileURLToPath(new URL('attacker.ts', import.meta.url));
  const child = fork(script, [attack.name], { env: { ...process.env, ATTACK_TARGET: JSON.stringify(target) } });
  return {
    start: () => child.send('start'),
    pause: async () => {
      child.send('pause');
      const [sent] = (await once(child, 'message')) as [number];
      return sent;
    },
    end: () => child.kill(),
  };
}

interface Probe {
  sent: number;
  p50Ms: number;
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
    p50Ms: times[Math.floor(times.length * 0.5)] ?? Infinity,
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
