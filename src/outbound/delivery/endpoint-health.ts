import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { AttemptRecord } from './records.ts';
import { BREAKER_THRESHOLD, DISABLE_AFTER_MS, isGone, planPause } from '../wire/schedule.ts';

/** What a batch of attempts says about one endpoint, taken in the order in which they ended. */
export interface HealthChange {
  endpointId: string;
  succeeded: boolean;
  /** Failures after the last success. */
  failures: number;
  firstFailureAt: Date | null;
  /** It answered 410. */
  gone: boolean;
  /** Until when its Retry-After asks us to wait. */
  pausedUntil: Date | null;
}

/** A Retry-After delays the endpoint's other deliveries too, but for no longer than this. */
const MAX_REQUESTED_PAUSE_MS = 60_000;

/**
 * The changes that must be written. A success of an endpoint that was not failing is none, so that it costs no update.
 * Tests that fail do not count, and nothing that a test message to a live endpoint comes to.
 */
export function summarizeHealth(
  records: readonly AttemptRecord[],
  wasFailing: (endpointId: string) => boolean,
): HealthChange[] {
  const changes = new Map<string, HealthChange>();
  for (const record of records) {
    const { endpointId, trigger, aside } = record.lease;
    if (aside) continue;
    if (!record.succeeded && trigger === 'test') continue;
    if (record.succeeded && !changes.has(endpointId) && !wasFailing(endpointId)) continue;
    const change = changes.get(endpointId) ?? createChange(endpointId);
    changes.set(endpointId, record.succeeded ? { ...createChange(endpointId), succeeded: true } : fail(change, record));
  }
  return [...changes.values()];
}

function createChange(endpointId: string): HealthChange {
  return { endpointId, succeeded: false, failures: 0, firstFailureAt: null, gone: false, pausedUntil: null };
}

function fail(change: HealthChange, { attemptedAt, responseStatus, retryAfterS }: AttemptRecord): HealthChange {
  const pauseMs = Math.min((retryAfterS ?? 0) * 1000, MAX_REQUESTED_PAUSE_MS);
  const pausedUntil = pauseMs > 0 ? new Date(attemptedAt.getTime() + pauseMs) : null;
  return {
    ...change,
    failures: change.failures + 1,
    firstFailureAt: change.firstFailureAt ?? attemptedAt,
    gone: change.gone || isGone({ responseStatus }),
    pausedUntil: pausedUntil && pausedUntil > (change.pausedUntil ?? 0) ? pausedUntil : change.pausedUntil,
  };
}

export interface StoppedEndpoint {
  id: string;
  programId: string;
  reason: 'gone' | 'failing';
}

/**
 * Writes what the senders of all processes should know: the failures in a row, the breaker's pause, and whether the
 * endpoint is stopped, because it answered 410 or because it only failed for five days. A REST hook that answered 410
 * is removed. Returns the endpoints that this call stopped.
 *
 * When an endpoint dies, many requests may be under way, and they are recorded in several batches. All of them together
 * open the breaker for its first, shortest pause: only an attempt that began after a pause makes the next one longer.
 */
export async function applyHealth(
  trx: Trx,
  changes: readonly HealthChange[],
  retryScheduleS: readonly number[],
  now: Date,
): Promise<StoppedEndpoint[]> {
  if (changes.length === 0) return [];
  return runSql<StoppedEndpoint>(
    trx,
    'applyHealth',
    `with c as (
       select c.*, e.kind, e.disabled_at is null and e.deleted_at is null as alive,
              case when c.failures = 0 then 0
                   when c.succeeded then least(c.failures, t.threshold)
                   when e.failures >= t.threshold and c.first_failure_at < e.paused_until then e.failures
                   when e.failures >= t.threshold then e.failures + 1
                   else least(e.failures + c.failures, t.threshold) end as failures_now,
              case when c.failures = 0 then null
                   when c.succeeded then c.first_failure_at
                   else coalesce(e.failing_since, c.first_failure_at) end as failing_since
         from unnest(:endpointIds::text[], :succeeded::boolean[], :failures::int[], :firstFailuresAt::timestamptz[],
                     :gone::boolean[], :pausedUntil::timestamptz[])
                as c (id, succeeded, failures, first_failure_at, gone, paused_until)
        cross join (select :breakerThreshold::int as threshold) t
         join webhook_endpoints e on e.id = c.id
        order by c.id
          for update of e
     ), judged as (
       select c.*, case when not alive then null
                        when gone then 'gone'
                        when failing_since <= :disableFailingSince::timestamptz then 'failing' end as reason,
              (:pausesS::numeric[])[least(failures_now, :pauseSteps) + 1] as pause_s
         from c
     ), written as (
       update webhook_endpoints e
          set failures = j.failures_now,
              failing_since = j.failing_since,
              paused_until = greatest(j.paused_until, :now::timestamptz + nullif(j.pause_s, 0) * interval '1 second'),
              disabled_at = case when j.reason is null then e.disabled_at else :now end,
              disabled_reason = coalesce(j.reason, e.disabled_reason),
              deleted_at = case when j.reason = 'gone' and j.kind = 'rest_hook' then :now else e.deleted_at end,
              updated_at = case when j.reason is null then e.updated_at else :now end
         from judged j
        where e.id = j.id
       returning e.id, e.program_id, j.reason
     )
     select id, program_id as "programId", reason from written where reason is not null`,
    {
      endpointIds: changes.map((change) => change.endpointId),
      succeeded: changes.map((change) => change.succeeded),
      failures: changes.map((change) => change.failures),
      firstFailuresAt: changes.map((change) => change.firstFailureAt),
      gone: changes.map((change) => change.gone),
      pausedUntil: changes.map((change) => change.pausedUntil),
      breakerThreshold: BREAKER_THRESHOLD,
      disableFailingSince: new Date(now.getTime() - DISABLE_AFTER_MS),
      pausesS: pauses(retryScheduleS),
      pauseSteps: PAUSE_STEPS,
      now,
    },
  );
}

const PAUSE_STEPS = BREAKER_THRESHOLD + 16;

/** The pause for each number of failures in a row, so that the statement need not know how it is computed. */
function pauses(retryScheduleS: readonly number[]): number[] {
  return Array.from({ length: PAUSE_STEPS + 1 }, (_, failures) => planPause(failures, retryScheduleS));
}

/**
 * Those of the endpoints that no `message.exhausted` was written about within the hour. They are marked as told now.
 */
export function reserveExhaustedNotices(
  trx: Trx,
  endpointIds: readonly string[],
  now: Date,
): Promise<{ id: string; programId: string }[]> {
  return runSql(
    trx,
    'reserveExhaustedNotices',
    `update webhook_endpoints set exhausted_told_at = :now
      where id = any (:endpointIds::text[]) and deleted_at is null
        and (exhausted_told_at is null or exhausted_told_at <= :now::timestamptz - interval '1 hour')
     returning id, program_id as "programId"`,
    { now, endpointIds },
  );
}
