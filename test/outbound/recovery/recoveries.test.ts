import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { continueRecovery, startRecovery } from '../../../src/outbound/recovery/recoveries.ts';
import { deleteOldMessages } from '../../../src/outbound/messages/retention.ts';
import type { Queues } from '../../../src/queue/queues.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createEndpoint, createProgram, createSender, draftMessage, readDeliveries, writeDrafts } from '../fixtures.ts';
import { startReceiver, type Receiver } from '../receiver.ts';

let database: TestDatabase;
let programId: string;
let receiver: Receiver;
let status = 200;
let enqueued: string[];

/** The queue is told after the commit of each page; here it only takes note. */
const queues = {
  enqueue: async (_name: string, jobs: { deliveryIds: string[] }[]) => {
    enqueued.push(...jobs.flatMap((job) => job.deliveryIds));
  },
} as unknown as Queues;

before(async () => {
  database = await openTestDatabase();
  receiver = await startReceiver((_request, response) => response.writeHead(status).end());
});
after(async () => {
  await receiver.close();
  await database.close();
});
beforeEach(async () => {
  programId = await createProgram(database.db);
  receiver.received.length = 0;
  enqueued = [];
  status = 200;
});
afterEach(() => database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade'));

function drafts(count: number) {
  return Array.from({ length: count }, () => draftMessage(programId));
}

async function countByStatus(): Promise<Record<string, number>> {
  const rows = await runSql<{ status: string; count: bigint }>(
    database.db,
    'select status, count(*) as count from deliveries group by status',
  );
  return Object.fromEntries(rows.map((row) => [row.status, Number(row.count)]));
}

const deps = () => ({ db: database.db, queues });

describe('a recovery', () => {
  test('of 10 000 failed messages sends each once, in pages, and says how far it is', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const since = new Date(Date.now() - 60_000);
    for (let n = 0; n < 10; n += 1) await writeDrafts(database.db, drafts(1_000));
    await database.db.raw(`update deliveries set status = 'failed', next_attempt_at = null, attempts = 11, step = 10`);
    const started = await startRecovery(database.db, endpointId, 'failed', since, new Date());
    const progress: number[] = [];
    // Two workers go on with it at the same time.
    for (;;) {
      const pages = await Promise.all([continueRecovery(deps(), new Date()), continueRecovery(deps(), new Date())]);
      const done = pages.filter((page) => page !== null);
      progress.push(...done.map((page) => page.recovered));
      if (done.length === 0 || done.some((page) => page.status === 'completed')) break;
    }
    assert.equal(Math.max(...progress), 10_000);
    assert.ok(progress.length >= 10);
    assert.equal(new Set(enqueued).size, 10_000);
    assert.equal(enqueued.length, 10_000);
    const sender = createSender(database.db);
    await sender.wake(enqueued);
    await sender.idle();
    await sender.close();
    assert.deepEqual(await countByStatus(), { succeeded: 10_000 });
    assert.equal(receiver.received.length, 10_000);
    assert.equal(new Set(receiver.received.map((request) => request.headers['webhook-id'])).size, 10_000);
    const triggers = await runSql(database.db, 'select distinct trigger from every_attempt');
    assert.deepEqual(triggers, [{ trigger: 'recover' }]);
    assert.ok(started.id.startsWith('rec_'));
  });

  test('takes what failed or was held since then, and nothing else', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const other = await createEndpoint(database.db, programId, receiver.url);
    const old = new Date(Date.now() - 7_200_000);
    await writeDrafts(database.db, drafts(2), old);
    await writeDrafts(database.db, drafts(4));
    const rows = (await readDeliveries(database.db)).filter((row) => row.endpointId === endpointId);
    const states = ['failed', 'failed', 'failed', 'held', 'succeeded', 'pending'];
    for (const [index, row] of rows.entries()) {
      const pending = states[index] === 'pending';
      await database
        .db('deliveries')
        .where({ message_id: row.messageId, endpoint_id: endpointId })
        .update({ status: states[index], ...(pending ? {} : { next_attempt_at: null }) });
    }
    await database.db('deliveries').where({ endpoint_id: other }).update({ status: 'failed', next_attempt_at: null });
    await startRecovery(database.db, endpointId, 'failed', new Date(Date.now() - 3_600_000), new Date());
    const page = await continueRecovery(deps(), new Date());
    assert.deepEqual([page?.status, page?.recovered], ['completed', 2]);
    assert.ok(enqueued.every((id) => id.endsWith(endpointId)));
  });

  test('sends what fails again once only', async () => {
    status = 500;
    const endpointId = await createEndpoint(database.db, programId, receiver.url, {
      disabled: true,
      eventTypes: ['conversion.created'],
    });
    await writeDrafts(database.db, drafts(5));
    await database.db('webhook_endpoints').update({ disabled_at: null, disabled_reason: null });
    await startRecovery(database.db, endpointId, 'failed', new Date(0), new Date());
    await continueRecovery(deps(), new Date());
    const sender = createSender(database.db, { retryScheduleS: [] });
    await sender.wake(enqueued);
    await sender.idle();
    await sender.close();
    assert.equal(await continueRecovery(deps(), new Date()), null, 'it is over');
    assert.equal(receiver.received.length, 5);
    assert.deepEqual(await countByStatus(), { failed: 5 });
  });

  test('stops where its endpoint is disabled meanwhile', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url, { disabled: true });
    await writeDrafts(database.db, drafts(5));
    await startRecovery(database.db, endpointId, 'failed', new Date(0), new Date());
    const page = await continueRecovery(deps(), new Date());
    assert.deepEqual([page?.status, page?.recovered], ['cancelled', 0]);
    assert.deepEqual(await countByStatus(), { held: 5 });
  });
});

describe('a replay', () => {
  test('sends the messages of its types that the endpoint was never meant to get, each once', async () => {
    await writeDrafts(database.db, [...drafts(3), draftMessage(programId, { type: 'payout.paid' })]);
    const endpointId = await createEndpoint(database.db, programId, receiver.url, {
      eventTypes: ['conversion.created'],
    });
    await writeDrafts(database.db, drafts(2));
    await startRecovery(database.db, endpointId, 'missing', new Date(0), new Date());
    const page = await continueRecovery(deps(), new Date());
    assert.deepEqual([page?.status, page?.recovered], ['completed', 3]);
    assert.equal((await readDeliveries(database.db)).length, 5);
  });
});

describe('a replay of commissions', () => {
  test('sends those that were stored with their conversions too, in their order over all pages', async () => {
    const pairs = Array.from({ length: 1_100 }, (_, n) => [
      draftMessage(programId, { data: { id: `cnv_${n}` } }),
      draftMessage(programId, { type: 'commission.created', data: { id: `com_${n}`, conversionId: `cnv_${n}` } }),
    ]);
    await writeDrafts(database.db, pairs.flat());
    const [stored] = await runSql<{ count: number }>(database.db, 'select count(*)::int as count from messages');
    assert.equal(stored?.count, 1_100);
    const read = () => runSql(database.db, 'select id, type, body from every_message order by id');
    const before = await read();
    const endpointId = await createEndpoint(database.db, programId, receiver.url, {
      eventTypes: ['commission.created', 'conversion.created'],
    });
    await startRecovery(database.db, endpointId, 'missing', new Date(0), new Date());
    let recovered = 0;
    for (
      let page = await continueRecovery(deps(), new Date());
      page;
      page = await continueRecovery(deps(), new Date())
    ) {
      recovered = page.recovered;
    }
    assert.equal(recovered, 2_200);
    assert.deepEqual(await read(), before);
    const delivered = (await readDeliveries(database.db)).map(({ messageId }) => messageId);
    assert.deepEqual(
      delivered,
      (before as { id: string }[]).map(({ id }) => id),
    );
    assert.deepEqual(
      enqueued.map((id) => id.split(':')[0]),
      delivered,
    );
  });
});

describe('retention', () => {
  test('deletes old messages with all that belongs to them, in steps, and keeps what is pending or young', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, drafts(7));
    const sender = createSender(database.db);
    await sender.wake(ids.slice(0, 6));
    await sender.idle();
    await sender.close();
    // Its lane may take the seventh, too: it is made pending again.
    const [kept] = await readDeliveries(database.db);
    await database
      .db('deliveries')
      .where({ message_id: kept?.messageId })
      .update({ status: 'pending', next_attempt_at: new Date() });
    const inAnHour = new Date(Date.now() + 3_600_000);
    assert.equal(await deleteOldMessages(database.db, new Date(Date.now() - 3_600_000), 100), 0);
    const steps: number[] = [];
    for (;;) {
      const deleted = await deleteOldMessages(database.db, inAnHour, 4);
      steps.push(deleted);
      if (deleted < 4) break;
    }
    assert.deepEqual(steps, [4, 2]);
    const left = await runSql<{ messages: bigint; deliveries: bigint; attempts: bigint }>(
      database.db,
      `select (select count(*) from messages) as messages, (select count(*) from deliveries) as deliveries,
              (select count(*) from every_attempt where message_id <> ?) as attempts`,
      [kept?.messageId],
    );
    assert.deepEqual(left, [{ messages: 1n, deliveries: 1n, attempts: 0n }]);
  });
});
