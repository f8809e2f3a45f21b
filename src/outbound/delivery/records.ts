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
    `with r as materialized (select * from ${sql}), attempted as (
       insert into delivery_attempts (program_id, message_id, id, endpoint_id, status, trigger, response_status,
                                      response_body, error, duration_ms, attempted_at, next_attempt_at)
       select program_id, message_id, attempt_id, endpoint_id,
              case when succeeded then 'succeeded' else 'failed' end, trigger,
              response_status, response_body, error, duration_ms, attempted_at, next_attempt_at
         from r
     )
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
                           else d.trigger end
       from r
      where d.message_id = r.message_id and d.endpoint_id = r.endpoint_id and d.program_id = r.program_id
        and (r.succeeded or (d.status = 'pending' and d.locked_until = r.locked_until))`,
    bindings,
  );
}
