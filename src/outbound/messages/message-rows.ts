import type { Db } from '../../db/db.ts';
import { selectList, type Columns } from '../../db/columns.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import { conditionOf, joinConditions, type Condition } from '../../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import type { Trigger } from '../wire/lease.ts';
import { eventTypeNames } from '../events/event-types.ts';
import { streamNumber } from '../wire/streams.ts';
import { carrierId, carrierTypes, COMMISSION_CREATED } from './commission-messages.ts';

/** A message as the API shows it: what its body says, which is what every attempt sends. */
export interface MessageBody {
  id: string;
  type: string;
  createdAt: string;
  livemode: boolean;
  programId: string;
  data: Record<string, unknown>;
  previous?: Record<string, unknown>;
}

export interface MessageFilter {
  types?: readonly string[] | undefined;
  /** Inclusive. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
  /** With a delivery to this endpoint. */
  endpointId?: string | undefined;
  /** With a delivery in this state. */
  status?: DeliveryStatus | undefined;
}

export const deliveryStatuses = ['pending', 'succeeded', 'failed', 'held', 'cancelled'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** Newest first. */
export async function listMessages(
  db: Db,
  programId: string,
  livemode: boolean,
  filter: MessageFilter,
  page: PageRequest,
): Promise<Page<MessageBody>> {
  const scope = { programId, livemode };
  const bodies = isRare(filter.status)
    ? await readByDelivery(db, scope, filter, page)
    : await readByType(db, scope, filter, page);
  const items = bodies.map((body) => JSON.parse(body) as MessageBody);
  return { items: items.slice(0, page.limit), hasMore: items.length > page.limit };
}

/** How many messages the list has. */
export async function countMessages(db: Db, scope: Scope, filter: MessageFilter): Promise<number> {
  const types = filter.types ?? eventTypeNames;
  const streamsOf = (names: readonly string[]) => names.map((type) => streamNumber({ ...scope, type }));
  const deliveries = deliveryConditions(filter);
  const where = joinConditions([
    ...conditionOf('m.program_id = :programId', scope.programId),
    ...conditionOf('m.livemode = :livemode', scope.livemode),
    ...messageConditions(filter, { limit: 0 }),
    ...deliveries,
  ]);
  const withStored = types.includes(COMMISSION_CREATED) && deliveries.length === 0;
  const [row] = await runSql<{ count: number }>(
    db,
    withStored ? 'countMessagesOfAllRows' : 'countMessages',
    `select (
       (select count(*) from messages m where m.stream = any(:streams::integer[]) and m.type = any(:types) and ${where.sql})
       ${
         withStored
           ? `+ (select count(*) from messages m where m.stream = any(:carrierStreams::integer[])
                   and m.type = any(:carrierTypes) and m.commission is not null and ${where.sql})`
           : ''
       })::int as count`,
    {
      ...where.bindings,
      types,
      streams: streamsOf(types),
      ...(withStored && { carrierTypes, carrierStreams: streamsOf(carrierTypes) }),
    },
  );
  return row?.count ?? 0;
}

/** States that few deliveries are in. Those have indexes of their own, so that not all messages need be read. */
function isRare(status: DeliveryStatus | undefined): boolean {
  return status === 'failed' || status === 'held' || status === 'pending';
}

async function readByDelivery(db: Db, scope: Scope, filter: MessageFilter, page: PageRequest): Promise<string[]> {
  const where = joinConditions([
    ...conditionOf('d.status = :status', filter.status),
    ...conditionOf('m.program_id = :programId', scope.programId),
    ...conditionOf('m.livemode = :livemode', scope.livemode),
    ...messageConditions(filter, page),
    ...conditionOf('m.type = any (:types::text[])', filter.types),
    ...conditionOf('d.endpoint_id = :endpointId', filter.endpointId),
    // Repeated for the delivery, because its index is the one that is read.
    ...conditionOf('d.message_id < :beforeId', page.beforeId),
  ]);
  const rows = await runSql<{ body: string }>(
    db,
    'listMessagesByDelivery',
    `select body from (
       select distinct on (d.message_id) d.message_id, m.body
         from deliveries d join messages m on m.id = d.message_id
        where ${where.sql}
        order by d.message_id desc limit :rowsWanted
     ) newest order by message_id desc`,
    { ...where.bindings, rowsWanted: page.limit + 1 },
  );
  return rows.map(({ body }) => body);
}

/** Reads the newest of each type through the index of messages, and keeps the newest of all. */
async function readByType(db: Db, scope: Scope, filter: MessageFilter, page: PageRequest): Promise<string[]> {
  const types = filter.types ?? eventTypeNames;
  const deliveries = deliveryConditions(filter);
  const where = joinConditions([
    ...conditionOf('m.program_id = :programId', scope.programId),
    ...conditionOf('m.livemode = :livemode', scope.livemode),
    ...messageConditions(filter, page),
    ...deliveries,
  ]);
  // What is stored with another message was delivered to nobody.
  const withStored = types.includes(COMMISSION_CREATED) && deliveries.length === 0;
  const rows = await runSql<{ body: string }>(
    db,
    withStored ? 'listMessagesOfAllRows' : 'listMessagesByType',
    `select m.body from (
       select m.id, m.body from unnest(:types::text[], :streams::integer[]) s (type, number)
        cross join lateral (
          select m.id, m.body from messages m
           where m.stream = s.number and m.type = s.type and ${where.sql}
           order by m.id desc limit :rowsWanted
        ) m
       ${withStored ? `union all ${storedWithAnother(where.sql, page)}` : ''}
     ) m order by m.id desc limit :rowsWanted`,
    {
      ...where.bindings,
      types,
      streams: types.map((type) => streamNumber({ ...scope, type })),
      rowsWanted: page.limit + 1,
      ...(withStored && {
        carrierTypes,
        carrierStreams: carrierTypes.map((type) => streamNumber({ ...scope, type })),
      }),
    },
  );
  return rows.map(({ body }) => body);
}

function storedWithAnother(where: string, { beforeId }: PageRequest): string {
  return `select m.id, m.body from unnest(:carrierTypes::text[], :carrierStreams::integer[]) s (type, number)
    cross join lateral (
      select commission_message_id(m.id) as id,
        commission_message_body(m.program_id, m.livemode, m.id, m.body, m.commission, m.created_at) as body
      from messages m
      where m.stream = s.number and m.type = s.type and m.commission is not null and ${where}
        ${beforeId ? 'and commission_message_id(m.id) < :beforeId' : ''}
      order by m.id desc limit :rowsWanted
    ) m`;
}

function messageConditions(filter: MessageFilter, page: PageRequest): Condition[] {
  return [
    ...conditionOf('m.id < :beforeId', page.beforeId),
    ...conditionOf('m.created_at >= :from', filter.from),
    ...conditionOf('m.created_at < :until', filter.until),
  ];
}

function deliveryConditions({ endpointId, status }: MessageFilter): Condition[] {
  if (endpointId === undefined && status === undefined) return [];
  const { sql, bindings } = joinConditions([
    ...conditionOf('d.endpoint_id = :endpointId', endpointId),
    ...conditionOf('d.status = :status', status),
  ]);
  return [{ sql: `exists (select 1 from deliveries d where d.message_id = m.id and ${sql})`, bindings }];
}

/** A message's delivery to one endpoint. */
export interface DeliveryView {
  endpointId: string;
  status: DeliveryStatus;
  attempts: number;
  nextAttemptAt: string | null;
}

/**
 * One message with its deliveries, or null. Of test messages a live key sees only those that were sent by
 * /webhook-endpoints/:id/test.
 */
export async function findMessage(
  db: Db,
  programId: string,
  livemode: boolean,
  messageId: string,
): Promise<(MessageBody & { deliveries: DeliveryView[] }) | null> {
  const [row] = await runSql<{ body: string }>(
    db,
    'findMessage',
    `select m.body from messages m where m.id = :messageId and m.program_id = :programId
        and (m.livemode = :livemode or exists (select 1 from deliveries where message_id = m.id and trigger = 'test'))
     union all
     select commission_message_body(program_id, livemode, id, body, commission, created_at) from messages
      where id = :carrierId and commission_message_id(id) = :messageId and program_id = :programId
        and livemode = :livemode and commission is not null`,
    { messageId, carrierId: carrierId(messageId), programId, livemode },
  );
  if (!row) return null;
  const deliveries = await runSql<Omit<DeliveryView, 'nextAttemptAt'> & { nextAttemptAt: Date | null }>(
    db,
    'readDeliveries',
    `select endpoint_id as "endpointId", status, attempts, next_attempt_at as "nextAttemptAt"
       from deliveries where message_id = :messageId order by endpoint_id`,
    { messageId },
  );
  const views = deliveries.map((it) => ({ ...it, nextAttemptAt: it.nextAttemptAt?.toISOString() ?? null }));
  return { ...(JSON.parse(row.body) as MessageBody), deliveries: views };
}

export interface Attempt {
  id: string;
  messageId: string;
  endpointId: string;
  status: 'succeeded' | 'failed';
  trigger: Trigger;
  /** Null: no answer came. */
  responseStatus: number | null;
  responseBody: string | null;
  error: string | null;
  durationMs: number;
  attemptedAt: Date;
  nextAttemptAt: Date | null;
}

const attemptColumns: Columns<keyof Attempt> = {
  id: 'id',
  messageId: 'message_id',
  endpointId: 'endpoint_id',
  status: 'status',
  trigger: 'trigger',
  responseStatus: 'response_status',
  responseBody: 'response_body',
  error: 'error',
  durationMs: 'duration_ms',
  attemptedAt: 'attempted_at',
  nextAttemptAt: 'next_attempt_at',
};
const selectAttempts = `select ${selectList(attemptColumns)} from every_attempt`;

/** Newest first. */
export function listAttempts(
  db: Db,
  messageId: string,
  filter: { endpointId?: string | undefined; status?: Attempt['status'] | undefined },
  page: PageRequest,
): Promise<Page<Attempt>> {
  const conditions = [
    ...conditionOf('message_id = :messageId', messageId),
    ...conditionOf('endpoint_id = :endpointId', filter.endpointId),
    ...conditionOf('status = :status', filter.status),
  ];
  return selectPage(db, { name: 'listAttempts', select: selectAttempts, id: 'id' }, conditions, page);
}

export async function readLastAttempt(db: Db, messageId: string): Promise<Attempt | null> {
  const rows = await runSql<Attempt>(
    db,
    'readLastAttempt',
    `${selectAttempts} where message_id = :messageId order by id desc limit 1`,
    { messageId },
  );
  return rows[0] ?? null;
}

export function presentAttempt({ attemptedAt, nextAttemptAt, ...attempt }: Attempt) {
  return {
    ...attempt,
    attemptedAt: attemptedAt.toISOString(),
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
  };
}
