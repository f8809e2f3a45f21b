import type { Logger } from 'pino';
import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import { isOutage } from '../../db/outage.ts';
import { isCollision } from '../../db/pg-errors.ts';
import { runSql } from '../../db/sql.ts';
import type { Clock } from '../../domain/clock.ts';
import { deliveryJobs } from '../../outbound/wire/delivery-id.ts';
import type { Queues } from '../../queue/queues.ts';
import { settleEventsNow } from '../settle-now.ts';
import { decidePage } from './decide-commissions.ts';
import { afterPage, afterRefusal, afterSettling, JobRefusal, type JobPage } from './job-page.ts';
import { lockJob, recordJobFailure, recordProgress, type Job, type JobError } from './job-rows.ts';
import { replayPage } from './replay-events.ts';
import { resendPage } from './resend-messages.ts';

export interface JobDeps {
  db: Db;
  queues: Queues;
  clock: Clock;
  log: Logger;
}

/** A page that fails so often in a row ends the job. */
const MAX_FAILURES = 5;
const TRIES_OF_COLLISIONS = 3;

export interface JobStep {
  /** As it is after the step. */
  job: Job;
  /** False: everything waits for what is in flight. */
  moved: boolean;
}

/**
 * Does a step of a job that no other process is at: of this one, or of the one that waited longest. A step is a page of its
 * items, or a look at what became of those in flight; what is to be settled is settled then. Null where no such job is.
 */
export async function workOnJob(deps: JobDeps, jobId: string | null = null): Promise<JobStep | null> {
  const step = await takeStep(deps, jobId);
  if (!step) return null;
  if (step.deliveryIds.length > 0) await deps.queues.enqueue('delivery', deliveryJobs(step.deliveryIds));
  if (step.toSettle.length > 0) await settleEventsNow(deps, step.toSettle);
  return step;
}

/** A step that is committed, and what follows from it. */
export interface TakenStep extends JobStep {
  toSettle: string[];
  deliveryIds: string[];
}

/** What a step writes. If the process dies after it, the next step finds what is in flight. */
export async function takeStep(deps: JobDeps, jobId: string | null): Promise<TakenStep | null> {
  for (let tries = 1; ; tries += 1) {
    let locked: Job | null = null;
    try {
      return await inTransaction(deps.db, async (trx) => {
        locked = await lockJob(trx, jobId);
        return locked && (await advance(trx, locked, deps.clock.now()));
      });
    } catch (error) {
      if (isCollision(error) && tries < TRIES_OF_COLLISIONS) continue;
      const job = locked as Job | null;
      if (!job || isOutage(error)) throw error;
      deps.log.error({ err: error, jobId: job.id }, 'a page of a job failed');
      const reason = 'A page of it failed five times; the log of the hub says why';
      await recordJobFailure(deps.db, job, { id: null, result: 'failed', reason }, MAX_FAILURES, deps.clock.now());
      return { job, moved: false, toSettle: [], deliveryIds: [] };
    }
  }
}

async function advance(trx: Trx, job: Job, now: Date): Promise<TakenStep> {
  if (job.inFlight.length > 0) {
    const { toSettle, ...seen } = await lookAtFlight(trx, job);
    const after = afterSettling(job, seen, now);
    await recordProgress(trx, after);
    return { job: after, moved: seen.inFlight.length < job.inFlight.length, toSettle, deliveryIds: [] };
  }
  try {
    const page = await workPage(trx, job, now);
    const after = afterPage(job, page, now);
    await recordProgress(trx, after);
    const toSettle = page.inFlight.map(([eventId]) => eventId);
    return { job: after, moved: true, toSettle, deliveryIds: page.deliveryIds };
  } catch (error) {
    if (!(error instanceof JobRefusal)) throw error;
    const after = afterRefusal(job, error, now);
    await recordProgress(trx, after);
    return { job: after, moved: true, toSettle: [], deliveryIds: [] };
  }
}

function workPage(trx: Trx, job: Job, now: Date): Promise<JobPage> {
  if (job.kind === 'commission_decisions') return decidePage(trx, job, now);
  if (job.kind === 'inbox_replays') return replayPage(trx, job, now);
  return resendPage(trx, job, now);
}

interface SeenEvent {
  id: string;
  status: string;
  outcome: string | null;
  reason: string | null;
  error: string | null;
  attempts: number;
}

/** A replay may turn an event into a test one, so the mode is not asked. */
async function lookAtFlight(
  trx: Trx,
  { programId, inFlight }: Job,
): Promise<Pick<JobPage, 'succeeded' | 'errors' | 'inFlight'> & { toSettle: string[] }> {
  const rows = await runSql<SeenEvent>(
    trx,
    'readEventsInFlight',
    `select id, status, outcome, reason, error, attempts from inbox_events
     where program_id = :programId and id = any(:eventIds)`,
    { programId, eventIds: inFlight.map(([eventId]) => eventId) },
  );
  const seen = new Map(rows.map((row) => [row.id, row]));
  const waiting = inFlight.filter(([eventId]) => seen.get(eventId)?.status === 'received');
  const errors = inFlight.flatMap(([eventId, itemId]) => describeFailure(seen.get(eventId), itemId));
  return {
    inFlight: waiting,
    errors,
    succeeded: inFlight.length - waiting.length - errors.length,
    // What failed before is tried again at its time, by the sweep.
    toSettle: waiting.map(([eventId]) => eventId).filter((eventId) => seen.get(eventId)?.attempts === 0),
  };
}

const badOutcomes: ReadonlySet<string | null> = new Set(['failed', 'unprocessable', 'rejected']);

function describeFailure(event: SeenEvent | undefined, itemId: string): JobError[] {
  if (!event) return [{ id: itemId, result: 'failed', reason: 'Its inbox event is no more' }];
  if (event.status === 'received' || !badOutcomes.has(event.outcome)) return [];
  return [{ id: itemId, result: 'failed', reason: event.error ?? event.reason ?? event.outcome ?? 'failed' }];
}
