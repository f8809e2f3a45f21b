import type { Db } from '../../db/db.ts';
import { newId } from '../../domain/ids.ts';
import { rowSource } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import type { Lease } from '../wire/lease.ts';

/** The result of an attempt, and what follows for its delivery. */
export interface AttemptRecord {
  lease: Lease;
  succeeded: boolean;
  responseStatus: number | null;
  responseBody: string | null;
  /** From the answer's Retry-After. */
  retryAfterS: number | null;
  error: string | null;
  durationMs: number;
  attemptedAt: Date;
  /** When the delivery is tried again. Null: it succeeded, or failed for good. */
  nextAttemptAt: Date | null;
}

/**
 * An attempt that stands with its delivery (migration 020): the first of all, by schedule, and nothing to be told of but a
 * short answer. Another attempt recorded meanwhile is not written over: the row is locked when this is asked.
 */
const succeedsAtOnce = `(r.succeeded and r.trigger = 'schedule' and r.error is null and d.attempts = 0
                and d.first_attempt_id is null and coalesce(length(r.response_body), 0) <= 200)`;

/**
 * Stores attempts and updates their deliveries, in one statement. A success counts whatever happened to the delivery in
 * the meantime. A failure counts only while this lease still holds the delivery; where somebody asked for a resend
 * during the attempt, the resend stays due.
 */
export async function recordAttempts(db: Db, records: readonly AttemptRecord[]): Promise<void> {
  const { sql, bindings } = rowSource('r', [
    { name: 'attempt_id', type: 'text', values: records.map(() => newId('att')) },
    { name: 'program_id', type: 'text', values: records.map(({ lease }) => lease.programId) },
    { name: 'message_id', type: 'text', values: records.map(({ lease }) => lease.messageId) },
    { name: 'endpoint_id', type: 'text', values: records.map(({ lease }) => lease.endpointId) },
    { name: 'locked_until', type: 'timestamptz', values: records.map(({ lease }) => lease.lockedUntil.toISOString()) },
    { name: 'trigger', type: 'text', values: records.map(({ lease }) => lease.trigger) },
    { name: 'succeeded', type: 'boolean', values: records.map((record) => record.succeeded) },
    { name: 'response_status', type: 'integer', values: records.map((record) => record.responseStatus) },
    { name: 'response_body', type: 'text', values: records.map((record) => record.responseBody) },
    { name: 'error', type: 'text', values: records.map((record) => record.error) },
    { name: 'duration_ms', type: 'integer', values: records.map((record) => record.durationMs) },
    { name: 'attempted_at', type: 'timestamptz', values: records.map((record) => record.attemptedAt.toISOString()) },
    {
      name: 'next_attempt_at',
      type: 'timestamptz',
      values: records.map((record) => record.nextAttemptAt?.toISOString() ?? null),
    },
  ]);
  await runSql(
    db,
    'recordAttempts',
    `with r as materialized (select * from ${sql}), recorded as (
       update deliveries d
          set attempts = d.attempts + 1,
              locked_until = null,
              status = case when r.succeeded then 'succeeded'
                            when d.trigger <> r.trigger or r.next_attempt_at is not null then 'pending'
                            else 'failed' end,
              step = case when r.succeeded or d.trigger <> r.trigger then d.step else d.step + 1 end,
              next_attempt_at = case when r.succeeded then null
                                     when d.trigger <> r.trigger then d.next_attempt_at
                                     else r.next_attempt_at end,
              trigger = case when r.trigger = 'test' then 'test'
                             when r.succeeded or d.trigger = r.trigger then 'schedule'
                             else d.trigger end,
              first_attempt_id = case when ${succeedsAtOnce} then r.attempt_id else d.first_attempt_id end,
              response_status = case when ${succeedsAtOnce} then r.response_status else d.response_status end,
              response_body = case when ${succeedsAtOnce} then r.response_body else d.response_body end,
              duration_ms = case when ${succeedsAtOnce} then r.duration_ms else d.duration_ms end,
              attempted_at = case when ${succeedsAtOnce} then r.attempted_at else d.attempted_at end
         from r
        where d.message_id = r.message_id and d.endpoint_id = r.endpoint_id
          and (r.succeeded or (d.status = 'pending' and d.locked_until = r.locked_until))
        returning d.first_attempt_id
     )
     insert into delivery_attempts (program_id, message_id, id, endpoint_id, status, trigger, response_status,
                                    response_body, error, duration_ms, attempted_at, next_attempt_at)
     select program_id, message_id, attempt_id, endpoint_id,
            case when succeeded then 'succeeded' else 'failed' end, trigger,
            response_status, response_body, error, duration_ms, attempted_at, next_attempt_at
       from r where attempt_id not in (select first_attempt_id from recorded where first_attempt_id is not null)`,
    bindings,
  );
}
