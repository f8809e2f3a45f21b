import { inTransaction, type Db } from '../db/db.ts';
import { commandLine, type Actor } from '../domain/actor.ts';
import { newId } from '../domain/ids.ts';
import { scopeKey, type Scope } from '../domain/scope.ts';
import { recordChange } from '../program/audited-changes.ts';
import { runSql } from '../db/sql.ts';
import { MAX_ATTEMPTS, settleToTheEnd, type SettleDeps } from '../pipeline/settle-safely.ts';
import { replayEvent } from './replay.ts';

export interface ReplayFilter {
  programId?: string | undefined;
  /** Its id or ref. */
  sourceId?: string | undefined;
  /** Received at this time or later. */
  since?: Date | undefined;
  /** Those alone that failed or could not be read. */
  failed?: boolean | undefined;
}

/** How many messages were replayed, and how many of them came to what. */
export interface ReplayCounts {
  messages: number;
  outcomes: Map<string, number>;
}

const PAGE_SIZE = 100;

/**
 * Reads stored messages again and settles them, the oldest first, in this process: no worker has to run. What was
 * recorded before adds nothing. Deliveries that come of it are rows, which the worker's sweep sends.
 */
export async function replayMessages(
  deps: SettleDeps,
  filter: ReplayFilter,
  onProgress?: (counts: ReplayCounts) => void,
  actor: Actor = commandLine,
): Promise<ReplayCounts> {
  const counts: ReplayCounts = { messages: 0, outcomes: new Map() };
  // What comes in meanwhile, and what these replays make, is not replayed.
  const until = deps.clock.now();
  const recorded = new Set<string>();
  for (let after = ''; ;) {
    const page = await readPage(deps.db, filter, until, after);
    await recordReplay(deps.db, actor, filter, page, recorded);
    for (const { id, program_id: programId, livemode } of page) {
      await replayEvent({ db: deps.db, queues: noQueues }, programId, livemode, id);
    }
    const ids = page.map(({ id }) => id);
    await settleOrFail(deps, ids);
    counts.messages += page.length;
    for (const outcome of await readOutcomes(deps.db, ids)) {
      counts.outcomes.set(outcome, (counts.outcomes.get(outcome) ?? 0) + 1);
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE_SIZE) return counts;
    onProgress?.(counts);
    after = last.id;
  }
}

/** Once for each program and mode, before its first message is replayed: all of them are one decision. */
async function recordReplay(
  db: Db,
  actor: Actor,
  { sourceId, since, failed }: ReplayFilter,
  page: readonly { program_id: string; livemode: boolean }[],
  recorded: Set<string>,
): Promise<void> {
  for (const { program_id: programId, livemode } of page) {
    const scope: Scope = { programId, livemode };
    if (recorded.has(scopeKey(scope))) continue;
    recorded.add(scopeKey(scope));
    const replayed = { sourceId: sourceId ?? null, since: since ?? null, failed: failed ?? false };
    await inTransaction(db, (trx) =>
      recordChange(trx, scope, actor, { type: 'replay', id: newId('job') }, null, replayed, { action: 'started' }),
    );
  }
}

/**
 * No worker may be there to try again what fails, so that is done here, until it is settled or `failed`. Throws where some
 * are neither after the last try, since another process has them locked all the time.
 */
async function settleOrFail(deps: SettleDeps, ids: string[]): Promise<void> {
  let waiting = ids;
  for (let attempts = 0; attempts < MAX_ATTEMPTS && waiting.length > 0; attempts += 1) {
    await settleToTheEnd(deps, { eventIds: waiting, resettlementIds: [] });
    const rows = await runSql<{ id: string }>(
      deps.db,
      'findUnsettledReplays',
      `select id from inbox_events where id = any(:ids) and (status = 'received') is true`,
      { ids },
    );
    waiting = rows.map(({ id }) => id);
  }
  if (waiting.length === 0) return;
  throw new Error(
    `Still unsettled after ${MAX_ATTEMPTS} tries: ${waiting.length} of ${ids.length} messages. A worker holds them and ` +
      'will settle them; run the replay again for the messages after them',
  );
}

const noQueues = { enqueue: () => Promise.resolve(true) };

function readPage(
  db: Db,
  { programId, sourceId, since, failed }: ReplayFilter,
  until: Date,
  after: string,
): Promise<{ id: string; program_id: string; livemode: boolean }[]> {
  return runSql(
    db,
    'readInboxToReplay',
    `select id, program_id, livemode from inbox_events
     where id > :after and received_at <= :until and status <> 'received'
       and (:programId::text is null or program_id = :programId)
       and (:sourceId::text is null or source_id = (select s.id from sources s where s.id = :sourceId or s.ref = :sourceId))
       and (:since::timestamptz is null or received_at >= :since)
       and (not :failed or status in ('failed', 'unprocessable'))
     order by id limit :limit`,
    {
      after,
      until: until.toISOString(),
      programId: programId ?? null,
      sourceId: sourceId ?? null,
      since: since?.toISOString() ?? null,
      failed: failed ?? false,
      limit: PAGE_SIZE,
    },
  );
}

async function readOutcomes(db: Db, ids: string[]): Promise<string[]> {
  const rows = await runSql<{ outcome: string | null; status: string }>(
    db,
    'readReplayOutcomes',
    `select outcome, status from inbox_events where id = any(:ids)`,
    { ids },
  );
  return rows.map(({ outcome, status }) => outcome ?? status);
}
