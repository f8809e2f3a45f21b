import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Db } from '../../src/db/db.ts';
import { createDatabase } from '../../src/db/database.ts';
import { runSql } from '../support/sql.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  arbitraryDelivery,
  arbitraryHistory,
  arbitraryUnlinkedHistory,
  withoutKeyless,
  type History,
} from './arbitrary-histories.ts';
import { describeDifference, liveHistory, plainDelivery, type LedgerImage } from './live-history.ts';

// Each run lives through a history three times. A thousand and more take a while: PROPERTY_RUNS=1000. Shrinking what
// fails takes minutes more, so it is left to a run with the seed that the failure names: PROPERTY_SEED=….
const numRuns = Number(process.env.PROPERTY_RUNS ?? 25);
const seed = process.env.PROPERTY_SEED === undefined ? null : Number(process.env.PROPERTY_SEED);

let database: TestDatabase;
let workers: Db;
let lived = 0;
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

test('payments and invoices that nothing links pair the same way, however and whenever they and their links arrive', async () => {
  await assertSameLedger(arbitraryUnlinkedHistory);
});

test('what comes without a key changes no order and no customer of those that have one, paid or not', async () => {
  const log = createLogger({ level: 'error', role: 'test' });
  const deliveries = arbitraryHistory.chain((history) => fc.tuple(fc.constant(history), arbitraryDelivery(history)));
  await fc.assert(
    fc.asyncProperty(deliveries, async ([history, delivery]) => {
      const keyed = withoutKeyless(history);
      fc.pre(keyed.events.length > 0 && keyed.events.length < history.events.length);
      const alone = keyedPart(await liveHistory(workers, log, keyed, plainDelivery(keyed)));
      const among = keyedPart(await liveHistory(workers, log, history, delivery));
      assert.ok(isDeepStrictEqual(among, alone), describeDifference(alone, among));
    }),
    { numRuns, ...(seed === null ? { endOnFailure: true } : { seed }) },
  );
});

/** The orders and customers that nobody told of without a key; balances are of both. */
function keyedPart({ orders, customers }: LedgerImage): LedgerImage {
  const isKeyed = (row: object): boolean => !JSON.stringify(row).includes('"keyless:');
  return { orders: orders.filter(isKeyed), customers: customers.filter(isKeyed), balances: [] };
}

test('no worker ever waited for another in a circle', async () => {
  // A session's statistics are complete when it has ended.
  await workers.destroy();
  const [statistics] = await runSql<{ deadlocks: bigint }>(
    database.db,
    `select deadlocks from pg_stat_database where datname = current_database()`,
  );
  console.log(`arrival: ${lived} generated histories, each in three deliveries; ${statistics?.deadlocks} deadlocks`);
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
      for (const delivery of others) {
        const image = await liveHistory(workers, log, history, delivery);
        assert.ok(isDeepStrictEqual(image, expected), describeDifference(expected, image));
      }
      lived += 1;
    }),
    { numRuns, ...(seed === null ? { endOnFailure: true } : { seed }) },
  );
}
