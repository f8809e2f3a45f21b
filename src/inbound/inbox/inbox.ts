import { inTransaction, type Db } from '../../db/db.ts';
import type { Logger } from 'pino';
import type { Clock } from '../../domain/clock.ts';
import type { Actor } from '../../domain/actor.ts';
import { AppError } from '../../domain/errors.ts';
import { READING, type Normalized } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import { withinTime } from '../../db/connection.ts';
import { GroupCommit, type WriteAttempt } from '../../db/group-commit.ts';
import { isOutage } from '../../db/outage.ts';
import { appendRows, type AppendOptions } from '../../db/copy.ts';
import { isOnDisk } from '../../db/flush.ts';
import { findUniqueViolation } from '../../db/pg-errors.ts';
import type { Column } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import { IDS_PER_NOTICE } from '../../queue/channels.ts';
import type { Tracing } from '../../process/tracing/tracing.ts';
import { FIRST_SWEEP_AFTER_MS } from '../../queue/jobs.ts';
import { KnownWorkers } from '../../queue/known-workers.ts';
import type { Queues } from '../../queue/queues.ts';
import { recordAuditEvents, type AuditedChange } from '../../program/audit-events.ts';
import { openOutcomeWaiter } from './outcome-waiter.ts';
import type { ReadOutcome } from './read-outcomes.ts';
import { openWaker } from './wake-workers.ts';

/** What messages there are: by their sender, or of what people decide. */
export const inboxKinds = [
  'stripe',
  'revenuecat',
  'postback',
  'conversion',
  'event',
  'refund',
  'decision',
  'adjustment',
  'import',
] as const;
export type InboxKind = (typeof inboxKinds)[number];

/** One authentic message, as it came and as it was understood. */
export interface InboxMessage {
  programId: string;
  /** Null for what comes by API key. */
  sourceId: string | null;
  kind: InboxKind;
  /** The exact bytes, credentials replaced. */
  raw: Buffer;
  /** The headers worth auditing; never a credential. */
  headers: Record<string, string>;
  normalized: Normalized;
  /** The time of receipt that the normalizer was given, where `tributary verify` must give it the same; now unless set. */
  receivedAt?: Date;
  /** Of what a person decided: what the audit log is told, with the message or not at all. */
  audited?: { actor: Actor; changes: readonly AuditedChange[] };
}

export interface Inbox {
  /**
   * Stores a message; resolves once it is committed. From then on it is settled exactly once, whichever process dies.
   * Throws UNAVAILABLE (503 with Retry-After) when the database is away, or too many messages are still to be stored.
   */
  append(message: InboxMessage): Promise<{ id: string }>;
  /**
   * Stores a message and waits, in bounded time, for what becomes of it. `settled` null: no result in time; nothing is
   * lost. Either way it is on disk when this resolves. The wait holds no database connection. Throws as `append` does.
   */
  appendAndWait(message: InboxMessage, timeoutMs?: number): Promise<{ id: string; settled: ReadOutcome | null }>;
  /** Answers all who wait for an outcome, now and from now on, that the message is stored: the process stops. */
  endWaits(): void;
  /** Finishes what was accepted, then stops. */
  close(): Promise<void>;
}

export interface InboxDeps {
  db: Db;
  queues: Queues;
  clock: Clock;
  log: Logger;
  resultTimeoutMs: number;
  onGroup?: (rows: number) => void;
  /** Called with each message: null where it is stored, else why it is not. */
  onStore?: (error: unknown) => void;
  tracing?: Tracing | null;
  /** Told of each message that is stored. */
  onStored?: (kind: InboxKind, verdict: InboxVerdict) => void;
}

/** What was made of a message as it came: the other two are settled by that. */
export type InboxVerdict = 'received' | 'ignored' | 'unprocessable';

// As many as one batch of a worker.
const GROUP_MAX_ROWS = 500;

/** Who asks has waited for the outcome already. */
const DURABLE_WITHIN_MS = 2_000;

const PRIMARY_KEY = 'inbox_events_pkey';

// A group of so many is told to a worker directly, with its commit. More go by the queue, which shares work among workers.
const TOLD_DIRECTLY = 50;

export function openInbox(deps: InboxDeps): Inbox {
  const { tracing } = deps;
  const workers = new KnownWorkers();
  const wake = openWaker(deps.queues, (eventIds) => tellWorkers(deps, workers, eventIds));
  const waiter = openOutcomeWaiter(deps.db, deps.log, {
    onWorker: (announcement) => workers.hear(announcement),
    onSilence: (ids) => void wake(ids.map((id) => ({ id, awaited: true }))),
  });
  const group = new GroupCommit<InboxRow>({
    write: (rows, attempt) => {
      const store = () => storeOnce(deps.db, rows, attempt, (db) => writeGroup(db, workers, rows));
      if (!tracing) return store();
      const ids = rows.map(({ id }) => id);
      return tracing.spanMessages('store messages', ids, store);
    },
    writesAgain: true,
    sizeOf: (row) => row.raw.length + row.facts.length + 500,
    maxRows: GROUP_MAX_ROWS,
    maxBytes: 8 * 1024 * 1024,
    maxWaitingRows: 20_000,
    maxWaitingBytes: 64 * 1024 * 1024,
    isOutage,
    ...(deps.onGroup ? { onGroup: deps.onGroup } : {}),
    onWritten: (rows) => {
      if (deps.onStored) for (const { kind, status } of rows) deps.onStored(kind, status);
      void wake(rows.filter((row) => row.status === 'received' && !row.told));
    },
  });

  async function append(row: InboxRow): Promise<void> {
    waiter.listen();
    tracing?.noteMessage(row.id);
    try {
      await group.add(row);
      deps.onStore?.(null);
    } catch (error) {
      deps.onStore?.(error);
      throw isOutage(error) ? storeUnavailable(error) : error;
    }
  }

  return {
    async append(message) {
      const row = toRow(message, false, message.receivedAt ?? deps.clock.now());
      await append(row);
      return { id: row.id };
    },
    async appendAndWait(message, timeoutMs = deps.resultTimeoutMs) {
      const row = toRow(message, timeoutMs > 0, message.receivedAt ?? deps.clock.now());
      // Before it is stored: the outcome may be announced before the answer to the commit is read.
      const outcome = waiter.expect(row.id);
      try {
        await append(row);
      } catch (error) {
        outcome.forget();
        throw error;
      }
      const settled = await outcome.wait(timeoutMs);
      if (settled === null && row.awaited) await makeDurable(deps.db, row.id);
      return { id: row.id, settled };
    },
    endWaits: () => waiter.endWaits(),
    async close() {
      await group.flush();
      await wake([]);
      await waiter.close();
    },
  };
}

/** A second attempt finds what the first one stored after all: a group is stored whole or not at all. */
async function storeOnce(
  db: Db,
  rows: InboxRow[],
  { withinMs, isSecond }: WriteAttempt,
  store: (db: Db) => Promise<void>,
): Promise<void> {
  try {
    await withinTime(db, withinMs, store);
  } catch (error) {
    if (!isSecond || findUniqueViolation(error) !== PRIMARY_KEY) throw error;
    // A worker may not have heard of them.
    for (const row of rows) row.told = false;
  }
}

/**
 * Stores a group; where it is small and a worker is known, that one is told of it by the same commit. Of messages whose senders
 * all wait for the outcome the commit does not wait for the disk: they are answered after the commit that settles them, which
 * does, and with that all that was committed before it (measured one at a time: answered in 13 ms instead of 15).
 */
async function writeGroup(db: Db, workers: KnownWorkers, rows: InboxRow[]): Promise<void> {
  const ids = rows.flatMap(({ id, status }) => (status === 'received' ? [id] : []));
  const channel = ids.length > 0 && ids.length <= Math.min(TOLD_DIRECTLY, IDS_PER_NOTICE) ? workers.choose() : null;
  await storeRows(db, rows, {
    announcement: channel === null ? undefined : { channel, payload: ids.join(',') },
    flushLater: rows.every(({ awaited }) => awaited),
  });
  for (const row of rows) row.told = channel !== null;
}

/** Past what the queue takes: to the workers by turns, who leave what they have no room for to the sweep. */
async function tellWorkers(
  { db, log }: Pick<InboxDeps, 'db' | 'log'>,
  workers: KnownWorkers,
  eventIds: readonly string[],
): Promise<void> {
  try {
    for (let start = 0; start < eventIds.length; start += IDS_PER_NOTICE) {
      const channel = workers.choose();
      if (channel === null) return;
      const payload = eventIds.slice(start, start + IDS_PER_NOTICE).join(',');
      await runSql(db, 'tellWorker', `select pg_notify(:channel, :payload)`, { channel, payload });
    }
  } catch (error) {
    log.debug({ err: error }, 'workers not told; the sweep finds the messages');
  }
}

/** Whoever is answered without an outcome is told that the message is stored. */
async function makeDurable(db: Db, id: string): Promise<void> {
  try {
    if (await withinTime(db, DURABLE_WITHIN_MS, (session) => isOnDisk(session, 'inbox_events', id))) return;
  } catch (error) {
    throw isOutage(error) ? storeUnavailable(error) : error;
  }
  throw storeUnavailable(new Error('the database lost the message before it was on disk'));
}

/**
 * Stores messages for a caller that settles them itself instead of by jobs: the command line. Returns the ids to settle; if
 * the caller dies before, the sweep finds them.
 */
export async function storeMessages(db: Db, messages: readonly InboxMessage[], now: Date): Promise<string[]> {
  const rows = messages.map((message) => toRow(message, false, message.receivedAt ?? now));
  await storeRows(db, rows);
  return rows.flatMap(({ id, status }) => (status === 'received' ? [id] : []));
}

interface InboxRow {
  id: string;
  programId: string;
  sourceId: string | null;
  kind: InboxKind;
  livemode: boolean;
  raw: Buffer;
  headers: string;
  facts: string;
  status: InboxVerdict;
  outcome: string | null;
  reason: string | null;
  error: string | null;
  awaited: boolean;
  /** A worker was told of it directly: it needs no job. */
  told: boolean;
  receivedAt: Date;
  audited: InboxMessage['audited'];
}

function toRow(message: InboxMessage, awaited: boolean, receivedAt: Date): InboxRow {
  const { normalized } = message;
  const facts = normalized.kind === 'facts';
  return {
    id: newId('ibx'),
    programId: message.programId,
    sourceId: message.sourceId,
    kind: message.kind,
    livemode: normalized.livemode,
    raw: message.raw,
    headers: JSON.stringify(message.headers),
    facts: facts ? JSON.stringify(normalized.facts) : '[]',
    status: facts ? 'received' : normalized.kind,
    outcome: facts ? null : normalized.kind,
    reason: normalized.kind === 'ignored' ? normalized.reason : null,
    error: normalized.kind === 'unprocessable' ? normalized.error : null,
    awaited: awaited && facts,
    told: false,
    receivedAt,
    audited: message.audited,
  };
}

/** In one statement, unless some are decisions: these are stored together with what the audit log says of them. */
async function storeRows(db: Db, rows: InboxRow[], commit: AppendOptions = {}): Promise<void> {
  const decisions = rows.filter(({ audited }) => audited !== undefined);
  if (decisions.length === 0) return insertRows(db, rows, commit);
  await inTransaction(db, async (trx) => {
    for (const [row, ...others] of groupByActor(decisions)) {
      if (!row?.audited) continue;
      const changes = [row, ...others].flatMap(({ audited }) => audited?.changes ?? []);
      await recordAuditEvents(trx, row, row.audited.actor, changes);
    }
    await insertRows(trx, rows, commit);
  });
}

/** Those of one request, or job, are recorded by one statement. */
function groupByActor(rows: readonly InboxRow[]): Iterable<InboxRow[]> {
  const keyOf = ({ programId, livemode, audited }: InboxRow) => JSON.stringify([programId, livemode, audited?.actor]);
  return Map.groupBy(rows, keyOf).values();
}

function insertRows(db: Db, rows: InboxRow[], commit: AppendOptions = {}): Promise<void> {
  const columns: Column[] = [
    { name: 'id', type: 'text', values: rows.map(({ id }) => id) },
    { name: 'program_id', type: 'text', values: rows.map(({ programId }) => programId) },
    { name: 'source_id', type: 'text', values: rows.map(({ sourceId }) => sourceId) },
    { name: 'kind', type: 'text', values: rows.map(({ kind }) => kind) },
    { name: 'livemode', type: 'boolean', values: rows.map(({ livemode }) => livemode) },
    { name: 'raw', type: 'bytea', values: rows.map(({ raw }) => raw) },
    { name: 'headers', type: 'json', values: rows.map(({ headers }) => headers) },
    { name: 'facts', type: 'json', values: rows.map(({ facts }) => facts) },
    { name: 'status', type: 'text', values: rows.map(({ status }) => status) },
    { name: 'outcome', type: 'text', values: rows.map(({ outcome }) => outcome) },
    { name: 'reason', type: 'text', values: rows.map(({ reason }) => reason) },
    { name: 'error', type: 'text', values: rows.map(({ error }) => error) },
    { name: 'awaited', type: 'boolean', values: rows.map(({ awaited }) => awaited) },
    { name: 'reading', type: 'integer', values: rows.map(() => READING) },
    { name: 'received_at', type: 'timestamptz', values: rows.map(({ receivedAt }) => receivedAt) },
    {
      name: 'next_enqueue_at',
      type: 'timestamptz',
      values: rows.map(({ receivedAt }) => new Date(receivedAt.getTime() + FIRST_SWEEP_AFTER_MS)),
    },
    {
      name: 'settled_at',
      type: 'timestamptz',
      values: rows.map(({ status, receivedAt }) => (status === 'received' ? null : receivedAt)),
    },
  ];
  // The bytes of messages travel as they are by COPY alone, which pays from the second one on (measured: a fifth of intake).
  return appendRows(db, 'inbox_events', columns, { ...commit, insertUpTo: 1 });
}

function storeUnavailable(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'The hub cannot store messages at the moment. Send it again shortly.', {
    retryAfterS: 5,
    cause,
  });
}
