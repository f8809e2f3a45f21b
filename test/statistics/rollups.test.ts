import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { createLogger } from '../../src/process/logging.ts';
import { requestResettlements } from '../../src/pipeline/rows/resettlement-rows.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import { listBalances } from '../../src/ledger/balances.ts';
import { insertClicks, type Click } from '../../src/program/clicks.ts';
import { readOfferStatistics } from '../../src/statistics/offer-statistics.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { buildStatistics, rollUpBalances, rollUpStatistics } from '../../src/statistics/rollups.ts';
import {
  readStatistics,
  readStatisticsSeries,
  type StatisticsFilter,
  type StatisticsInterval,
} from '../../src/statistics/statistics.ts';
import { countLinkResults, createTrackingLink } from '../../src/program/tracking-links.ts';
import { arbitraryDecidedHistory } from '../journeys/arbitrary-decided-histories.ts';
import { arbitraryDelivery } from '../journeys/arbitrary-deliveries.ts';
import { arbitraryHistory } from '../journeys/arbitrary-histories.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';
import { liveHistory } from '../journeys/live-history.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { sumBalances, sumOffers, sumStatistics } from './full-sums.ts';

const numRuns = Number(process.env.PROPERTY_RUNS ?? 6);
const log = createLogger({ level: 'error', role: 'test' });
let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

test('statistics and balances equal the full sums after any history, however much of it is rolled up', async () => {
  const histories = fc
    .oneof(arbitraryHistory, arbitraryDecidedHistory)
    .chain((history) =>
      fc.tuple(fc.constant(history), arbitraryDelivery(history), fc.array(fc.integer({ min: 0, max: 2 }))),
    );
  let compared = 0;
  let payouts = 0;
  await fc.assert(
    fc.asyncProperty(histories, async ([history, delivery, fates]) => {
      const living = new AbortController();
      const rollingUp = rollUpUntil(living.signal);
      await liveHistory(t.db, log, history, delivery).finally(() => living.abort());
      await rollingUp;
      const programId = await newestProgram();
      await assertFullSums(programId);
      payouts += await payOut(programId, fates);
      for (const step of [() => rollUpStatistics(t.db, 3), () => rollUpBalances(t.db, 2), rollUpAll]) {
        await step();
        compared += await assertFullSums(programId);
      }
    }),
    { numRuns, endOnFailure: true },
  );
  console.log(`rollups: ${compared} figures compared over ${numRuns} histories with ${payouts} payouts`);
  assert.ok(compared > 0);
});

test('no click is counted twice or missed while clicks are written, rolled up and built at once', async () => {
  const { programId, affiliateId, offerId } = await makeProgram('UTC');
  const link = await createTrackingLink(t.db, { programId, livemode: true }, { affiliateId, offerId });
  let written = 0;
  const writing = new AbortController();
  const rollingUp = rollUpUntil(writing.signal);
  const write = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) {
      const clicks = Array.from({ length: 5 }, () => clickOf(programId, affiliateId, offerId, link.id, new Date()));
      await insertClicks(t.db, clicks);
      written += clicks.length;
    }
  };
  const read = async (): Promise<void> => {
    while (!writing.signal.aborted) {
      const known = written;
      const { clicks } = await readStatistics(t.db, programId, { livemode: true });
      const byLink = (await countLinkResults(t.db, programId, true, [link.id])).get(link.id)?.clicks ?? 0;
      // At most the two statements that have committed but not returned come on top.
      assert.ok(clicks >= known && clicks <= written + 10, `${clicks} of ${known} to ${written}`);
      assert.ok(byLink >= known && byLink <= written + 10, `${byLink} of ${known} to ${written}`);
    }
  };
  const reading = read();
  await Promise.all([write(), write()]).finally(() => writing.abort());
  await Promise.all([rollingUp, reading]);
  await rollUpAll();
  assert.equal((await readStatistics(t.db, programId, { livemode: true })).clicks, 400);
  assert.equal((await countLinkResults(t.db, programId, true, [link.id])).get(link.id)?.clicks, 400);
  const [left] = await runSql<{ deltas: bigint }>(t.db, 'select count(*) as deltas from statistic_deltas');
  assert.equal(left?.deltas, 0n);
});

test("days follow the program's time zone, its half hours and its change, at once", async () => {
  const { programId, affiliateId, offerId } = await makeProgram('Asia/Kolkata');
  await rollUpAll();
  // 18:15Z is 23:45 and 18:30Z is midnight in Kolkata.
  const times = ['2026-03-09T18:15:00Z', '2026-03-09T18:29:59.999Z', '2026-03-09T18:30:00Z', '2026-03-10T23:59:59Z'];
  await insertClicks(
    t.db,
    times.map((at) => clickOf(programId, affiliateId, offerId, null, new Date(at))),
  );
  const days = async () =>
    (await readStatisticsSeries(t.db, programId, { livemode: true }, 'day')).map(({ date, clicks }) => [date, clicks]);
  const kolkata = [
    ['2026-03-09', 2],
    ['2026-03-10', 1],
    ['2026-03-11', 1],
  ];
  assert.deepEqual(await days(), kolkata);
  await rollUpAll();
  assert.deepEqual(await days(), kolkata);
  await t.db('programs').where({ id: programId }).update({ timezone: 'UTC' });
  const utc = [
    ['2026-03-09', 3],
    ['2026-03-10', 1],
  ];
  assert.deepEqual(await days(), utc);
  await rollUpAll();
  assert.deepEqual(await days(), utc);
});

async function makeProgram(timezone: string) {
  const programId = newId('prg');
  await t.db('programs').insert({ id: programId, name: 'Rolled up', timezone });
  const affiliateId = await addAffiliate(t.db, programId);
  const offerId = await addOffer(t.db, programId, { type: 'cps', rateBps: 1000 });
  return { programId, affiliateId, offerId };
}

function clickOf(
  programId: string,
  affiliateId: string,
  offerId: string,
  linkId: string | null,
  occurredAt: Date,
): Click {
  const nothing = { sub1: null, sub2: null, sub3: null, sub4: null, sub5: null, utm: null, ip: null };
  return {
    ...nothing,
    id: newId('clk'),
    programId,
    livemode: true,
    affiliateId,
    offerId,
    linkId,
    occurredAt,
    userAgent: null,
    sourceUrl: null,
  };
}

async function rollUpUntil(stopped: AbortSignal): Promise<void> {
  for (let turn = 0; !stopped.aborted; turn += 1) {
    if (turn % 5 === 0) await buildStatistics(t.db);
    await rollUpStatistics(t.db, 7);
    await rollUpBalances(t.db, 5);
  }
}

async function rollUpAll(): Promise<void> {
  while ((await buildStatistics(t.db)) > 0);
  while ((await rollUpStatistics(t.db, 1_000)) > 0);
  while ((await rollUpBalances(t.db, 1_000)) > 0);
}

async function newestProgram(): Promise<string> {
  const [row] = await runSql<{ id: string }>(t.db, 'select id from programs order by created_at desc limit 1');
  assert.ok(row);
  return row.id;
}

/** Pays out what is payable: left pending, paid or failed as the fates have it; twice, so that some are freed again. */
async function payOut(programId: string, fates: number[]): Promise<number> {
  let made = 0;
  for (const [index, fate] of [...fates, 1, 2].entries()) {
    const balances = await sumBalances(t.db, programId);
    const balance = balances[index % Math.max(1, balances.length)];
    if (!balance) return made;
    const { affiliateId, currency } = balance;
    const input = { affiliateId, currency, createdBy: 'key_test' };
    const payout = await inTransaction(t.db, (trx) => createPayout(trx, programId, input, new Date()));
    if (!payout) continue;
    made += 1;
    if (fate === 0) continue;
    const ids = await inTransaction(t.db, async (trx) => {
      const done = await finishPayout(trx, programId, payout.id, fate === 1 ? 'paid' : 'failed', new Date());
      const scope = { programId, livemode: true };
      return requestResettlements(
        trx,
        (done?.orderIds ?? []).map((orderId) => ({ scope, customerId: null, orderId })),
      );
    });
    await settleSafely({ db: t.db, log, clock: { now: () => new Date() } }, { eventIds: [], resettlementIds: ids });
  }
  return made;
}

/** Compares everything that is read from rollups with sums over the rows themselves; gives how many figures. */
async function assertFullSums(programId: string): Promise<number> {
  let figures = 0;
  const [affiliate] = await runSql<{ id: string }>(
    t.db,
    `select affiliate_id as id from orders where program_id = ? and affiliate_id is not null group by 1 order by count(*) desc`,
    [programId],
  );
  const [span] = await runSql<{ from: Date; until: Date }>(
    t.db,
    `select min(occurred_at) + interval '1 hour 7 minutes' as from, max(occurred_at) - interval '26 hours' as until
     from (select occurred_at from orders where program_id = ? union select occurred_at from clicks where program_id = ?) o`,
    [programId, programId],
  );
  const filters: StatisticsFilter[] = [
    { livemode: true },
    { livemode: true, affiliateId: affiliate?.id },
    { livemode: true, offerId: `off_${programId.slice(4)}_1` },
    { livemode: true, offerId: `off_${programId.slice(4)}_1`, affiliateId: affiliate?.id },
    { livemode: true, ...span },
    { livemode: true, from: span?.from, until: span && new Date(span.from.getTime() + 3_600_000) },
    { livemode: true, affiliateId: affiliate?.id, until: span?.until },
  ];
  for (const filter of filters) {
    assert.deepEqual(
      await readStatistics(t.db, programId, filter),
      (await sumStatistics(t.db, programId, filter, null))[0],
    );
    for (const interval of ['day', 'week', 'month'] satisfies StatisticsInterval[]) {
      const series = await readStatisticsSeries(t.db, programId, filter, interval);
      assert.deepEqual(series, await sumStatistics(t.db, programId, filter, interval));
      figures += series.length;
    }
  }
  const offers = await readOfferStatistics(t.db, programId, { livemode: true });
  assert.deepEqual(
    offers.map(({ offerId, clicks, amounts }) => ({ offerId, clicks, amounts })),
    await sumOffers(t.db, programId),
  );
  const all = await listBalances(t.db, programId, {}, { limit: 100, after: null });
  assert.deepEqual(all.items, await sumBalances(t.db, programId));
  const paged = [];
  for (let page = await listBalances(t.db, programId, {}, { limit: 1, after: null }); ;) {
    paged.push(...page.items);
    const last = page.items.at(-1);
    if (!page.hasMore || !last) break;
    page = await listBalances(t.db, programId, {}, { limit: 1, after: last });
  }
  assert.deepEqual(paged, all.items);
  return figures + offers.length + all.items.length;
}
