import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inTransaction } from '../../../src/db/db.ts';
import type { Sender } from '../../../src/outbound/delivery/sender.ts';
import {
  writeMessagesFor,
  type MessageDraft,
  type WrittenMessages,
} from '../../../src/outbound/messages/write-messages.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { statementsOf } from '../../support/statements.ts';
import { startReceiver, type Receiver, type Respond } from '../receiver.ts';
import {
  createEndpoint,
  createProgram,
  createSender,
  draftMessage,
  readAttempts,
  readDeliveries,
  type EndpointOptions,
} from '../fixtures.ts';

let database: TestDatabase;
let programId: string;
let receiver: Receiver;
let respond: Respond;
let sender: Sender;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

beforeEach(async () => {
  programId = await createProgram(database.db);
  respond = (_request, response) => response.end('ok');
  receiver = await startReceiver((...all) => respond(...all));
  sender = createSender(database.db, { holder: () => 77 });
});
afterEach(async () => {
  await sender.close();
  await receiver.close();
  await database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade');
});

function write(drafts: MessageDraft[]): Promise<WrittenMessages> {
  return inTransaction(database.db, (trx) => writeMessagesFor(trx, drafts, new Date(), { sender }));
}

function drafts(count: number): MessageDraft[] {
  return Array.from({ length: count }, () => draftMessage(programId));
}

describe('a delivery that the sender at hand sends at once', () => {
  test('is leased as it is written, sent after the commit, and recorded like any other', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const { deliveryIds, leased } = await write(drafts(1));
    assert.deepEqual(deliveryIds, []);
    const [stored] = await database.db('deliveries').select('locked_by', 'locked_until', 'status');
    assert.equal(stored.locked_by, 77);
    assert.deepEqual(stored.locked_until, leased.leases[0]?.lockedUntil);
    // Another sender, which looks for what is due, leaves it alone.
    const other = createSender(database.db);
    await other.sweep();
    await other.close();
    assert.equal(receiver.received.length, 0);

    const statements = await statementsOf(async () => {
      await sender.send(leased);
      await sender.idle();
    });
    assert.deepEqual(statements, ['recordAttempts']);
    assert.equal(receiver.received.length, 1);
    assert.equal(receiver.received[0]?.body, leased.leases[0]?.body);
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.endpointId, delivery?.status, delivery?.attempts], [endpointId, 'succeeded', 1]);
    assert.equal((await readAttempts(database.db)).length, 1);
  });

  test('that fails is tried again by its schedule', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    respond = (_request, response) => response.writeHead(503).end();
    const { leased } = await write(drafts(1));
    await sender.send(leased);
    await sender.idle();
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.status, delivery?.attempts, delivery?.step], ['pending', 1, 1]);
    assert.ok(delivery?.nextAttemptAt);
    assert.equal(delivery.lockedUntil, null);
    // Whoever failed lately is looked at again before the next is sent.
    assert.equal((await write(drafts(1))).deliveryIds.length, 1);
  });

  test('is given back where the sender stops', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const { leased } = await write(drafts(3));
    const stopped = sender;
    await stopped.close();
    sender = createSender(database.db);
    await stopped.send(leased);
    assert.equal(receiver.received.length, 0);
    const rows = await readDeliveries(database.db);
    assert.deepEqual(
      rows.map(({ status, lockedUntil }) => [status, lockedUntil]),
      rows.map(() => ['pending', null]),
    );
  });
});

describe('a delivery is left to whoever looks for what is due', () => {
  const cases: [string, EndpointOptions][] = [
    ['where the endpoint is throttled', { rateLimitPerSecond: 5 }],
    ['where the endpoint is disabled', { disabled: true }],
  ];
  for (const [name, options] of cases) {
    test(name, async () => {
      await createEndpoint(database.db, programId, receiver.url, options);
      const { leased, deliveryIds } = await write(drafts(1));
      assert.deepEqual(leased.leases, []);
      assert.equal(deliveryIds.length, options.disabled ? 0 : 1);
      const [row] = await readDeliveries(database.db);
      assert.deepEqual([row?.status, row?.lockedUntil], [options.disabled ? 'held' : 'pending', null]);
    });
  }

  test('where the endpoint fails', async () => {
    const id = await createEndpoint(database.db, programId, receiver.url);
    await database.db('webhook_endpoints').where({ id }).update({ failing_since: new Date(), failures: 1 });
    assert.deepEqual((await write(drafts(1))).leased.leases, []);
  });

  test('beyond what the sender may hold, and every one of it is due', async () => {
    await createEndpoint(database.db, programId, receiver.url);
    const { leased, deliveryIds } = await write(drafts(1_200));
    assert.equal(leased.leases.length + deliveryIds.length, 1_200);
    assert.ok(leased.leases.length > 0 && leased.leases.length <= 1_024, `${leased.leases.length} are leased`);
    await sender.send(leased);
    await sender.wake(deliveryIds);
    await sender.idle();
    assert.equal(receiver.received.length, 1_200);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1_200);
  });

  test('beyond that in all, however many endpoints there are', async () => {
    for (let n = 0; n < 20; n += 1) await createEndpoint(database.db, programId, receiver.url);
    const { leased, deliveryIds } = await write(drafts(100));
    assert.equal(leased.leases.length, 1_024);
    assert.equal(deliveryIds.length, 2_000 - 1_024);
    await sender.send(leased);
    await sender.wake(deliveryIds);
    await sender.idle();
    assert.equal(receiver.received.length, 2_000);
  });
});
