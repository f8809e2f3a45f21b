import type { Knex } from 'knex';
import type { Db } from '../../src/db/db.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { newId } from '../../src/domain/ids.ts';
import { streamNumber } from '../../src/outbound/wire/streams.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild } from './child.ts';
import { fillProgram } from './filled-program.ts';
import { round, type BenchOptions, type BenchResult, type Mark } from './result.ts';
import { startBenchServices } from './services.ts';

const ORDERS = 1_000_000;
const ROUNDS = 100;

/** p95 of each, in milliseconds, that may not be passed (of an answer over loopback). */
const marks = { trace: 200, search: 150, timeline: 100 };

/**
 * Trace, search and timeline over a program of a million conversions, each with a click with sub ids, a message, a fact, a
 * customer and a message of ours: what is asked for is another order each time, or nothing that there is.
 */
export async function runLookUpBench(
  backend: 'postgres' | 'redis',
  { orders = ORDERS }: BenchOptions,
): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  const web = startChild('src/server.ts', { ...services.env, PORT: String(port), HOST: '127.0.0.1' });
  try {
    await waitUntil('the web process is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    const { db } = services;
    const programId = newId('prg');
    await db('programs').insert({ id: programId, name: 'Benchmark' });
    const counted = ['clicks disable trigger clicks_are_counted', 'orders disable trigger orders_are_counted'];
    for (const each of counted) await db.raw(`alter table ${each}`);
    await fillProgram(db, programId, orders);
    await fillTraffic(db, programId);
    for (const each of counted) await db.raw(`alter table ${each.replace('disable', 'enable')}`);
    await db.raw('vacuum analyze');
    const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'read' });
    const figures: Record<string, number> = {};
    const bounds: Mark[] = [];
    for (const [name, paths] of Object.entries(await readsOf(db, programId, orders))) {
      const times = await measure(port, key, paths);
      figures[`${name}: p50 ms`] = round(quantile(times, 0.5));
      figures[`${name}: p95 ms`] = round(quantile(times, 0.95));
      const [of = ''] = name.split(' ');
      bounds.push({ name: `${name}: p95 ms`, value: quantile(times, 0.95), atMost: marks[of as keyof typeof marks] });
    }
    return { name: 'look-up', backend, figures, marks: bounds };
  } finally {
    await web.stop();
    await services.stop();
  }
}

const ROWS_PER_STATEMENT = 50_000;

/** What the pipeline leaves beside an order and its posting; one message in fifty was rejected. */
async function fillTraffic(db: Db, programId: string): Promise<void> {
  const stream = streamNumber({ programId, livemode: true, type: 'conversion.created' });
  for (let after: string | null = ''; after !== null;) {
    const page: { rows: { last: string | null }[] } = await db.raw(
      `with page as materialized (
         select id, substr(id, 5) as hex, order_id, created_at, occurred_at, affiliate_id, click_id from orders
         where program_id = :programId and id > :after order by id limit :limit
       ), events as (
         insert into inbox_events (id, program_id, kind, livemode, raw, headers, facts, status, outcome, reason, error,
           conversion_id, next_enqueue_at, received_at, settled_at)
         select 'ibx_' || hex, :programId, 'conversion', true,
           convert_to('{"order_id":"' || order_id || '","amount":"49.00","click_id":"' || click_id || '"}', 'UTF8'), '{}',
           '[]', 'processed', case when n then 'rejected' else 'recorded' end, case when n then 'click_not_found' end,
           case when n then 'Click not found' end, case when not n then id end, created_at, created_at, created_at
         from page cross join lateral (select right(hex, 1) = '0' and right(hex, 2) < '50' as n) chosen
       ), told as (
         insert into facts (program_id, livemode, id, order_id, inbox_id, occurred_at, fact, posted, names_its_click)
         select :programId, true, 'api:' || hex, id, 'ibx_' || hex, occurred_at,
           json_build_object('type', 'sale', 'id', 'api:' || hex, 'refs', json_build_array('order:' || order_id), 'occurredAt',
             to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'customer', null, 'evidence',
             json_build_object('clickId', click_id), 'document', 'api', 'gross', json_build_object('minor', 4900, 'currency', 'USD'),
             'net', json_build_object('minor', 4900, 'currency', 'USD'), 'phase', 'one_off', 'subscription', null, 'goal', 'purchase'),
           true, true
         from page
       ), people as (
         insert into customers (id, program_id, livemode, email) select 'cus_' || hex, :programId, true, 'c' || order_id || '@shop.example' from page
       ), refs as (
         insert into customer_refs (program_id, livemode, ref, customer_id)
         select :programId, true, 'email:c' || lower(order_id) || '@shop.example', 'cus_' || hex from page
       ), messages as (
         insert into messages (id, program_id, livemode, type, stream, body, created_at)
         select 'evt_' || hex, :programId, true, 'conversion.created', :stream,
           '{"id":"evt_' || hex || '","type":"conversion.created","data":{"id":"' || id || '"}}', created_at
         from page
       ), clicked as (
         update clicks c set sub1 = case when right(hex, 1) = '1' then 'summer' else 'net-' || order_id end, sub3 = 'x-' || order_id
         from page where c.program_id = :programId and c.livemode and c.id = page.click_id
       ), bought as (
         update orders o set customer_id = 'cus_' || hex, terms = json_build_array(), explanation = json_build_object(
           'chosen', json_build_object('by', 'click', 'value', page.click_id, 'affiliateId', page.affiliate_id), 'passedOver',
           json_build_array(), 'amounts', null, 'rule', 'cps', 'flags', json_build_array())
         from page where o.id = page.id and o.program_id = :programId
       )
       select max(id) as last from page`,
      { programId, after, stream, limit: ROWS_PER_STATEMENT } as unknown as Record<string, Knex.RawBinding>,
    );
    after = page.rows[0]?.last ?? null;
  }
}

/** Paths by what is measured; the statements are the same whether or not there is something. */
async function readsOf(db: Db, programId: string, orders: number): Promise<Record<string, string[]>> {
  const at = Array.from({ length: ROUNDS }, (_, n) => Math.floor(((n + 0.5) * orders) / ROUNDS));
  const { rows } = await db.raw<{ rows: { id: string; click_id: string; order_id: string; affiliate: string }[] }>(
    `select o.id, o.click_id, o.order_id, a.display_name as affiliate from orders o join affiliates a on a.id = o.affiliate_id
     where o.program_id = ? and o.order_id = any(?) order by o.id`,
    [programId, at.map((n) => `T-${n}`)],
  );
  const asked = (path: string, names: string[]): string[] =>
    names.map((name) => `/${path}?q=${encodeURIComponent(name)}`);
  const ids = rows.map(({ order_id }) => order_id);
  return {
    'trace of an order': asked('trace', ids),
    'trace of a conversion id': asked(
      'trace',
      rows.map(({ id }) => id),
    ),
    'trace of a click': asked(
      'trace',
      rows.map(({ click_id }) => click_id),
    ),
    'trace of an e-mail': asked(
      'trace',
      ids.map((id) => `c${id}@shop.example`),
    ),
    'trace of a sub id': asked(
      'trace',
      ids.map((id) => `net-${id}`),
    ),
    'trace of a sub id that a sixteenth of the clicks have': asked(
      'trace',
      ids.map(() => 'summer'),
    ),
    'trace of an old sub3': asked(
      'trace',
      ids.map((id) => `x-${id}`),
    ),
    'trace of nothing': asked(
      'trace',
      ids.map((id) => `nothing-${id}`),
    ),
    'search of an order': asked('search', ids),
    'search of an e-mail': asked(
      'search',
      ids.map((id) => `c${id}@shop.example`),
    ),
    'search of a name': asked(
      'search',
      rows.map(({ affiliate }) => affiliate.slice(0, 3)),
    ),
    'search of nothing': asked(
      'search',
      ids.map((id) => `nothing-${id}`),
    ),
    timeline: rows.map(({ id }) => `/conversions/${id}/timeline`),
  };
}

async function measure(port: number, key: string, paths: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const path of [...paths.slice(0, 10), ...paths]) {
    const started = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text}`);
    times.push(performance.now() - started);
  }
  return times.slice(10);
}

function quantile(times: number[], q: number): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * q) - 1] ?? Number.NaN;
}
