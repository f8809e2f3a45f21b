import type { Db, Trx } from '../../db/db.ts';
import { rowSource } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import type { Outcome } from '../../domain/outcomes.ts';
import { OUTCOME_CHANNEL } from '../../queue/channels.ts';
import { writeNotices, type NoticedOutcome } from '../../queue/outcome-notices.ts';

/** What one inbox event came to. */
export interface EventOutcome {
  eventId: string;
  outcome: Outcome;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
}

/** Writes what became of the events, and announces those that somebody waits for with the same statement. */
export async function finishEvents(
  trx: Trx,
  outcomes: readonly EventOutcome[],
  awaited: readonly (NoticedOutcome | string)[],
  now: string,
): Promise<void> {
  if (outcomes.length === 0) return;
  const { sql, bindings } = rowSource('o', [
    { name: 'id', type: 'text', values: outcomes.map(({ eventId }) => eventId) },
    { name: 'outcome', type: 'text', values: outcomes.map(({ outcome }) => outcome) },
    { name: 'reason', type: 'text', values: outcomes.map(({ reason }) => reason) },
    { name: 'error', type: 'text', values: outcomes.map(({ error }) => error) },
    { name: 'conversion_id', type: 'text', values: outcomes.map(({ conversionId }) => conversionId) },
  ]);
  await runSql(
    trx,
    'finishEvents',
    `with finished as (
       update inbox_events e set status = 'processed', outcome = o.outcome, reason = o.reason, error = o.error,
         conversion_id = o.conversion_id, settled_at = :now::timestamptz
       from ${sql} where e.id = o.id)
     select pg_notify(:channel, notice) from unnest(:notices::text[]) as notice`,
    { now, ...bindings, channel: OUTCOME_CHANNEL, notices: writeNotices(awaited) },
  );
}

/** Tells the web processes whose callers wait; they hear it when the transaction commits. */
export async function announceOutcomes(db: Db, eventIds: readonly string[]): Promise<void> {
  await runSql(db, 'announceOutcomes', 'select pg_notify(:channel, notice) from unnest(:notices::text[]) as notice', {
    channel: OUTCOME_CHANNEL,
    notices: writeNotices(eventIds),
  });
}
