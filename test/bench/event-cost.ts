import { randomBytes } from 'node:crypto';
import { Agent, request } from 'undici';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeBenchProgram } from './bench-program.ts';
import { startChild } from './child.ts';
import { addEndpoint, startBenchReceiver } from './delivery-setup.ts';
import type { BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';
import { readLogPosition, readWalCosts, type WalCost } from './wal-costs.ts';

const WARM_UP = 1_000;
const EVENTS = 4_000;
const CALLERS = 64;

// Of the hub's own tables; a little above what is written today.
const atMost = {
  'conversion indexEntries': 20,
  'conversion bytes': 9_200,
  'postback indexEntries': 18.5,
  'postback bytes': 8_600,
};

// Images of whole pages depend on when the last checkpoint was, and vacuum on its mood: without both, figures repeat.
const settings = { full_page_writes: 'off', autovacuum: 'off' };

/**
 * What one event writes at a full load of 64 callers, by table: rows, index entries, bytes of the write-ahead log. A
 * conversion by JSON of a new customer, and a tracker's postback with a click, each settled, told to a subscriber and
 * rolled up. Read from the log itself, so that nothing depends on how busy the machine is.
 */
export async function runEventCostBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend, { settings });
  const receiver = await startBenchReceiver();
  const agent = new Agent({ connections: CALLERS });
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = { ...services.env, PORT: String(port), HOST: '127.0.0.1' };
  const children = ['src/server.ts', 'workers/main.ts'].map((script) => startChild(script, env, { quiet: true }));
  try {
    await waitUntil('the web process is ready', async () => (await fetch(`${origin}/readyz`)).ok);
    const { programId, clickIds } = await makeBenchProgram(services.db, WARM_UP + EVENTS);
    await addEndpoint({ services, receiver, programId }, '/told', 'conversion.created');
    const makers = await makeEvents(services, programId, clickIds);
    const figures: Record<string, number> = {};
    for (const [kind, make] of Object.entries(makers)) {
      const send = (first: number, count: number) => sendAll(agent, origin, make, first, count);
      await send(0, WARM_UP);
      await quiet(services);
      const since = await readLogPosition(services.db);
      await send(WARM_UP, EVENTS);
      await quiet(services);
      Object.assign(figures, figuresOf(kind, await readWalCosts(services.db, since)));
    }
    const marks = Object.entries(atMost).map(([name, most]) => ({
      name,
      value: figures[name] ?? Infinity,
      atMost: most,
    }));
    return { name: 'event-cost', backend, figures, marks };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await agent.close();
    receiver.stop();
    await services.stop();
  }
}

interface Call {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

async function makeEvents(
  { db }: BenchServices,
  programId: string,
  clickIds: readonly string[],
): Promise<Record<string, (n: number) => Call>> {
  const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'write' });
  const source = await createSource(db, createSecretBox({ key: randomBytes(32) }), programId, {
    kind: 'postback',
    settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
    secrets: null,
  });
  const [first] = await runSql<{ affiliateId: string; offerId: string }>(
    db,
    `select affiliate_id as "affiliateId", offer_id as "offerId" from clicks where id = ?`,
    [clickIds[0]],
  );
  return {
    conversion: (n) => ({
      method: 'POST',
      path: '/api/v1/conversions',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...first, orderId: `E-${n}`, customerId: `customer-${n}`, amount: 49.9, currency: 'USD' }),
    }),
    postback: (n) => ({
      method: 'GET',
      path: `/pb/${source.id}?cid=${clickIds[n]}&txid=B${n}&sum=49.90&currency=USD&secure=${key}`,
    }),
  };
}

async function sendAll(
  agent: Agent,
  origin: string,
  make: (n: number) => Call,
  first: number,
  count: number,
): Promise<void> {
  let next = first;
  const call = async (): Promise<void> => {
    while (next < first + count) {
      const { path, ...options } = make(next++);
      const answer = await request(origin + path, { ...options, dispatcher: agent });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

/** Until nothing is left to settle, to deliver or to roll up: what follows from an event is a part of its cost. */
async function quiet({ db }: BenchServices): Promise<void> {
  await waitUntil(
    'all is settled, delivered and rolled up',
    async () => {
      const left = await runSql(
        db,
        `select 1 from inbox_events where status = 'received' union all select 1 from deliveries where status = 'pending'
         union all select 1 from statistic_deltas union all select 1 from balance_deltas
         union all select 1 from conversion_total_deltas limit 1`,
      );
      return left.length === 0;
    },
    { timeoutMs: 120_000 },
  );
}

function figuresOf(kind: string, costs: readonly WalCost[]): Record<string, number> {
  const figures: Record<string, number> = {};
  const total = { rows: 0, indexEntries: 0, bytes: 0 };
  for (const { table, rows, indexEntries, bytes, ...cost } of costs) {
    const perEvent = { rows, updates: cost.updates, hotUpdates: cost.hotUpdates, indexEntries, bytes };
    for (const [name, value] of Object.entries(perEvent)) {
      const each = Number((value / EVENTS).toFixed(name === 'bytes' ? 0 : 3));
      if (each > 0) figures[`${kind} ${table} ${name}`] = each;
    }
    if (table === 'queue') continue;
    total.rows += rows;
    total.indexEntries += indexEntries;
    total.bytes += bytes;
  }
  for (const [name, value] of Object.entries(total)) {
    figures[`${kind} ${name}`] = Number((value / EVENTS).toFixed(name === 'bytes' ? 0 : 2));
  }
  return figures;
}
