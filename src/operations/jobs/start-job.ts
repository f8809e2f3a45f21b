import { setTimeout as pause } from 'node:timers/promises';
import { inTransaction } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import type { Scope } from '../../domain/scope.ts';
import { recordAuditEvents } from '../../program/audit-events.ts';
import { isFinished } from './job-page.ts';
import { cancelJob, findJob, insertJob, type Job, type JobKind, type NewJob } from './job-rows.ts';
import { workOnJob, type JobDeps } from './work-on-jobs.ts';

/** So many items are done within the call that asks for them, if that takes no longer. */
const WITHIN_CALL = 200;
const WITHIN_CALL_MS = 1_000;
const ANOTHER_HAS_IT_MS = 20;

/**
 * Starts a job. A small one is finished when this returns; the workers do what is left. A repeated call with the same
 * Idempotency-Key gets the job that the first one started.
 */
export async function startJob<Kind extends JobKind>(deps: JobDeps, scope: Scope, input: NewJob<Kind>): Promise<Job> {
  const job = await inTransaction(deps.db, async (trx) => {
    const inserted = await insertJob(trx, scope, input, deps.clock.now());
    if (inserted.isNew) {
      const after = { kind: input.kind, total: input.total };
      await recordAuditEvents(trx, scope, input.actor, [
        { action: 'job.created', objectType: 'job', objectId: inserted.job.id, before: null, after },
      ]);
    }
    return inserted.job;
  });
  return job.total > WITHIN_CALL ? job : await workWithinCall(deps, scope, job);
}

/** A worker may take it up meanwhile: then its progress is watched. */
async function workWithinCall(deps: JobDeps, scope: Scope, started: Job): Promise<Job> {
  const deadline = performance.now() + WITHIN_CALL_MS;
  let job = started;
  while (!isFinished(job) && performance.now() < deadline) {
    const step = await workOnJob(deps, job.id);
    job = step?.job ?? (await findJob(deps.db, scope, job.id)) ?? job;
    if (!step?.moved && !isFinished(job)) await pause(ANOTHER_HAS_IT_MS);
  }
  return job;
}

/** What was begun of it is finished; one that is finished stays as it is. Null for an unknown job. */
export async function stopJob(deps: JobDeps, scope: Scope, jobId: string, actor: Actor): Promise<Job | null> {
  await inTransaction(deps.db, async (trx) => {
    if (!(await cancelJob(trx, scope, jobId, deps.clock.now()))) return;
    await recordAuditEvents(trx, scope, actor, [
      {
        action: 'job.cancelled',
        objectType: 'job',
        objectId: jobId,
        before: null,
        after: { status: 'cancelled' },
      },
    ]);
  });
  return findJob(deps.db, scope, jobId);
}
