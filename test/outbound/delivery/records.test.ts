import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { recordAttempts, type AttemptRecord } from '../../../src/outbound/delivery/records.ts';
import { listAttempts } from '../../../src/outbound/messages/message-rows.ts';
import type { Lease } from '../../../src/outbound/wire/lease.ts';
import { createEndpoint, createProgram, draftMessage, readDeliveries, writeDrafts } from '../fixtures.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());
afterEach(() => database.db.raw('truncate messages, deliveries, delivery_attempts, webhook_endpoints cascade'));

const lockedUntil = new Date('2026-11-30T10:00:30.000Z');

/** A delivery that a sender has leased. */
async function lease(): Promise<Lease> {
  const programId = await createProgram(database.db);
  await createEndpoint(database.db, programId, 'https://example.com');
  await writeDrafts(database.db, [draftMessage(programId)]);
  const [delivery] = (await readDeliveries(database.db)).filter(({ status }) => status === 'pending');
  assert.ok(delivery);
  const { messageId, endpointId } = delivery;
  await database.db('deliveries').where({ message_id: messageId }).update({ locked_until: lockedUntil });
  const told = { trigger: 'schedule', step: 0, attempts: 0, body: '', aside: false, request: null } as const;
  return { programId, messageId, endpointId, ...told, lockedUntil };
}

function success(of: Lease, changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    lease: of,
    succeeded: true,
    responseStatus: 200,
    responseBody: 'ok',
    retryAfterS: null,
    error: null,
    durationMs: 12,
    attemptedAt: new Date('2026-11-30T10:00:00.120Z'),
    nextAttemptAt: null,
    ...changes,
  };
}

function failure(of: Lease): AttemptRecord {
  const nextAttemptAt = new Date('2026-11-30T10:01:00.000Z');
  return success(of, { succeeded: false, responseStatus: 500, error: 'HTTP 500', nextAttemptAt });
}

const attemptsOf = async ({ messageId }: Lease) =>
  (await listAttempts(database.db, messageId, {}, { limit: 10 })).items.map(({ id, ...attempt }) => {
    assert.match(id, /^att_[0-9a-f]{32}$/);
    return attempt;
  });

async function countRows(): Promise<number> {
  const [row] = await runSql<{ count: number }>(database.db, 'select count(*)::int as count from delivery_attempts');
  return row?.count ?? 0;
}

describe('an attempt', () => {
  test('that succeeds at once has no row of its own, and is told like every other', async () => {
    const own = await lease();
    await recordAttempts(database.db, [success(own)]);
    assert.equal(await countRows(), 0);
    assert.deepEqual(await attemptsOf(own), [
      {
        messageId: own.messageId,
        endpointId: own.endpointId,
        status: 'succeeded',
        trigger: 'schedule',
        responseStatus: 200,
        responseBody: 'ok',
        error: null,
        durationMs: 12,
        attemptedAt: new Date('2026-11-30T10:00:00.120Z'),
        nextAttemptAt: null,
      },
    ]);
    const failed = await listAttempts(database.db, own.messageId, { status: 'failed' }, { limit: 10 });
    assert.deepEqual(failed.items, []);
  });

  test('of two that both succeeded is told beside the other, in one batch or after it', async () => {
    const one = await lease();
    await recordAttempts(database.db, [success(one), success(one, { durationMs: 13 })]);
    const other = await lease();
    await recordAttempts(database.db, [success(other)]);
    await recordAttempts(database.db, [success(other, { durationMs: 13 })]);
    for (const each of [one, other]) {
      assert.deepEqual(
        (await attemptsOf(each)).map(({ durationMs }) => durationMs).toSorted((a, b) => a - b),
        [12, 13],
      );
    }
    assert.equal(await countRows(), 2);
  });

  test('has its own row where there was one before, where it was asked for, and where its answer is long', async () => {
    const retried = await lease();
    await recordAttempts(database.db, [failure(retried)]);
    await recordAttempts(database.db, [success(retried)]);
    assert.deepEqual(
      (await attemptsOf(retried)).map(({ status, error }) => [status, error]),
      [
        ['succeeded', null],
        ['failed', 'HTTP 500'],
      ],
    );
    const asked = await lease();
    await recordAttempts(database.db, [success({ ...asked, trigger: 'resend' })]);
    const long = await lease();
    await recordAttempts(database.db, [success(long, { responseBody: 'x'.repeat(2_000) })]);
    assert.equal((await attemptsOf(long))[0]?.responseBody?.length, 2_000);
    assert.equal(await countRows(), 4);
  });

  test('of a delivery that is gone is kept', async () => {
    const own = await lease();
    await database.db('deliveries').delete();
    await recordAttempts(database.db, [success(own)]);
    assert.equal((await attemptsOf(own)).length, 1);
  });
});
