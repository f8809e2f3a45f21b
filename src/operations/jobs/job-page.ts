import { MAX_JOB_ERRORS, type Job, type JobError } from './job-rows.ts';

/**
 * What came of a page of items, which is done in the transaction that records its progress: so a process that dies leaves no
 * gap and repeats nothing. A JobRefusal is thrown where the job can never go on.
 */
export interface JobPage {
  cursor: string;
  /** No item follows. */
  isLast: boolean;
  /** Done within the page's transaction. */
  succeeded: number;
  errors: JobError[];
  /** Inbox events that are to be settled, each with its item. */
  inFlight: Job['inFlight'];
  /** Deliveries that are due, of which senders are told after the commit. */
  deliveryIds: string[];
}

/** Why a job ends before its end: what it needs is no more. */
export class JobRefusal extends Error {}

/** The job after a page of it. */
export function afterPage(job: Job, page: JobPage, now: Date): Job {
  const next = { ...job, cursor: page.cursor, isRead: page.isLast, inFlight: page.inFlight };
  return finishIfDone(addResults(next, page.succeeded, page.errors), now);
}

/** The job after some of what was in flight is settled. */
export function afterSettling(
  job: Job,
  { succeeded, errors, inFlight }: Pick<JobPage, 'succeeded' | 'errors' | 'inFlight'>,
  now: Date,
): Job {
  return finishIfDone(addResults({ ...job, inFlight }, succeeded, errors), now);
}

export function afterRefusal(job: Job, { message }: JobRefusal, now: Date): Job {
  const errors = [...job.errors, { id: null, result: 'failed' as const, reason: message }];
  return { ...job, status: 'failed', updatedAt: now, finishedAt: now, errors };
}

export function isFinished({ finishedAt, inFlight }: Job): boolean {
  return finishedAt !== null && inFlight.length === 0;
}

/** How many of its items have an outcome. */
export function countDone({ succeeded, skipped, failed }: Job): number {
  return succeeded + skipped + failed;
}

function addResults(job: Job, succeeded: number, errors: readonly JobError[]): Job {
  const skipped = errors.filter(({ result }) => result === 'skipped').length;
  return {
    ...job,
    succeeded: job.succeeded + succeeded,
    skipped: job.skipped + skipped,
    failed: job.failed + errors.length - skipped,
    errors: [...job.errors, ...errors].slice(0, MAX_JOB_ERRORS),
  };
}

/** What ended otherwise (cancelled, failed) stays so. */
function finishIfDone(job: Job, now: Date): Job {
  const next = { ...job, updatedAt: now };
  if (job.finishedAt !== null) return next;
  if (!job.isRead || job.inFlight.length > 0) return { ...next, status: 'running' };
  return { ...next, status: 'completed', finishedAt: now, total: countDone(job) };
}
