import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { commandLine } from '../../../src/domain/actor.ts';
import { readEndpoints } from '../../../src/outbound/endpoints/endpoint-rows.ts';
import { resendMessage } from '../../../src/outbound/recovery/redelivery.ts';
import type { Queues } from '../../../src/queue/queues.ts';
import { runSql } from '../../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { hasErrorCode } from '../../support/errors.ts';
import {
  createEndpoint,
  createProgram,
  createSender,
  draftMessage,
  FakeClock,
  readAttempts,
  readDeliveries,
  writeDrafts,
} from '../fixtures.ts';
import { startReceiver, type Receiver, type Respond } from '../receiver.ts';

let database: TestDatabase;
let programId: string;
let receiver: Receiver;
let respond: Respond;
let clock: FakeClock;
let enqueued: string[];

const queues = {
  enqueue: async (_name: string, jobs: { deliveryIds: string[] }[]) => {
    enqueued.push(...jobs.flatMap((job) => job.deliveryIds));
  },
} as unknown as Queues;

before(async () => {
  database = await openTestDatabase();
  receiver = await startReceiver((...all) => respond(...all));
});
after(async () => {
  await receiver.close();
  await database.close();
});
beforeEach(async () => {
  clock = new FakeClock();
  programId = await createProgram(database.db);
  receiver.received.length = 0;
  enqueued = [];
  respond = (_request, response) => response.writeHead(500).end();
});
afterEach(() => database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade'));

async function resend(endpointId: string): Promise<void> {
  const [endpoint] = await readEndpoints(database.db, [endpointId]);
  const [delivery] = await readDeliveries(database.db);
  assert.ok(endpoint && delivery);
  await resendMessage({ db: database.db, queues, clock }, delivery.messageId, endpoint, commandLine);
}

describe('a resend', () => {
  test('that succeeds ends the retries that were waiting', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    respond = (_request, response) => response.end('ok');
    await resend(endpointId);
    await sender.wake(enqueued);
    await sender.idle();
    clock.advance(86_400);
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, 2);
    assert.deepEqual(
      (await readAttempts(database.db)).map((attempt) => attempt.trigger),
      ['schedule', 'resend'],
    );
    assert.equal((await readDeliveries(database.db))[0]?.status, 'succeeded');
  });

  test('of a commission that was stored with its conversion sends what was told of it then', async () => {
    const [conversion, commission] = [
      draftMessage(programId, { data: { id: 'cnv_1' } }),
      draftMessage(programId, { type: 'commission.created', data: { id: 'com_1', conversionId: 'cnv_1' } }),
    ];
    await writeDrafts(database.db, [conversion, commission], clock.now());
    const [message] = await runSql<{ id: string; body: string }>(
      database.db,
      `select id, body from every_message where type = 'commission.created'`,
    );
    const endpointId = await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['payout.paid'] });
    const [endpoint] = await readEndpoints(database.db, [endpointId]);
    assert.ok(endpoint && message);
    respond = (_request, response) => response.end('ok');
    await resendMessage({ db: database.db, queues, clock }, message.id, endpoint, commandLine);
    const sender = createSender(database.db, { clock });
    await sender.wake(enqueued);
    await sender.idle();
    await sender.close();
    assert.deepEqual(
      receiver.received.map(({ body }) => body),
      [message.body],
    );
  });

  test('that fails takes the place of one retry, and the schedule goes on', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    await resend(endpointId);
    await sender.wake(enqueued);
    await sender.idle();
    await sender.close();
    const [delivery] = await readDeliveries(database.db);
    assert.deepEqual([delivery?.status, delivery?.step, delivery?.trigger], ['pending', 2, 'schedule']);
    assert.equal(delivery?.nextAttemptAt?.getTime(), clock.now().getTime() + 300_000);
  });

  test('does not wait behind a long queue, nor for the breaker', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const drafts = Array.from({ length: 100 }, () => draftMessage(programId));
    await writeDrafts(database.db, drafts, clock.now());
    const sender = createSender(database.db, { clock });
    await sender.sweep();
    await sender.idle();
    const before = receiver.received.length;
    assert.ok(before < 100, 'the breaker is open');
    await resend(endpointId);
    await sender.wake(enqueued);
    await sender.idle();
    await sender.close();
    assert.equal(receiver.received.length, before + 1);
  });

  test('asked for while an attempt is under way is not lost when that fails', async () => {
    let finish = (): void => undefined;
    const began = new Promise<void>((resolve) => {
      respond = (_request, response) => {
        finish = () => response.writeHead(500).end();
        resolve();
      };
    });
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, [draftMessage(programId)], clock.now());
    const sender = createSender(database.db, { clock });
    await sender.wake(ids);
    await began;
    await resend(endpointId);
    respond = (_request, response) => response.end('ok');
    finish();
    await sender.idle();
    await sender.sweep();
    await sender.idle();
    await sender.close();
    assert.deepEqual(
      (await readAttempts(database.db)).map((attempt) => [attempt.trigger, attempt.status]),
      [
        ['schedule', 'failed'],
        ['resend', 'succeeded'],
      ],
    );
  });

  test('to a disabled endpoint is a conflict', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url, { disabled: true });
    await writeDrafts(database.db, [draftMessage(programId)]);
    await assert.rejects(resend(endpointId), hasErrorCode('CONFLICT'));
  });
});
