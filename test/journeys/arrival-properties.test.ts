import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Db } from '../../src/db/db.ts';
import { createDatabase } from '../../src/db/database.ts';
import { runSql } from '../support/sql.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { arbitraryDelivery, plainDelivery } from './arbitrary-deliveries.ts';
import { assertRowsTellAll } from './short-rows.ts';
import {
  arbitraryBrowserHistory,
  arbitraryHistory,
  withoutAnonymous,
  withoutKeyless,
  type History,
} from './arbitrary-histories.ts';
import { arbitraryDecidedHistory } from './arbitrary-decided-histories.ts';
import { arbitraryUnlinkedHistory } from './arbitrary-unlinked-histories.ts';
import { describeDifference, liveHistory, type LedgerImage } from './live-history.ts';

// Each run lives through a history three times. A thousand and more take a while: PROPERTY_RUNS=1000. Shrinking what
// fails takes minutes more, so it is left to a run with nothing but the seed that the failure names: PROPERTY_SEED=….
const numRuns = Number(process.env.PROPERTY_RUNS ?? 12);
const seed = process.env.PROPERTY_SEED === undefined ? null : Number(process.env.PROPERTY_SEED);
const shrinks = seed !== null && process.env.PROPERTY_RUNS === undefined;

let database: TestDatabase;
let workers: Db;
let lived = 0;
let passedOver = 0;
before(async () => {
  database = await openTestDatabase();
  workers = createDatabase({ url: database.url, role: 'test', poolSize: 5 });
});
after(async () => {
  await workers.destroy();
  await database.close();
});

test('a history gives the same ledger in any order, with any repeats, in any batches, from any number of workers', async () => {
  await assertSameLedger(arbitraryHistory);
});

test('so does one of a shop whose customers are known by what their browsers said', async () => {
  await assertSameLedger(arbitraryBrowserHistory);
});

test('what browsers say without a key changes nothing that is credited without it', async () => {
  const log = createLogger({ level: 'error', role: 'test' });
  await fc.assert(
    fc.asyncProperty(fc.oneof(arbitraryHistory, arbitraryBrowserHistory), async (drawn) => {
      const history = { ...drawn, breaks: [] };
      const keyed = withoutAnonymous(history);
      fc.pre(keyed !== null);
      const without = await liveHistory(workers, log, keyed, plainDelivery(keyed));
      const withAll = await liveHistory(workers, log, history, plainDelivery(history));
      const credited = without.orders.filter(({ affiliate_id: affiliateId }) => affiliateId !== null);
      const found = new Map(withAll.orders.map((order) => [order.reference, order]));
      const same = credited.map(({ reference }) => moneyOf(found.get(reference)));
      assert.deepEqual(same, credited.map(moneyOf));
    }),
    { numRuns, endOnFailure: !shrinks, ...(seed === null ? {} : { seed }) },
  );
});

/** What an order earns whom; what else was passed over for that may be told. */
function moneyOf(order: Record<string, unknown> | undefined) {
  const { refs, kind, status, reason, postings, affiliate_id, offer_id, click_id, occurred_at, own, customer } =
    order ?? {};
  const { commission_minor, commission_currency, net_minor, refunded_minor, currency, subscription } = order ?? {};
  const money = { commission_minor, commission_currency, net_minor, refunded_minor, currency, subscription };
  return {
    refs,
    kind,
    status,
    reason,
    postings,
    affiliate_id,
    offer_id,
    click_id,
    occurred_at,
    own,
    customer,
    ...money,
  };
}

test('payments and invoices that nothing links pair the same way, however and whenever they and their links arrive', async () => {
  await assertSameLedger(arbitraryUnlinkedHistory);
});

test('what people decide and pay between facts gives the same ledger, however the facts before and after arrive', async () => {
  await assertSameLedger(arbitraryDecidedHistory);
});

test('what comes without a key changes no order and no customer of those that have one, paid or not', async () => {
  const log = createLogger({ level: 'error', role: 'test' });
  const deliveries = arbitraryHistory.chain((history) => fc.tuple(fc.constant(history), arbitraryDelivery(history)));
  await fc.assert(
    fc.asyncProperty(deliveries, async ([history, delivery]) => {
      const keyed = withoutKeyless(history);
      fc.pre(keyed.events.length > 0 && keyed.events.flat().length < history.events.flat().length);
      const expected = await liveHistory(workers, log, keyed, plainDelivery(keyed));
      if (expected.paidPairCameApart) return;
      const alone = keyedPart(expected);
      const among = keyedPart(await liveHistory(workers, log, history, delivery));
      assert.ok(isDeepStrictEqual(among, alone), describeDifference(alone, among));
    }),
    { numRuns, endOnFailure: !shrinks, ...(seed === null ? {} : { seed }) },
  );
});

/** The orders and customers that nobody told of without a key; balances are of both. */
function keyedPart({ orders, customers, paidPairCameApart }: LedgerImage): LedgerImage {
  const isKeyed = (row: object): boolean => !JSON.stringify(row).includes('"keyless:');
  return { orders: orders.filter(isKeyed), customers: customers.filter(isKeyed), balances: [], paidPairCameApart };
}

test('what rows tell by themselves is all that there is to tell', () => assertRowsTellAll(database.db));

test('no worker ever waited for another in a circle', async () => {
  // A session's statistics are complete when it has ended.
  await workers.destroy();
  const [statistics] = await runSql<{ deadlocks: bigint }>(
    database.db,
    `select deadlocks from pg_stat_database where datname = current_database()`,
  );
  console.log(
    `arrival: ${lived} generated histories, each in three deliveries, ${passedOver} passed over; ${statistics?.deadlocks} deadlocks`,
  );
  assert.equal(statistics?.deadlocks, 0n);
});

async function assertSameLedger(histories: fc.Arbitrary<History>): Promise<void> {
  const log = createLogger({ level: 'error', role: 'test' });
  const deliveries = histories.chain((history) =>
    fc.tuple(fc.constant(history), arbitraryDelivery(history), arbitraryDelivery(history)),
  );
  await fc.assert(
    fc.asyncProperty(deliveries, async ([history, ...others]) => {
      const expected = await liveHistory(workers, log, history, plainDelivery(history));
      if (expected.paidPairCameApart) {
        passedOver += 1;
        return;
      }
      for (const delivery of others) {
        const image = await liveHistory(workers, log, history, delivery);
        assert.ok(isDeepStrictEqual(image, expected), describeDifference(expected, image));
      }
      lived += 1;
    }),
    { numRuns, endOnFailure: !shrinks, ...(seed === null ? {} : { seed }) },
  );
}
