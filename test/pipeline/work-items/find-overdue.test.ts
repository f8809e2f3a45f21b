import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { replayEvent } from '../../../src/audit/replay.ts';
import { takeOverdueEvents } from '../../../src/pipeline/work-items/find-overdue.ts';
import { listInboxEvents } from '../../../src/inbound/inbox/inbox-events.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openLedger, sale, usd, type Ledger } from '../../journeys/ledger.ts';

let database: TestDatabase;
let ledger: Ledger;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

beforeEach(async () => {
  await database.db('inbox_watches').delete();
  ledger = await openLedger(database.db);
});

const noQueue = { enqueue: () => Promise.resolve(true) };

async function takeOverdue(): Promise<string[]> {
  return (await takeOverdueEvents(database.db, 50, 15)).eventIds;
}

async function countWatches(): Promise<number> {
  return (await runSql(database.db, 'select 1 from inbox_watches')).length;
}

/** As if so much time had passed. */
async function passSeconds(seconds: number): Promise<void> {
  await runSql(
    database.db,
    `with w as (update inbox_watches set due_at = due_at - ? * interval '1 second')
     update inbox_events set next_enqueue_at = next_enqueue_at - ? * interval '1 second' where status = 'received'`,
    [seconds, seconds],
  );
}

async function listStatus(status: 'received' | 'failed'): Promise<string[]> {
  const page = await listInboxEvents(
    database.db,
    ledger.programId,
    { livemode: true, statuses: [status] },
    { limit: 10 },
  );
  return page.items.map(({ id }) => id);
}

test('what waits is found again and again until it is settled, and then let go', async () => {
  const ids = await ledger.store([
    [sale('order:1', usd(1_000), {}, { affiliate: ledger.affiliateId })],
    [sale('order:2', usd(1_000), {}, { affiliate: ledger.affiliateId })],
  ]);
  assert.deepEqual(await listStatus('received'), ids.toReversed());
  assert.deepEqual(await takeOverdue(), ids);
  assert.deepEqual(await takeOverdue(), [], 'not again at once');
  await ledger.settle(ids.slice(0, 1));
  const passOfWatches = (seconds: number) =>
    runSql(database.db, `update inbox_watches set due_at = due_at - ? * interval '1 second'`, [seconds]);
  await passOfWatches(10);
  assert.deepEqual(await takeOverdue(), [], 'a job has some seconds');
  await passOfWatches(5);
  assert.deepEqual(await takeOverdue(), ids.slice(1));
  assert.deepEqual(await listStatus('received'), ids.slice(1));
  await ledger.settle(ids);
  await passSeconds(61);
  assert.deepEqual(await takeOverdue(), []);
  assert.equal(await countWatches(), 0);
  assert.deepEqual(await listStatus('received'), []);
});

test('what failed is found when its next turn comes, and no more once it is given up', async () => {
  const [id = ''] = await ledger.store([[sale('order:1', usd(1_000), {}, { affiliate: ledger.affiliateId })]]);
  await runSql(database.db, `update inbox_events set facts = '[{"type":"sale","id":7}]' where id = ?`, [id]);
  await takeOverdue();
  await ledger.settle([id]);
  assert.deepEqual(await takeOverdue(), [], 'its turn is in five seconds');
  await passSeconds(6);
  assert.deepEqual(await takeOverdue(), [id]);
  for (let attempt = 1; attempt < 5; attempt += 1) await ledger.settle([id]);
  assert.deepEqual(await listStatus('failed'), [id]);
  await passSeconds(3_600);
  assert.deepEqual(await takeOverdue(), []);
  assert.equal(await countWatches(), 0);
});

test('what is replayed is found if its job is lost', async () => {
  const [id = ''] = await ledger.say([sale('order:1', usd(1_000), {}, { affiliate: ledger.affiliateId })]);
  assert.deepEqual(await takeOverdue(), []);
  assert.equal(await countWatches(), 0);
  assert.ok(await replayEvent({ db: database.db, queues: noQueue }, ledger.programId, true, id));
  await passSeconds(11);
  assert.deepEqual(await takeOverdue(), [id]);
});

test('events of one statement are one watch, and two sweeps at once take different ones', async () => {
  const many = Array.from({ length: 5 }, (_, n) => [
    sale(`order:${n}`, usd(1_000), {}, { affiliate: ledger.affiliateId }),
  ]);
  const ids = await ledger.store(many);
  assert.equal(await countWatches(), 5);
  const both = await Promise.all([takeOverdueEvents(database.db, 3, 15), takeOverdueEvents(database.db, 3, 15)]);
  assert.deepEqual(both.flatMap(({ eventIds }) => eventIds).toSorted(), ids);
  await runSql(database.db, 'delete from inbox_watches');
  await runSql(
    database.db,
    `insert into inbox_events (id, program_id, kind, livemode, raw, facts, received_at, next_enqueue_at)
     select id || 'b', program_id, kind, livemode, raw, facts, received_at, next_enqueue_at from inbox_events where id = any(?)`,
    [ids],
  );
  assert.equal(await countWatches(), 1);
});
