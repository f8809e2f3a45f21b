import type { Db, Trx } from '../../db/db.ts';
import { selectList, type Columns } from '../../db/columns.ts';
import { conditionOf } from '../../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import { runSql } from '../../db/sql.ts';
import type { Actor } from '../../domain/actor.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import type { InboxEventFilter } from '../../inbound/inbox/inbox-events.ts';
import type { ConversionFilter } from '../../ledger/conversions.ts';
import type { MessageFilter } from '../../outbound/messages/message-rows.ts';

/** What each kind of job is given. It is stored as JSON, so times in filters come back as text, which binds as well. */
export interface JobInputs {
  commission_decisions: {
    status: 'approved' | 'rejected';
    reason: string | null;
    /** The API key. */
    by: string;
    /** Of the request, as they are kept with each decision. */
    headers: Record<string, string>;
    /** Of commissions; null: those of the filter. */
    ids: string[] | null;
    filter: ConversionFilter | null;
  };
  inbox_replays: { filter: InboxEventFilter };
  message_resends: { endpointId: string; ids: string[] | null; filter: MessageFilter | null };
}

export const jobKinds = ['commission_decisions', 'inbox_replays', 'message_resends'] as const;
export type JobKind = (typeof jobKinds)[number];

export const jobStatuses = ['queued', 'running', 'completed', 'cancelled', 'failed'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** What was not done, and why; of the job as a whole where `id` is null. */
export interface JobError {
  id: string | null;
  result: 'skipped' | 'failed';
  reason: string;
}

/** So many are kept of a job. */
export const MAX_JOB_ERRORS = 100;

/** Something that a person asked to be done with many objects, done page by page. */
export interface JobOf<Kind extends JobKind> {
  id: string;
  programId: string;
  /** Of what it works on. */
  livemode: boolean;
  kind: Kind;
  input: JobInputs[Kind];
  /** The last item that was looked at; empty at the beginning. */
  cursor: string;
  /** Every item was looked at. */
  isRead: boolean;
  /** Inbox events whose outcome is not known yet, each with its item. */
  inFlight: [eventId: string, itemId: string][];
  /** As counted at the start; at the end, as many as there were. */
  total: number;
  succeeded: number;
  skipped: number;
  failed: number;
  errors: JobError[];
  status: JobStatus;
  actor: Actor;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
}
export type Job = { [Kind in JobKind]: JobOf<Kind> }[JobKind];

export interface NewJob<Kind extends JobKind> {
  kind: Kind;
  input: JobInputs[Kind];
  total: number;
  actor: Actor;
  /** Of the request's Idempotency-Key: the job of its first call is given. */
  callId: string | null;
}

/** Tells also whether it is new, or that of an earlier call. */
export async function insertJob<Kind extends JobKind>(
  trx: Trx,
  { programId, livemode }: Scope,
  { kind, input, total, actor, callId }: NewJob<Kind>,
  now: Date,
): Promise<{ job: Job; isNew: boolean }> {
  const id = newId('job');
  await runSql(
    trx,
    'insertJob',
    `insert into jobs (id, program_id, livemode, kind, input, call_id, total, actor, created_at, updated_at)
     values (:id, :programId, :livemode, :kind, :input, :callId, :total, :actor, :now, :now)
     on conflict (program_id, call_id) where call_id is not null do nothing`,
    { id, programId, livemode, kind, input: JSON.stringify(input), callId, total, actor: JSON.stringify(actor), now },
  );
  const [job] = await runSql<Job>(
    trx,
    'readNewJob',
    `select ${selected} from jobs where program_id = :programId and (id = :id or call_id = :callId::text)`,
    { programId, id, callId },
  );
  return { job: job as Job, isNew: job?.id === id };
}

export async function findJob(db: Db, { programId, livemode }: Scope, jobId: string): Promise<Job | null> {
  const [row] = await runSql<Job>(
    db,
    'findJob',
    `select ${selected} from jobs where program_id = :programId and livemode = :livemode and id = :jobId`,
    { programId, livemode, jobId },
  );
  return row ?? null;
}

export interface JobFilter {
  kind?: JobKind | undefined;
  statuses?: readonly JobStatus[] | undefined;
}

/** Newest first. */
export function listJobs(
  db: Db,
  { programId, livemode }: Scope,
  filter: JobFilter,
  page: PageRequest,
): Promise<Page<Job>> {
  const list = { name: 'listJobs', select: `select ${selected} from jobs`, id: 'id' };
  const conditions = [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = :livemode', livemode),
    ...conditionOf('kind = :kind', filter.kind),
    ...conditionOf('status = any(:statuses)', filter.statuses),
  ];
  return selectPage<Job>(db, list, conditions, page);
}

/** A job of which something is left to do, that no other process is at: this one, or the one that waited longest. */
export async function lockJob(trx: Trx, jobId: string | null): Promise<Job | null> {
  const [row] = await runSql<Job>(
    trx,
    'lockJob',
    `select ${selected} from jobs
     where (status in ('queued', 'running') or in_flight <> '[]') and (:jobId::text is null or id = :jobId)
     order by updated_at limit 1 for update skip locked`,
    { jobId },
  );
  return row ?? null;
}

/** Writes what changes while it is worked on. */
export async function recordProgress(trx: Trx, job: Job): Promise<void> {
  await runSql(
    trx,
    'recordJobProgress',
    `update jobs set cursor = :cursor, is_read = :isRead, in_flight = :inFlight, total = :total, succeeded = :succeeded,
       skipped = :skipped, failed = :failed, errors = :errors, failures = 0, status = :status,
       updated_at = :updatedAt, finished_at = :finishedAt
     where program_id = :programId and id = :id`,
    {
      cursor: job.cursor,
      isRead: job.isRead,
      inFlight: JSON.stringify(job.inFlight),
      total: job.total,
      succeeded: job.succeeded,
      skipped: job.skipped,
      failed: job.failed,
      errors: JSON.stringify(job.errors),
      status: job.status,
      updatedAt: job.updatedAt,
      finishedAt: job.finishedAt,
      programId: job.programId,
      id: job.id,
    },
  );
}

/** A page that could not be worked is tried again, so often in a row; then the job has failed. */
export async function recordJobFailure(db: Db, job: Job, error: JobError, most: number, now: Date): Promise<void> {
  await runSql(
    db,
    'recordJobFailure',
    `update jobs set failures = failures + 1, updated_at = :now,
       status = case when failures + 1 >= :most then 'failed' else status end,
       finished_at = case when failures + 1 >= :most then :now::timestamptz end,
       errors = case when failures + 1 >= :most then errors || :error::jsonb else errors end
     where program_id = :programId and id = :id and status in ('queued', 'running')`,
    { now, most, error: JSON.stringify([error]), programId: job.programId, id: job.id },
  );
}

/** What is in flight is still settled. True where it was not finished. */
export async function cancelJob(trx: Trx, { programId, livemode }: Scope, jobId: string, now: Date): Promise<boolean> {
  const rows = await runSql(
    trx,
    'cancelJob',
    `update jobs set status = 'cancelled', finished_at = :now, updated_at = :now
     where program_id = :programId and livemode = :livemode and id = :jobId and status in ('queued', 'running')
     returning 1`,
    { now, programId, livemode, jobId },
  );
  return rows.length > 0;
}

/** Gives how many were deleted, at most `limit`. */
export async function deleteOldJobs(db: Db, before: Date, limit: number): Promise<number> {
  const rows = await runSql(
    db,
    'deleteOldJobs',
    `delete from jobs where (id, program_id) in (
       select id, program_id from jobs where finished_at < :before and in_flight = '[]'
       order by finished_at limit :limit for update skip locked)
     returning 1`,
    { before, limit },
  );
  return rows.length;
}

const columns: Columns<keyof Job> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
  kind: 'kind',
  input: 'input',
  cursor: 'cursor',
  isRead: 'is_read',
  inFlight: 'in_flight',
  total: 'total',
  succeeded: 'succeeded',
  skipped: 'skipped',
  failed: 'failed',
  errors: 'errors',
  status: 'status',
  actor: 'actor',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  finishedAt: 'finished_at',
};
const selected = selectList(columns);
