import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inTransaction } from '../../../src/db/db.ts';
import { runSql } from '../../support/sql.ts';
import { applyHealth } from '../../../src/outbound/delivery/endpoint-health.ts';
import type { SenderDeps } from '../../../src/outbound/delivery/sender.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  createEndpoint,
  createProgram,
  createSender,
  draftMessage,
  FakeClock,
  readDeliveries,
  writeDrafts,
} from '../fixtures.ts';
import { startReceiver, type Receiver, type Respond } from '../receiver.ts';

let database: TestDatabase;
let programId: string;
let receiver: Receiver;
let respond: Respond;
let clock: FakeClock;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

beforeEach(async () => {
  clock = new FakeClock();
  programId = await createProgram(database.db);
  respond = (_request, response) => response.end('ok');
  receiver = await startReceiver((...all) => respond(...all));
});
afterEach(async () => {
  await receiver.close();
  await database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade');
});

const answer =
  (status: number): Respond =>
  (_request, response) =>
    void response.writeHead(status).end();

/** Sends what is due at this moment of the clock, by a sender of its own. */
async function sendDue(options: Partial<SenderDeps> = {}): Promise<void> {
  const sender = createSender(database.db, { clock, ...options });
  await sender.sweep();
  await sender.idle();
  await sender.close();
}

interface Health {
  failures: number;
  failingSince: Date | null;
  pausedUntil: Date | null;
  disabledReason: string | null;
  deletedAt: Date | null;
}

async function readHealth(endpointId: string): Promise<Health> {
  const [row] = await runSql<Health>(
    database.db,
    `select failures, failing_since as "failingSince", paused_until as "pausedUntil",
            disabled_reason as "disabledReason", deleted_at as "deletedAt" from webhook_endpoints where id = ?`,
    [endpointId],
  );
  return row as Health;
}

async function readBodies(type: string): Promise<{ data: Record<string, unknown>; livemode: boolean }[]> {
  const rows = await runSql<{ body: string }>(
    database.db,
    'select body from messages where type = ? and program_id = ? order by id',
    [type, programId],
  );
  return rows.map(({ body }) => JSON.parse(body) as { data: Record<string, unknown>; livemode: boolean });
}

function drafts(count: number) {
  return Array.from({ length: count }, () => draftMessage(programId));
}

describe('410', () => {
  test('disables the endpoint, tells of it, and keeps what comes after', async () => {
    respond = answer(410);
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, drafts(1), clock.now());
    await sendDue();
    assert.equal((await readHealth(endpointId)).disabledReason, 'gone');
    const [told] = await readBodies('endpoint.disabled');
    assert.deepEqual([told?.data.id, told?.data.disabled, told?.data.reason], [endpointId, true, 'gone']);
    await writeDrafts(database.db, drafts(1), clock.now());
    const statuses = (await readDeliveries(database.db)).map((delivery) => delivery.status).sort();
    assert.deepEqual(statuses, ['failed', 'held', 'held'], 'the refused one, the news of it, and the new one');
    assert.deepEqual(await readBodies('message.exhausted'), []);
  });

  test('removes a REST hook, and what was pending for it is cancelled', async () => {
    respond = answer(410);
    const endpointId = await createEndpoint(database.db, programId, receiver.url, { kind: 'rest_hook' });
    await writeDrafts(database.db, drafts(1), clock.now());
    await sendDue();
    assert.notEqual((await readHealth(endpointId)).deletedAt, null);
    assert.equal((await writeDrafts(database.db, drafts(1), clock.now())).length, 0);
    await sendDue();
    assert.equal(receiver.received.length, 1);
  });
});

describe('five days of only failures', () => {
  test('disable the endpoint and tell of it', async () => {
    respond = answer(500);
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const listener = await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['endpoint.disabled'] });
    await writeDrafts(database.db, drafts(1), clock.now());
    await sendDue();
    clock.advance(5 * 86_400 - 60);
    await writeDrafts(database.db, drafts(1), clock.now());
    await sendDue();
    assert.equal((await readHealth(endpointId)).disabledReason, null, 'a minute is missing');
    clock.advance(60);
    await writeDrafts(database.db, drafts(1), clock.now());
    respond = (request, response) => response.writeHead(request.body.includes('endpoint.disabled') ? 200 : 500).end();
    await sendDue();
    await sendDue();
    assert.equal((await readHealth(endpointId)).disabledReason, 'failing');
    const [told] = await readBodies('endpoint.disabled');
    assert.equal(told?.data.reason, 'failing');
    assert.ok(
      receiver.received.some((request) => request.body.includes('"endpoint.disabled"')),
      listener,
    );
  });

  test('with one success among them do not', async () => {
    respond = answer(500);
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    for (const status of [500, 200, 500]) {
      respond = answer(status);
      await writeDrafts(database.db, drafts(1), clock.now());
      await sendDue({ retryScheduleS: [] });
      clock.advance(3 * 86_400);
    }
    assert.equal((await readHealth(endpointId)).disabledReason, null);
  });
});

describe('the breaker', () => {
  test('opens after 20 failures in a row, then lets one through at a time, and closes with a success', async () => {
    respond = answer(500);
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, drafts(60), clock.now());
    await sendDue();
    const hammered = receiver.received.length;
    assert.ok(hammered >= 20 && hammered < 60, `${hammered} requests before it opened`);
    await sendDue();
    assert.equal(receiver.received.length, hammered, 'open: nothing is sent');
    clock.advance(5);
    await sendDue();
    assert.equal(receiver.received.length, hammered + 1, 'half open: one is tried');
    const { failures, pausedUntil } = await readHealth(endpointId);
    assert.equal(failures, 21);
    assert.equal(pausedUntil?.getTime(), clock.now().getTime() + 10_000, 'and the pause doubles');
    respond = answer(200);
    clock.advance(10);
    await sendDue();
    await sendDue();
    const deliveries = await readDeliveries(database.db);
    assert.deepEqual([...new Set(deliveries.map((delivery) => delivery.status))], ['succeeded']);
    assert.deepEqual((await readHealth(endpointId)).failures, 0);
  });

  test('is opened once by what was under way together, though it is recorded bit by bit', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const change = {
      endpointId,
      succeeded: false,
      failures: 16,
      firstFailureAt: clock.now(),
      gone: false,
      pausedUntil: null,
    };
    for (const failures of [16, 16, 1])
      await inTransaction(database.db, (trx) => applyHealth(trx, [{ ...change, failures }], [5], clock.now()));
    const opened = await readHealth(endpointId);
    assert.equal(opened.failures, 20);
    assert.equal(opened.pausedUntil?.getTime(), clock.now().getTime() + 5_000);
    clock.advance(5);
    const tried = { ...change, failures: 1, firstFailureAt: clock.now() };
    await inTransaction(database.db, (trx) => applyHealth(trx, [tried], [5], clock.now()));
    const stillOpen = await readHealth(endpointId);
    assert.equal(stillOpen.failures, 21);
    assert.equal(stillOpen.pausedUntil?.getTime(), clock.now().getTime() + 10_000);
  });

  test('does not open for failures with successes between them', async () => {
    let calls = 0;
    respond = (_request, response) => response.writeHead((calls += 1) % 2 === 0 ? 500 : 200).end();
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, drafts(100), clock.now());
    await sendDue();
    assert.equal(receiver.received.length, 100);
    assert.equal((await readHealth(endpointId)).pausedUntil, null);
  });
});

describe('message.exhausted', () => {
  test('is told once an endpoint and hour, not once a message', async () => {
    respond = answer(500);
    const endpointId = await createEndpoint(database.db, programId, receiver.url, {
      eventTypes: ['conversion.created'],
    });
    await writeDrafts(database.db, drafts(5), clock.now());
    await sendDue({ retryScheduleS: [] });
    const [told, ...more] = await readBodies('message.exhausted');
    assert.deepEqual(
      [told?.data.endpointId, told?.data.attempts, told?.data.lastError],
      [endpointId, 1, 'answered 500'],
    );
    assert.deepEqual(more, []);
    clock.advance(3_601);
    await writeDrafts(database.db, drafts(2), clock.now());
    await sendDue({ retryScheduleS: [] });
    assert.equal((await readBodies('message.exhausted')).length, 2);
  });

  test('carries the livemode of its message', async () => {
    respond = answer(500);
    await createEndpoint(database.db, programId, receiver.url, { livemode: false });
    await writeDrafts(database.db, [draftMessage(programId, { livemode: false })], clock.now());
    await sendDue({ retryScheduleS: [] });
    assert.equal((await readBodies('message.exhausted'))[0]?.livemode, false);
  });

  test('a live endpoint is the same whatever it answers to test messages', async () => {
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const read = () => runSql<object>(database.db, `select * from webhook_endpoints where id = ?`, [endpointId]);
    for (const status of [500, 410, 200]) {
      const before = await read();
      respond = answer(status);
      await writeDrafts(database.db, [draftMessage(programId, { livemode: false })], clock.now());
      await sendDue({ retryScheduleS: [] });
      assert.deepEqual(await read(), before, `after ${status}`);
    }
    assert.equal(receiver.received.length, 3);
    assert.deepEqual(await readBodies('message.exhausted'), []);
    assert.deepEqual(await readBodies('endpoint.disabled'), []);
  });

  test('is never told about an operational event', async () => {
    respond = answer(500);
    await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['message.exhausted'] });
    const data = { messageId: 'evt_1', endpointId: 'whe_1', attempts: 1, lastError: null };
    await writeDrafts(database.db, [draftMessage(programId, { type: 'message.exhausted', data })], clock.now());
    await sendDue({ retryScheduleS: [] });
    assert.equal((await readDeliveries(database.db))[0]?.status, 'failed');
    assert.equal((await readBodies('message.exhausted')).length, 1, 'the one that was written here');
  });
});

describe('the throttle', () => {
  test('holds in every second, across senders, and delivers all', async () => {
    await createEndpoint(database.db, programId, receiver.url, { rateLimitPerSecond: 20 });
    const ids = await writeDrafts(database.db, drafts(50));
    const senders = [createSender(database.db), createSender(database.db)];
    await Promise.all(senders.map((sender) => sender.wake(ids)));
    const deadline = Date.now() + 10_000;
    while (receiver.received.length < 50 && Date.now() < deadline) {
      await Promise.all(senders.map((sender) => sender.sweep()));
      await Promise.race(senders.map((sender) => sender.idle()));
    }
    await Promise.all(senders.map((sender) => sender.idle()));
    await Promise.all(senders.map((sender) => sender.close()));
    const times = receiver.received.map((request) => request.at).sort((a, b) => a - b);
    assert.equal(times.length, 50);
    const most = Math.max(...times.map((start) => times.filter((at) => at >= start && at < start + 1_000).length));
    assert.ok(most <= 20, `${most} in one second`);
    assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) < 8_000, 'and it is used');
  });
});

describe('isolation', () => {
  test('a hanging endpoint with a long queue does not hold up another', async () => {
    let released = false;
    const hanging: ServerResponse[] = [];
    respond = (request, response) => {
      if (request.url !== '/hang') response.end('ok');
      else if (released) response.destroy();
      else hanging.push(response);
    };
    await createEndpoint(database.db, programId, `http://127.0.0.1:${receiver.port}/hang`, {
      eventTypes: ['affiliate.created'],
    });
    await createEndpoint(database.db, programId, receiver.url, { eventTypes: ['conversion.created'] });
    const stuck = Array.from({ length: 500 }, () => draftMessage(programId, { type: 'affiliate.created' }));
    const stuckIds = await writeDrafts(database.db, stuck);
    const sender = createSender(database.db, { totalTimeoutMs: 30_000 });
    await sender.wake(stuckIds);
    const ids = await writeDrafts(database.db, drafts(200));
    const started = Date.now();
    await sender.wake(ids);
    const arrived = () => receiver.received.filter((request) => request.url === '/hook').length;
    while (arrived() < 200 && Date.now() - started < 20_000) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(arrived(), 200, 'all arrived while the others hang');
    released = true;
    for (const response of hanging) response.destroy();
    await sender.close();
    const waiting = (await readDeliveries(database.db)).filter((delivery) => delivery.status === 'pending');
    assert.equal(waiting.length, 500);
  });
});

describe('an endpoint that is stopped', () => {
  test('while disabled its queue is held; deleted, it is cancelled', async () => {
    const disabled = await createEndpoint(database.db, programId, receiver.url);
    const deleted = await createEndpoint(database.db, programId, receiver.url);
    await writeDrafts(database.db, drafts(3), clock.now());
    await database
      .db('webhook_endpoints')
      .where({ id: disabled })
      .update({ disabled_at: clock.now(), disabled_reason: 'manual' });
    await database.db('webhook_endpoints').where({ id: deleted }).update({ deleted_at: clock.now() });
    await sendDue();
    assert.equal(receiver.received.length, 0);
    const deliveries = await readDeliveries(database.db);
    for (const [endpointId, status] of [
      [disabled, 'held'],
      [deleted, 'cancelled'],
    ]) {
      const own = deliveries.filter((delivery) => delivery.endpointId === endpointId);
      assert.deepEqual(
        own.map((delivery) => delivery.status),
        [status, status, status],
      );
    }
  });

  test('an attempt under way when its endpoint is deleted is finished and recorded', async () => {
    let finish = (): void => undefined;
    const began = new Promise<void>((resolve) => {
      respond = (_request, response) => {
        finish = () => response.end('ok');
        resolve();
      };
    });
    const endpointId = await createEndpoint(database.db, programId, receiver.url);
    const ids = await writeDrafts(database.db, drafts(1), clock.now());
    const sender = createSender(database.db, { clock });
    await sender.wake(ids);
    await began;
    await database.db('webhook_endpoints').where({ id: endpointId }).update({ deleted_at: clock.now() });
    await sender.sweep();
    finish();
    await sender.idle();
    await sender.close();
    assert.equal((await readDeliveries(database.db))[0]?.status, 'succeeded');
  });
});
