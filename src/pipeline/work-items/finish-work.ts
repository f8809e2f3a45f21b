import type { Db, Trx } from '../../db/db.ts';
import { rowSource } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import type { Outcome } from '../../domain/outcomes.ts';
import { IDS_PER_NOTICE, OUTCOME_CHANNEL } from '../../queue/channels.ts';

/** What one inbox event came to. */
export interface EventOutcome {
  eventId: string;
  outcome: Outcome;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
}

/** Writes what became of the events, and announces those that somebody waits for. All is sent before this returns. */
export async function finishEvents(
  trx: Trx,
  outcomes: readonly EventOutcome[],
  awaited: readonly string[],
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
  const finished = runSql(
    trx,
    'finishEvents',
    `update inbox_events e set status = 'processed', outcome = o.outcome, reason = o.reason, error = o.error,
       conversion_id = o.conversion_id, settled_at = :now::timestamptz
     from ${sql} where e.id = o.id`,
    { now, ...bindings },
  );
  await Promise.all([finished, announceOutcomes(trx, awaited)]);
}

/** Tells the web processes whose callers wait; they hear it when the transaction commits. */
export async function announceOutcomes(db: Db, eventIds: readonly string[]): Promise<void> {
  for (let start = 0; start < eventIds.length; start += IDS_PER_NOTICE) {
    await runSql(db, 'announceOutcomes', `select pg_notify(:channel, :ids)`, {
      channel: OUTCOME_CHANNEL,
      ids: eventIds.slice(start, start + IDS_PER_NOTICE).join(','),
    });
  }
}
