import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inTransaction } from '../../src/db/db.ts';
import { commandLine } from '../../src/domain/actor.ts';
import { commissionIdOf, newId } from '../../src/domain/ids.ts';
import { deleteOldJobs, findJob, insertJob, lockJob, type JobInputs } from '../../src/operations/jobs/job-rows.ts';
import { startJob, stopJob } from '../../src/operations/jobs/start-job.ts';
import { takeStep, workOnJob } from '../../src/operations/jobs/work-on-jobs.ts';
import { createLogger } from '../../src/process/logging.ts';
import type { Queues } from '../../src/queue/queues.ts';
import { openLedger, sale, usd, type Ledger } from '../journeys/ledger.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/sql.ts';

let database: TestDatabase;
let ledger: Ledger;
const log = createLogger({ level: 'silent', role: 'test' });
/** Nobody is waked: only what a step does itself happens. */
const queues = { enqueue: async () => true } as unknown as Queues;

before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());
beforeEach(async () => {
  ledger = await openLedger(database.db);
});

const deps = () => ({ db: database.db, queues, log, clock: { now: () => new Date() } });
const scope = () => ({ programId: ledger.programId, livemode: true });

/** Commissions of as many new sales. */
async function sell(count: number): Promise<string[]> {
  const facts = Array.from({ length: count }, (_, n) => [
    sale(`order:${n}`, usd(1_000), {}, { affiliate: ledger.affiliateId }),
  ]);
  await ledger.say(...facts);
  return (await ledger.orders()).map(({ id }) => commissionIdOf(id));
}

function decisions(more: Partial<JobInputs['commission_decisions']>) {
  const input = {
    status: 'approved' as const,
    reason: null,
    by: 'key_x',
    headers: {},
    ids: null,
    filter: null,
    ...more,
  };
  const total = input.ids?.length ?? 0;
  return { kind: 'commission_decisions' as const, input, total, actor: commandLine, callId: null };
}

const begin = (more: Parameters<typeof decisions>[0]) =>
  inTransaction(database.db, async (trx) => (await insertJob(trx, scope(), decisions(more), new Date())).job);

async function decided(): Promise<number[]> {
  const rows = await runSql<{ count: number }>(
    database.db,
    `select count(*)::int as count from facts where program_id = ? and fact->>'type' = 'decision' group by order_id`,
    [ledger.programId],
  );
  return rows.map(({ count }) => count);
}

describe('a job', () => {
  test('of a process that died after a page is gone on with: each item once', async () => {
    const ids = await sell(12);
    const job = await begin({ ids });
    // The page is written, and nothing that follows from it was done: as after a kill.
    await takeStep(deps(), job.id);
    const left = await findJob(database.db, scope(), job.id);
    assert.deepEqual([left?.status, left?.isRead, left?.inFlight.length, left?.succeeded], ['running', true, 12, 0]);
    assert.deepEqual(await decided(), []);

    const looked = await workOnJob(deps());
    assert.deepEqual([looked?.job.id, looked?.moved], [job.id, false]);
    const counted = await workOnJob(deps());
    assert.deepEqual([counted?.job.status, counted?.job.succeeded, counted?.job.total], ['completed', 12, 12]);
    assert.equal(await workOnJob(deps()), null);
    assert.deepEqual(
      await decided(),
      Array.from({ length: 12 }, () => 1),
    );
    assert.ok((await ledger.orders()).every(({ status }) => status === 'approved'));
  });

  test('is one process’s at a time, and jobs take turns', async () => {
    const ids = await sell(2);
    const [one, two] = [await begin({ ids }), await begin({ ids, status: 'rejected' })];
    await inTransaction(database.db, async (trx) => {
      assert.equal((await lockJob(trx, null))?.id, one.id);
      assert.equal(await workOnJob(deps(), one.id), null);
      assert.equal((await workOnJob(deps()))?.job.id, two.id);
    });
    const order = [];
    for (let step = await workOnJob(deps()); step; step = await workOnJob(deps())) order.push(step.job.id);
    assert.deepEqual(new Set(order), new Set([one.id, two.id]));
    assert.deepEqual(
      [(await findJob(database.db, scope(), two.id))?.succeeded, await ledger.postings()],
      [2, [200, 200, -200, -200]],
    );
  });

  test('that is cancelled does no more, and what it began is counted', async () => {
    const ids = await sell(3);
    const unknown = Array.from({ length: 600 }, (_, n) => `com_${n}`);
    const job = await begin({ ids: [...ids, ...unknown] });
    await workOnJob(deps(), job.id);
    const cancelled = await stopJob(deps(), scope(), job.id, commandLine);
    assert.deepEqual([cancelled?.status, cancelled?.inFlight.length, cancelled?.skipped], ['cancelled', 3, 497]);
    const recorded = await database
      .db('audit_events')
      .where({ object_id: job.id })
      .orderBy('id', 'desc')
      .first('action');
    assert.equal(recorded?.action, 'job.cancelled');
    await workOnJob(deps(), job.id);
    assert.equal(await workOnJob(deps(), job.id), null);
    const after = await stopJob(deps(), scope(), job.id, commandLine);
    assert.deepEqual([after?.status, after?.succeeded, after?.skipped, after?.total], ['cancelled', 3, 497, 603]);
    await assert.rejects(
      database.db.raw(`update jobs set status = 'running', finished_at = null where id = ?`, [job.id]),
      /stays so/,
    );
    await assert.rejects(database.db.raw(`update jobs set input = '{}' where id = ?`, [job.id]), /does not change/);
  });

  test('whose page fails again and again ends as failed, and says so', async () => {
    await sell(1);
    const job = await begin({ ids: null, filter: null });
    for (let tries = 0; tries < 5; tries += 1) await workOnJob(deps(), job.id);
    const failed = await findJob(database.db, scope(), job.id);
    assert.deepEqual([failed?.status, failed?.errors.at(-1)?.id], ['failed', null]);
    assert.equal(await workOnJob(deps()), null);
  });

  test('whose endpoint is no more says what to do', async () => {
    const input = { endpointId: newId('whe'), ids: ['evt_1'], filter: null };
    const job = await startJob(deps(), scope(), {
      kind: 'message_resends',
      input,
      total: 1,
      actor: commandLine,
      callId: null,
    });
    assert.equal(job.status, 'failed');
    assert.deepEqual(job.errors, [{ id: null, result: 'failed', reason: 'The webhook endpoint was deleted' }]);
  });

  test('is forgotten once it is long finished', async () => {
    const job = await begin({ ids: ['com_1'] });
    await workOnJob(deps(), job.id);
    assert.equal(await deleteOldJobs(database.db, new Date(Date.now() - 60_000), 10), 0);
    assert.ok((await deleteOldJobs(database.db, new Date(Date.now() + 60_000), 10)) > 0);
    assert.equal(await findJob(database.db, scope(), job.id), null);
  });
});
