import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { leastIdSince } from '../../domain/ids.ts';
import { DISABLE_AFTER_MS } from '../wire/schedule.ts';

/** What waits for an endpoint, and what its senders know of it. */
export interface EndpointBacklog {
  endpointId: string;
  /** In a row. */
  failures: number;
  /** Until when it is left alone; null: it is not. */
  pausedUntil: Date | null;
  pending: number;
  oldestPendingAt: Date | null;
}

/** By id, of all of them in one statement. What waits is counted through the index of what waits. */
export async function readBacklogs(
  db: Db,
  programId: string,
  endpointIds: readonly string[],
  now: Date,
): Promise<Map<string, EndpointBacklog>> {
  const rows = await runSql<EndpointBacklog>(
    db,
    'readBacklogs',
    `select e.id as "endpointId", e.failures, case when e.paused_until > :now then e.paused_until end as "pausedUntil",
       d.pending, d.oldest as "oldestPendingAt"
     from webhook_endpoints e cross join lateral (
       select count(*)::integer as pending, min(created_at) as oldest from deliveries
        where endpoint_id = e.id and status = 'pending') d
     where e.program_id = :programId and e.id = any(:endpointIds::text[])`,
    { programId, endpointIds, now },
  );
  return new Map(rows.map((row) => [row.endpointId, row]));
}

/** The attempts of some time. */
export interface AttemptCounts {
  succeeded: number;
  failed: number;
  /** Of all of them, in milliseconds; null: there were none. */
  p95DurationMs: number | null;
}

export interface AttemptReport {
  total: AttemptCounts;
  /** Oldest first; the last one is under way. */
  hours: ({ hour: Date } & AttemptCounts)[];
}

const HOURS = 24;
const HOUR_MS = 3_600_000;

/** A first attempt that comes more than a day after its message, since that was held, is not looked for. */
const FIRST_WITHIN_MS = 24 * HOUR_MS;

/**
 * The attempts of the last 24 hours by hour, of each of these endpoints by its id. It looks at each of them, at those
 * that stand with their delivery through the index of what is done, at all others by the age of their messages.
 */
export async function readAttemptReports(
  db: Db,
  programId: string,
  endpointIds: readonly string[],
  now: Date,
): Promise<Map<string, AttemptReport>> {
  const from = new Date(Math.floor(now.getTime() / HOUR_MS - (HOURS - 1)) * HOUR_MS);
  const rows = await runSql<AttemptCounts & { endpointId: string; nth: number | null }>(
    db,
    'readAttemptReports',
    `select e.id as "endpointId", counted.* from unnest(:endpointIds::text[]) as e (id) cross join lateral (
       select nth, count(*) filter (where status = 'succeeded')::integer as succeeded,
         count(*) filter (where status = 'failed')::integer as failed,
         percentile_disc(0.95) within group (order by duration_ms) as "p95DurationMs"
       from (
         select status, duration_ms, floor(extract(epoch from attempted_at - :from::timestamptz) / 3600)::integer as nth
           from delivery_attempts
          where program_id = :programId and endpoint_id = e.id and message_id >= :oldestRetried and attempted_at >= :from
         union all
         select 'succeeded', duration_ms, floor(extract(epoch from attempted_at - :from::timestamptz) / 3600)::integer
           from deliveries
          where program_id = :programId and endpoint_id = e.id and status in ('succeeded', 'cancelled')
            and message_id >= :oldestFirst and attempted_at >= :from and first_attempt_id is not null
       ) as attempts
       group by rollup (nth)) counted`,
    {
      programId,
      endpointIds,
      from,
      oldestRetried: leastIdSince('evt', new Date(from.getTime() - DISABLE_AFTER_MS)),
      oldestFirst: leastIdSince('evt', new Date(from.getTime() - FIRST_WITHIN_MS)),
    },
  );
  const counts = new Map(rows.map(({ endpointId, nth, ...of }) => [`${endpointId} ${nth ?? 'all'}`, of]));
  const reportOf = (id: string): AttemptReport => ({
    total: counts.get(`${id} all`) ?? none,
    hours: Array.from({ length: HOURS }, (_, nth) => ({
      hour: new Date(from.getTime() + nth * HOUR_MS),
      ...(counts.get(`${id} ${nth}`) ?? none),
    })),
  });
  return new Map(endpointIds.map((id) => [id, reportOf(id)]));
}

const none: AttemptCounts = { succeeded: 0, failed: 0, p95DurationMs: null };
