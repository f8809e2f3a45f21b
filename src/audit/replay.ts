import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { rowSource } from '../db/rows.ts';
import type { Actor } from '../domain/actor.ts';
import { runSql } from '../db/sql.ts';
import { READING, type Fact, type Normalized } from '../domain/facts.ts';
import type { Scope } from '../domain/scope.ts';
import { lockInboxEvents, type StoredInboxEvent } from '../inbound/inbox/inbox-events.ts';
import { recordChange } from '../program/audited-changes.ts';
import { listSourcesOfAnyTime, type SourceOfAnyTime } from '../program/sources.ts';
import { FIRST_SWEEP_AFTER_MS } from '../queue/jobs.ts';
import type { Queues } from '../queue/queues.ts';
import { normalizeStored } from './renormalize.ts';

/** What became of an event as it was read again; `received` ones are to be settled. */
export interface ReplayedEvent {
  id: string;
  status: 'received' | 'ignored' | 'unprocessable';
  error: string | null;
  /** As it was until then. */
  before: Pick<StoredInboxEvent, 'status' | 'outcome'>;
}

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
  const replayed = await inTransaction(deps.db, async (trx) => {
    const scope = { programId, livemode };
    const [event] = await replayEvents(trx, scope, [eventId]);
    const object = { type: 'inbox_event', id: eventId };
    const is = { status: event?.status };
    if (event && actor) await recordChange(trx, scope, actor, object, event.before, is, { action: 'replayed' });
    return event;
  });
  if (!replayed) return false;
  if (replayed.status === 'received') {
    await deps.queues.enqueue('intake', [{ eventIds: [replayed.id], resettlementIds: [] }]);
  }
  return true;
}

/** The same for many, in the caller's transaction; the caller has them settled. Those that are not there are left out. */
export async function replayEvents(trx: Trx, scope: Scope, eventIds: readonly string[]): Promise<ReplayedEvent[]> {
  const events = await lockInboxEvents(trx, scope, eventIds);
  if (events.length === 0) return [];
  // Of any time: what a source brought before it was deleted is still to be understood, as `verify` does.
  const sourceIds = [...new Set(events.flatMap(({ sourceId }) => sourceId ?? []))];
  const sources = sourceIds.length === 0 ? [] : await listSourcesOfAnyTime(trx, sourceIds);
  const sourceOf = new Map(sources.map((source) => [source.id, source]));
  const again = events.map((event) => readAgain(event, sourceOf.get(event.sourceId ?? '') ?? null));
  await storeAgain(trx, again);
  return again.map(({ event, understood }) => ({
    id: event.id,
    status: understood.kind === 'facts' ? 'received' : understood.kind,
    error: understood.kind === 'unprocessable' ? understood.error : null,
    before: { status: event.status, outcome: event.outcome },
  }));
}

interface EventReadAgain {
  event: StoredInboxEvent;
  understood: Normalized;
  reading: number;
}

function readAgain(event: StoredInboxEvent, source: SourceOfAnyTime | null): EventReadAgain {
  const read = normalizeStored(event, source);
  const stands = read !== null && wouldUnsay(event, read, source);
  const understood = read === null || stands ? standingMeaning(event) : read;
  return { event, understood, reading: stands ? event.reading : READING };
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
async function storeAgain(trx: Trx, again: readonly EventReadAgain[]): Promise<void> {
  const livemodeOf = ({ event, understood }: EventReadAgain): boolean =>
    event.livemode && (event.facts.length > 0 || understood.livemode);
  const { sql, bindings } = rowSource('a', [
    { name: 'id', type: 'text', values: again.map(({ event }) => event.id) },
    { name: 'program_id', type: 'text', values: again.map(({ event }) => event.programId) },
    { name: 'facts', type: 'json', values: again.map(({ understood }) => JSON.stringify(factsOf(understood))) },
    { name: 'livemode', type: 'boolean', values: again.map(livemodeOf) },
    { name: 'kind', type: 'text', values: again.map(({ understood }) => understood.kind) },
    {
      name: 'reason',
      type: 'text',
      values: again.map(({ understood }) => (understood.kind === 'ignored' ? understood.reason : null)),
    },
    {
      name: 'error',
      type: 'text',
      values: again.map(({ understood }) => (understood.kind === 'unprocessable' ? understood.error : null)),
    },
    { name: 'reading', type: 'integer', values: again.map(({ reading }) => reading) },
  ]);
  await runSql(
    trx,
    'storeReplays',
    `update inbox_events e set facts = a.facts, livemode = a.livemode,
       status = case when a.kind = 'facts' then 'received' else a.kind end,
       outcome = case when a.kind = 'facts' then null else a.kind end,
       reason = a.reason, error = a.error, conversion_id = null, attempts = 0, awaited = false,
       next_enqueue_at = clock_timestamp() + make_interval(secs => :sweepAfterS), reading = a.reading,
       settled_at = case when a.kind = 'facts' then null else clock_timestamp() end
     from ${sql} where e.id = a.id and e.program_id = a.program_id`,
    { ...bindings, sweepAfterS: FIRST_SWEEP_AFTER_MS / 1_000 },
  );
}

function factsOf(understood: Normalized): Fact[] {
  return understood.kind === 'facts' ? understood.facts : [];
}
