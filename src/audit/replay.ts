import { inTransaction, type Db } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { runSql } from '../db/sql.ts';
import { READING, type Normalized } from '../domain/facts.ts';
import { findInboxEvent, type StoredInboxEvent } from '../inbound/inbox/inbox-events.ts';
import { recordChange } from '../program/audited-changes.ts';
import { listSourcesOfAnyTime, type SourceOfAnyTime } from '../program/sources.ts';
import { FIRST_SWEEP_AFTER_MS } from '../queue/jobs.ts';
import type { Queues } from '../queue/queues.ts';
import { normalizeStored } from './renormalize.ts';

/**
 * Settles an inbox event of any status once more, read again with the code and settings of today. What was recorded
 * before adds nothing, since facts have ids of their content. False where there is no such event. `actor` null: whoever replays
 * many has that recorded once.
 */
export async function replayEvent(
  deps: { db: Db; queues: Pick<Queues, 'enqueue'> },
  programId: string,
  livemode: boolean,
  eventId: string,
  actor: Actor | null = null,
): Promise<boolean> {
  const event = await findInboxEvent(deps.db, programId, livemode, eventId);
  if (!event) return false;
  // Of any time: what a source brought before it was deleted is still to be understood, as `verify` does.
  const [source = null] = event.sourceId === null ? [] : await listSourcesOfAnyTime(deps.db, [event.sourceId]);
  const read = normalizeStored(event, source);
  const stands = read !== null && wouldUnsay(event, read, source);
  const understood = read === null || stands ? standingMeaning(event) : read;
  await inTransaction(deps.db, async (trx) => {
    await storeAgain(trx, event, understood, stands ? event.reading : READING);
    const object = { type: 'inbox_event', id: event.id };
    const [was, is] = [
      { status: event.status, outcome: event.outcome },
      { status: 'received', outcome: null },
    ];
    if (actor) await recordChange(trx, { programId, livemode }, actor, object, was, is, { action: 'replayed' });
  });
  if (understood.kind === 'facts') await deps.queues.enqueue('intake', [{ eventIds: [event.id], resettlementIds: [] }]);
  return true;
}

/**
 * Whether a message of which the ledger has facts would no longer say them: because today's code refuses what was taken, or
 * because a newer reading gives what it names another name. Its order would be paid twice, so it stands as it was read. A source
 * whose settings were mended since is meant to be read anew.
 */
function wouldUnsay(event: StoredInboxEvent, read: Normalized, source: SourceOfAnyTime | null): boolean {
  if (event.status !== 'processed' || event.outcome === 'rejected' || event.facts.length === 0) return false;
  if (read.kind === 'unprocessable') return true;
  const mendedAt = source?.settingsChangedAt ?? null;
  const isMended = mendedAt !== null && mendedAt > event.receivedAt;
  if (event.reading >= READING || isMended) return false;
  const ids = new Set(read.kind === 'facts' ? read.facts.map(({ id }) => id) : []);
  return event.facts.some(({ id }) => !ids.has(id));
}

/** A message that cannot be read again keeps its stored meaning. */
function standingMeaning({ status, reason, error, facts, livemode }: StoredInboxEvent): Normalized {
  if (status === 'ignored') return { kind: 'ignored', livemode, reason: reason ?? '' };
  if (status === 'unprocessable') return { kind: 'unprocessable', livemode, error: error ?? '' };
  return { kind: 'facts', livemode, facts };
}

/**
 * Facts that were settled keep their side: live ones do not become test ones because a setting changed. What is test never
 * becomes live: a test key may replay it.
 */
async function storeAgain(db: Db, event: StoredInboxEvent, understood: Normalized, reading: number): Promise<void> {
  const isFacts = understood.kind === 'facts';
  const livemode = event.livemode && (event.facts.length > 0 || understood.livemode);
  await runSql(
    db,
    'storeReplay',
    `update inbox_events set facts = :facts::json, livemode = :livemode, status = :status, outcome = :outcome,
       reason = :reason, error = :error, conversion_id = null, attempts = 0, awaited = false,
       next_enqueue_at = clock_timestamp() + make_interval(secs => :sweepAfterS),
       reading = :reading,
       settled_at = case when :isFacts then null else clock_timestamp() end
     where id = :eventId`,
    {
      facts: isFacts ? JSON.stringify(understood.facts) : '[]',
      livemode,
      status: isFacts ? 'received' : understood.kind,
      outcome: isFacts ? null : understood.kind,
      reason: understood.kind === 'ignored' ? understood.reason : null,
      error: understood.kind === 'unprocessable' ? understood.error : null,
      isFacts,
      reading,
      sweepAfterS: FIRST_SWEEP_AFTER_MS / 1_000,
      eventId: event.id,
    },
  );
}
