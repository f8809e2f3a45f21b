import { setTimeout as wait } from 'node:timers/promises';
import { runSql } from '../support/sql.ts';
import { createDatabase } from '../../src/db/database.ts';
import type { Db } from '../../src/db/db.ts';
import { newId } from '../../src/domain/ids.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { createLogger } from '../../src/process/logging.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import { buildStatistics, rollUpBalances } from '../../src/statistics/rollups.ts';
import { growLedger, type GrownLedger } from './grown-ledger.ts';
import { medianOf, round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const LARGE = 1_000_000;
const BATCH = 500;
const ROUNDS = 24;
const WARM_UP = 6;
/** As many as the batches have messages: in the small ledger, too, each old order and customer is met once. */
const SMALL = BATCH * (WARM_UP + ROUNDS);

/** What an idle connection has counted is in PostgreSQL's statistics after ten seconds. */
const COUNTED_AFTER_MS = 11_000;

/**
 * What it costs to settle the same batch with a million conversions in the ledger (`--orders 5000000`: with so many), next to
 * one that has no more of them than the batches ask for. By turns, so that both see the same machine. A batch has all that
 * looks for its like among what is there, spread over all of it: sales of new customers by click, renewals of bound
 * customers, refunds of old orders, CPA claims, and payments that may belong to an invoice. How long it waits for blocks that
 * are not in PostgreSQL's buffers is told apart: it grows with what does not fit there, whatever a batch does.
 */
export async function runGrowthBench(
  backend: 'postgres' | 'redis',
  { orders = LARGE }: BenchOptions = {},
): Promise<BenchResult> {
  const settings = { track_io_timing: 'on' };
  const small = await startBenchServices(backend, { settings });
  const large = await startBenchServices(backend, { settings });
  // As a worker connects: its plans are made for good, whatever the tables have by then.
  const workers = [small, large].map(({ databaseUrl }) => createDatabase({ url: databaseUrl, role: 'worker' }));
  try {
    const ledgers = [await prepareGrown(small, SMALL), await prepareGrown(large, orders)];
    const times: number[][] = [[], []];
    let readBefore = 0;
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      if (round === 0) readBefore = await countReadMs(large.db);
      // Who goes first changes, too.
      for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const ms = await settleOne(workers[index] as Db, ledgers[index] as GrownLedger, round + WARM_UP);
        if (round >= 0) times[index]?.push(ms);
      }
    }
    const [few = 0, many = 0] = times.map(medianOf);
    const reading = ((await countReadMs(large.db)) - readBefore) / ROUNDS;
    const ratio = many / few;
    return {
      name: 'growth',
      backend,
      figures: {
        'orders in the large ledger': orders,
        'orders in the small ledger': SMALL,
        'batch in the small one, ms': round(few),
        'batch in the large one, ms': round(many),
        'of that waiting for blocks, ms': round(reading),
        'times as long': round(ratio),
        'times as long, without that wait': round((many - reading) / few),
      },
      marks: [{ name: 'times as long', value: ratio, atMost: 1.25 }],
    };
  } finally {
    await Promise.all(workers.map((db) => db.destroy()));
    await small.stop();
    await large.stop();
  }
}

/** Milliseconds that the database's sessions have waited for blocks so far. */
async function countReadMs(db: Db): Promise<number> {
  await wait(COUNTED_AFTER_MS);
  const [row] = await runSql<{ ms: number }>(
    db,
    'select blk_read_time as ms from pg_stat_database where datname = current_database()',
    [],
  );
  return row?.ms ?? 0;
}

/** A ledger of so many orders, as a hub that has run for a while has it: rolled up, vacuumed, written back. */
export async function prepareGrown({ db }: BenchServices, conversions: number): Promise<GrownLedger> {
  const ledger = await growLedger(db, conversions);
  while ((await buildStatistics(db)) > 0);
  while ((await rollUpBalances(db, 20_000)) > 0);
  await db.raw('vacuum analyze');
  // What was written by the filling is written back now, not while the batches are measured.
  await db.raw('checkpoint');
  return ledger;
}

/** Milliseconds that one batch takes, with what it asks to be settled again. */
async function settleOne(db: Db, ledger: GrownLedger, round: number): Promise<number> {
  const log = createLogger({ level: 'silent', role: 'test' });
  const eventIds = await receive(db, ledger, batchOf(ledger, round));
  const started = performance.now();
  let work = { eventIds, resettlementIds: [] as string[] };
  while (work.eventIds.length + work.resettlementIds.length > 0) {
    const { resettlementIds } = await settleSafely({ db, log, clock: { now: () => new Date() } }, work);
    work = { eventIds: [], resettlementIds };
  }
  const ms = performance.now() - started;
  const [left] = await runSql<{ failed: bigint }>(
    db,
    `select count(*) as failed from inbox_events where id = any(?) and (status <> 'processed' or outcome = 'rejected')`,
    [eventIds],
  );
  if (left?.failed !== 0n) throw new Error(`${left?.failed} of the batch did not settle`);
  return ms;
}

/** The same shapes in the same numbers whatever the ledger's size; spread over all that is in it. */
function batchOf({ conversions, clickIds }: GrownLedger, round: number): Fact[] {
  return Array.from({ length: BATCH }, (_, n): Fact => {
    const serial = round * BATCH + n;
    // Far apart from one another, and each old order once.
    const old = (serial * Math.max(1, Math.floor(conversions / (BATCH * (ROUNDS + WARM_UP))))) % conversions;
    const at = new Date(Date.UTC(2026, 8, 1) + serial * 60_000).toISOString();
    const common = { occurredAt: at, evidence: {}, customer: { refs: [`stripe:cus_${old}`], email: null } };
    const money = { minor: 4_900, currency: 'USD' };
    const sale = { type: 'sale', gross: money, net: money, goal: 'purchase', subscription: null } as const;
    const click = { clickId: clickIds[serial % clickIds.length] ?? '' };
    switch (n % 5) {
      case 0:
        return {
          ...common,
          ...sale,
          id: `api:new-${serial}`,
          refs: [`order:new-${serial}`],
          document: 'api',
          phase: 'one_off',
          customer: { refs: [`id:new-${serial}`], email: null },
          evidence: click,
        };
      case 1:
        return {
          ...common,
          ...sale,
          id: `stripe:invoice.paid:in_new_${serial}`,
          refs: [`stripe:in_new_${serial}`],
          document: 'invoice',
          phase: 'subscription',
          subscription: `stripe:sub_${old}`,
        };
      case 2:
        return {
          ...common,
          id: `refund:${serial}`,
          type: 'refund',
          refs: [`order:T-${old}`],
          refundId: `re_${serial}`,
          amount: { minor: 1_000, currency: 'USD' },
          customer: null,
        };
      case 3:
        return {
          ...common,
          id: `action:${serial}`,
          type: 'action',
          refs: [`order:act-${serial}`],
          goal: 'signup',
          evidence: click,
        };
      default:
        return {
          ...common,
          ...sale,
          id: `stripe:payment_intent.succeeded:pi_new_${serial}`,
          refs: [`stripe:pi_new_${serial}`],
          document: 'payment',
          phase: 'one_off',
        };
    }
  });
}

async function receive(db: Db, { programId }: GrownLedger, facts: Fact[]): Promise<string[]> {
  const ids = facts.map(() => newId('ibx')).sort();
  await runSql(
    db,
    `insert into inbox_events (id, program_id, kind, livemode, raw, facts, received_at, next_enqueue_at)
     select id, ?, 'stripe', true, '{}', jsonb_build_array(fact::jsonb), now(), now() + interval '1 hour'
     from unnest(?::text[], ?::text[]) as r (id, fact)`,
    [programId, ids, facts.map((fact) => JSON.stringify(fact))],
  );
  return ids;
}
