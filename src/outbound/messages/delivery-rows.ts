import { conditionOf, joinConditions, type Condition } from '../../db/conditions.ts';
import type { Db } from '../../db/db.ts';
import type { Page } from '../../db/page.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import { eventTypeNames } from '../events/event-types.ts';
import type { DeliveryKey } from '../wire/delivery-id.ts';
import { streamNumber } from '../wire/streams.ts';
import type { DeliveryStatus } from './message-rows.ts';

/** What is sent of a message to one endpoint, and how far that has come. */
export interface ListedDelivery extends DeliveryKey {
  type: string;
  status: DeliveryStatus;
  attempts: number;
  /** Of the last attempt, null where no answer came. */
  lastResponseStatus: number | null;
  lastError: string | null;
  lastAttemptAt: Date | null;
  nextAttemptAt: Date | null;
  /** The message's. */
  createdAt: Date;
}

export interface DeliveryFilter {
  endpointId?: string | undefined;
  messageId?: string | undefined;
  status?: DeliveryStatus | undefined;
  type?: string | undefined;
  /** By `createdAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

export interface DeliveryPage {
  limit: number;
  /** The last delivery of the page before. */
  before: DeliveryKey | null;
}

/**
 * Up to so many endpoints are read one by one, each by its own index. A program with more (a postback of every affiliate) is
 * read by its messages, hardly one of which is told to nobody there.
 */
const MAX_ENDPOINTS = 200;

/** Newest messages first, and those of a message by endpoint. Tests of a live endpoint are test messages. */
export async function listDeliveries(
  db: Db,
  scope: Scope,
  filter: DeliveryFilter,
  page: DeliveryPage,
): Promise<Page<ListedDelivery>> {
  const conditions = conditionsOf(scope, filter, page);
  const rows = await readNewest(db, scope, filter, conditions, page.limit + 1);
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

async function readNewest(
  db: Db,
  scope: Scope,
  filter: DeliveryFilter,
  where: Condition,
  rowsWanted: number,
): Promise<ListedDelivery[]> {
  if (filter.messageId !== undefined) {
    const sql = `${selectDeliveries} where ${where.sql} ${newestFirst} limit :rowsWanted`;
    return await readListed(db, 'listDeliveriesOfMessage', sql, { ...where.bindings, rowsWanted });
  }
  // A type is found by its messages. Test traffic is little, and hides between the live messages of an endpoint.
  const endpointIds = filter.type === undefined && scope.livemode ? await findEndpoints(db, scope, filter) : null;
  if (endpointIds === null) return await readByMessages(db, scope, filter, where, rowsWanted);
  return await readByEndpoints(db, filter, where, endpointIds, rowsWanted);
}

/** Those whose deliveries are asked for, deleted ones too; null: more than are read one by one. */
async function findEndpoints(db: Db, { programId }: Scope, { endpointId }: DeliveryFilter): Promise<string[] | null> {
  if (endpointId !== undefined) return [endpointId];
  const rows = await runSql<{ id: string }>(
    db,
    'findEndpointsOfDeliveries',
    `select id from webhook_endpoints where program_id = :programId and livemode limit :most`,
    { programId, most: MAX_ENDPOINTS + 1 },
  );
  return rows.length > MAX_ENDPOINTS ? null : rows.map(({ id }) => id);
}

/** The states by the index that each is found in. The words stand in the statement: a value that is bound chooses no index. */
const indexed: readonly (readonly DeliveryStatus[])[] = [['succeeded', 'cancelled'], ['failed', 'held'], ['pending']];

function readByEndpoints(
  db: Db,
  { status }: DeliveryFilter,
  where: Condition,
  endpointIds: readonly string[],
  rowsWanted: number,
): Promise<ListedDelivery[]> {
  const groups = indexed.filter((group) => status === undefined || group.includes(status));
  const parts = groups.map((group) => {
    const words = group.map((word) => `'${word}'`).join(', ');
    return `(${selectDeliveries} where d.endpoint_id = e.id and d.status in (${words}) and ${where.sql}
             order by d.message_id desc limit :rowsWanted)`;
  });
  const sql = `select d.* from unnest(:endpointIds::text[]) as e (id) cross join lateral (${parts.join(' union all ')}) d
    ${newestFirst} limit :rowsWanted`;
  const name = `listDeliveriesByEndpoint${groups.length === 1 ? `_${groups[0]?.[0]}` : ''}`;
  return readListed(db, name, sql, { ...where.bindings, endpointIds, rowsWanted });
}

/** Type by type through the index of messages, as those are listed. */
function readByMessages(
  db: Db,
  scope: Scope,
  { type }: DeliveryFilter,
  where: Condition,
  rowsWanted: number,
): Promise<ListedDelivery[]> {
  const types = type === undefined ? eventTypeNames : [type];
  const sql = `select d.* from unnest(:types::text[], :streams::integer[]) as s (type, number) cross join lateral (
      ${selectDeliveries} where m.stream = s.number and m.type = s.type and ${where.sql}
      order by m.id desc, d.endpoint_id desc limit :rowsWanted) d
    ${newestFirst} limit :rowsWanted`;
  const streams = types.map((each) => streamNumber({ ...scope, type: each }));
  return readListed(db, 'listDeliveriesByMessage', sql, { ...where.bindings, types, streams, rowsWanted });
}

const selectDeliveries = `select d.message_id, d.endpoint_id, d.status, d.attempts, d.next_attempt_at, d.created_at, m.type
    from deliveries d join messages m on m.id = d.message_id and m.program_id = d.program_id`;
const newestFirst = 'order by d.message_id desc, d.endpoint_id desc';

/** With the last attempt of each, which is looked up for those that are shown alone. */
function readListed(
  db: Db,
  name: string,
  listed: string,
  bindings: Readonly<Record<string, unknown>>,
): Promise<ListedDelivery[]> {
  return runSql<ListedDelivery>(
    db,
    name,
    `select d.message_id as "messageId", d.endpoint_id as "endpointId", d.type, d.status, d.attempts,
       d.next_attempt_at as "nextAttemptAt", d.created_at as "createdAt", a.response_status as "lastResponseStatus",
       a.error as "lastError", a.attempted_at as "lastAttemptAt"
     from (${listed}) d left join lateral (
       select response_status, error, attempted_at from every_attempt
        where message_id = d.message_id and endpoint_id = d.endpoint_id order by id desc limit 1) a on true
     ${newestFirst}`,
    bindings,
  );
}

function conditionsOf(scope: Scope, filter: DeliveryFilter, { before }: DeliveryPage): Condition {
  return joinConditions([
    ...conditionOf('d.program_id = :programId', scope.programId),
    ...conditionOf(
      // Whoever names a message sees what /messages/:id shows.
      filter.messageId === undefined ? 'm.livemode = :livemode' : `(m.livemode = :livemode or d.trigger = 'test')`,
      scope.livemode,
    ),
    ...conditionOf('d.message_id = :messageId', filter.messageId),
    ...conditionOf('d.endpoint_id = :endpointId', filter.endpointId),
    ...conditionOf('d.status = :status', filter.status),
    ...conditionOf('m.type = :type', filter.type),
    ...conditionOf('d.created_at >= :from', filter.from),
    ...conditionOf('d.created_at < :until', filter.until),
    ...(before ? [afterDelivery(before)] : []),
  ]);
}

/** The first condition is redundant; it lets an index be used. */
function afterDelivery({ messageId, endpointId }: DeliveryKey): Condition {
  return {
    sql: `d.message_id <= :lastMessageId and m.id <= :lastMessageId
      and (d.message_id < :lastMessageId or d.endpoint_id < :lastEndpointId)`,
    bindings: { lastMessageId: messageId, lastEndpointId: endpointId },
  };
}
