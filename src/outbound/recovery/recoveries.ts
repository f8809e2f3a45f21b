import { conditionOf } from '../../db/conditions.ts';
import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import type { Actor } from '../../domain/actor.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import { newId } from '../../domain/ids.ts';
import { recordChange } from '../../program/audited-changes.ts';
import type { Scope } from '../../domain/scope.ts';
import { runSql } from '../../db/sql.ts';
import type { Queues } from '../../queue/queues.ts';
import { deliveryIdOf, deliveryJobs } from '../wire/delivery-id.ts';
import { eventTypeNames } from '../events/event-types.ts';
import { bringOutNext, COMMISSION_CREATED } from '../messages/commission-messages.ts';
import { streamNumber } from '../wire/streams.ts';

/**
 * A recovery (`failed`) sends again what failed or was held since a time. A replay (`missing`) sends the messages that
 * the endpoint never had a delivery of, because it did not exist then or had not subscribed. Both go page by page; a
 * page and the progress are written in one transaction, so that a process that dies leaves no gap and repeats nothing.
 */
export interface Recovery {
  id: string;
  endpointId: string;
  kind: 'failed' | 'missing';
  since: Date;
  /** The time of the request: messages that came later are not part of it. */
  until: Date;
  status: 'running' | 'completed' | 'cancelled';
  /** Deliveries made due so far. */
  recovered: number;
  createdAt: Date;
  updatedAt: Date;
}

const columns = `
  id, endpoint_id as "endpointId", kind, since, until, status, recovered, created_at as "createdAt",
  updated_at as "updatedAt"`;

const PAGE_SIZE = 1_000;

export async function startRecovery(
  db: Db,
  endpointId: string,
  kind: Recovery['kind'],
  since: Date,
  now: Date,
): Promise<Recovery> {
  const [row] = await runSql<Recovery>(
    db,
    'startRecovery',
    `insert into recoveries (id, program_id, endpoint_id, kind, since, until)
     select :id, program_id, id, :kind, :since, :until from webhook_endpoints where id = :endpointId
     returning ${columns}`,
    { id: newId('rec'), endpointId, kind, since, until: now },
  );
  return row as Recovery;
}

export async function findRecovery(db: Db, endpointId: string, recoveryId: string): Promise<Recovery | null> {
  const rows = await runSql<Recovery>(
    db,
    'findRecovery',
    `select ${columns} from recoveries where id = :recoveryId and endpoint_id = :endpointId`,
    { recoveryId, endpointId },
  );
  return rows[0] ?? null;
}

/** Newest first. */
export function listRecoveries(db: Db, endpointId: string, page: PageRequest): Promise<Page<Recovery>> {
  const list = { name: 'listRecoveries', select: `select ${columns} from recoveries`, id: 'id' };
  return selectPage<Recovery>(db, list, conditionOf('endpoint_id = :endpointId', endpointId), page);
}

/** How many deliveries a recovery (`failed`) since then would send again. */
export async function countRecoverable(db: Db, endpointId: string, since: Date): Promise<number> {
  const [row] = await runSql<{ count: number }>(
    db,
    'countRecoverable',
    `select count(*)::int as count from deliveries
     where endpoint_id = :endpointId and status in ('failed', 'held') and created_at >= :since`,
    { endpointId, since },
  );
  return row?.count ?? 0;
}

/** What is due already is still sent; one that is over stays as it is. Null for an unknown recovery. */
export async function cancelRecovery(
  db: Db,
  endpointId: string,
  recoveryId: string,
  now: Date,
  actor: Actor,
): Promise<Recovery | null> {
  await inTransaction(db, async (trx) => {
    const [scope] = await runSql<Scope>(
      trx,
      'cancelRecovery',
      `update recoveries r set status = 'cancelled', updated_at = :now from webhook_endpoints e
       where r.endpoint_id = :endpointId and r.id = :recoveryId and r.status = 'running' and e.id = r.endpoint_id
       returning e.program_id as "programId", e.livemode`,
      { now, endpointId, recoveryId },
    );
    if (!scope) return;
    const [object, was, is] = [{ type: 'recovery', id: recoveryId }, { status: 'running' }, { status: 'cancelled' }];
    await recordChange(trx, scope, actor, object, was, is, { action: 'cancelled' });
  });
  return findRecovery(db, endpointId, recoveryId);
}

/**
 * Starts a recovery and does its first page, in one transaction: else a worker might do that page first, and the answer
 * could not say how many deliveries it made due.
 */
export async function beginRecovery(
  { db, queues }: RecoveryDeps,
  endpointId: string,
  kind: Recovery['kind'],
  since: Date,
  now: Date,
  actor: Actor,
): Promise<Recovery> {
  const begun = await inTransaction(db, async (trx) => {
    const started = await startRecovery(trx, endpointId, kind, since, now);
    await recordStart(trx, started, actor);
    return (await recoverPage(trx, now, started.id)) ?? { recovery: started, deliveryIds: [] };
  });
  await wakeSenders(queues, begun);
  return begun.recovery;
}

async function recordStart(trx: Trx, { id, endpointId, kind, since }: Recovery, actor: Actor): Promise<void> {
  const [scope] = await runSql<Scope>(
    trx,
    'findScopeOfEndpoint',
    `select program_id as "programId", livemode from webhook_endpoints where id = :endpointId`,
    { endpointId },
  );
  if (scope) await recordChange(trx, scope, actor, { type: 'recovery', id }, null, { endpointId, kind, since });
}

/**
 * Does a page of a recovery that no other process is at. Returns the recovery after it, or null where none is running.
 */
export async function continueRecovery({ db, queues }: RecoveryDeps, now: Date): Promise<Recovery | null> {
  const page = await inTransaction(db, (trx) => recoverPage(trx, now, null));
  if (!page) return null;
  await wakeSenders(queues, page);
  return page.recovery;
}

interface RecoveryDeps {
  db: Db;
  queues: Queues;
}

interface RecoveredPage {
  recovery: Recovery;
  /** Of due deliveries, to be enqueued after the commit. */
  deliveryIds: string[];
}

async function recoverPage(trx: Trx, now: Date, recoveryId: string | null): Promise<RecoveredPage | null> {
  const running = await lockRunning(trx, recoveryId);
  if (!running) return null;
  if (running.stopped) return { recovery: await recordProgress(trx, running, [], true, now), deliveryIds: [] };
  const { deliveryIds, cursor, isLast } = await pagers[running.kind](trx, running, now);
  if (deliveryIds.length > 0) await endPause(trx, running.endpointId);
  return { recovery: await recordProgress(trx, running, deliveryIds, isLast, now, cursor), deliveryIds };
}

async function wakeSenders(queues: Queues, { deliveryIds }: RecoveredPage): Promise<void> {
  await queues.enqueue('delivery', deliveryJobs(deliveryIds));
}

interface Running extends Recovery {
  /** The last message that was read. */
  cursorId: string;
  programId: string;
  /** False: test messages only. */
  livemode: boolean;
  eventTypes: string[];
  /** Disabled or deleted meanwhile. */
  stopped: boolean;
}

interface PageResult {
  deliveryIds: string[];
  cursor: string | null;
  isLast: boolean;
}

async function lockRunning(trx: Trx, recoveryId: string | null): Promise<Running | null> {
  const rows = await runSql<Running>(
    trx,
    'lockRunningRecovery',
    `select r.id, r.endpoint_id as "endpointId", r.kind, r.since, r.until, r.cursor_id as "cursorId",
            e.program_id as "programId", e.livemode, e.event_types as "eventTypes",
            e.disabled_at is not null or e.deleted_at is not null as stopped
       from recoveries r join webhook_endpoints e on e.id = r.endpoint_id
      where r.status = 'running' and (:recoveryId::text is null or r.id = :recoveryId)
      order by r.updated_at limit 1 for update of r skip locked`,
    { recoveryId },
  );
  return rows[0] ?? null;
}

async function recordProgress(
  trx: Trx,
  running: Running,
  deliveryIds: readonly string[],
  isLast: boolean,
  now: Date,
  cursor: string | null = null,
): Promise<Recovery> {
  const stoppedStatus = running.stopped ? 'cancelled' : 'completed';
  const rows = await runSql<Recovery>(
    trx,
    'recordRecoveryProgress',
    `update recoveries
        set recovered = recovered + :recovered, status = :status, cursor_id = :cursorId, updated_at = :now
      where id = :id returning ${columns}`,
    {
      recovered: deliveryIds.length,
      status: isLast ? stoppedStatus : 'running',
      cursorId: cursor ?? running.cursorId,
      now,
      id: running.id,
    },
  );
  return rows[0] as Recovery;
}

/** A person who asks for a recovery knows that the endpoint works again, so the breaker's pause ends. */
async function endPause(trx: Trx, endpointId: string): Promise<void> {
  await runSql(
    trx,
    'endPause',
    'update webhook_endpoints set paused_until = null where id = :endpointId and paused_until is not null',
    { endpointId },
  );
}

const pagers: Record<Recovery['kind'], (trx: Trx, running: Running, now: Date) => Promise<PageResult>> = {
  failed: recoverFailed,
  missing: replayMissing,
};

async function recoverFailed(trx: Trx, running: Running, now: Date): Promise<PageResult> {
  const { endpointId, since, until, cursorId } = running;
  const rows = await runSql<{ id: string }>(
    trx,
    'recoverFailed',
    `update deliveries set status = 'pending', trigger = 'recover', step = 0, next_attempt_at = :now
      where endpoint_id = :endpointId and message_id in
            (select message_id from deliveries
              where endpoint_id = :endpointId and status in ('failed', 'held') and created_at between :since and :until
                and message_id > :cursorId
              order by message_id limit :pageSize)
     returning message_id as id`,
    { now, endpointId, since, until, cursorId, pageSize: PAGE_SIZE },
  );
  const messageIds = rows.map((row) => row.id).sort();
  return {
    deliveryIds: messageIds.map((messageId) => deliveryIdOf({ messageId, endpointId })),
    cursor: messageIds.at(-1) ?? null,
    isLast: rows.length < PAGE_SIZE,
  };
}

/** Reads the messages of each stream by id, as their index is ordered. Deliveries that exist are left as they are. */
async function replayMissing(trx: Trx, running: Running, now: Date): Promise<PageResult> {
  const { endpointId, programId, since, until, cursorId } = running;
  const modes = running.livemode ? [true, false] : [false];
  const types = running.eventTypes.length > 0 ? running.eventTypes : eventTypeNames;
  const streams = modes.flatMap((livemode) => types.map((type) => ({ programId, livemode, type })));
  if (types.includes(COMMISSION_CREATED)) {
    for (const livemode of modes) {
      await bringOutNext(trx, { programId, livemode }, { cursorId, since, until, pageSize: PAGE_SIZE });
    }
  }
  const messages = await runSql<{ id: string; createdAt: Date }>(
    trx,
    'readMissingMessages',
    `select m.id, m.created_at as "createdAt"
       from unnest(:livemodes::boolean[], :types::text[], :numbers::integer[]) s (livemode, type, number)
      cross join lateral (
        select id, created_at from messages
         where stream = s.number and program_id = :programId and livemode = s.livemode and type = s.type
           and id > :cursorId and created_at between :since and :until
         order by id limit :pageSize
      ) m
      order by m.id limit :pageSize`,
    {
      livemodes: streams.map(({ livemode }) => livemode),
      types: streams.map(({ type }) => type),
      numbers: streams.map(streamNumber),
      programId,
      cursorId,
      since,
      until,
      pageSize: PAGE_SIZE,
    },
  );
  const rows = await runSql<{ id: string }>(
    trx,
    'replayMissing',
    `insert into deliveries (program_id, message_id, endpoint_id, status, trigger, next_attempt_at, created_at)
     select :programId, d.message_id, :endpointId, 'pending', 'recover', :now, d.created_at
       from unnest(:messageIds::text[], :createdAt::timestamptz[]) d (message_id, created_at)
     on conflict (message_id, endpoint_id, program_id) do nothing returning message_id as id`,
    {
      programId,
      endpointId,
      now,
      messageIds: messages.map((message) => message.id),
      createdAt: messages.map((message) => message.createdAt),
    },
  );
  return {
    deliveryIds: rows.map(({ id: messageId }) => deliveryIdOf({ messageId, endpointId })),
    cursor: messages.at(-1)?.id ?? null,
    isLast: messages.length < PAGE_SIZE,
  };
}
