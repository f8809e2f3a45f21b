import type { Db } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../../db/page.ts';
import type { Trigger } from '../wire/lease.ts';
import { eventTypeNames } from '../events/event-types.ts';
import { streamNumber } from '../wire/streams.ts';

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

interface Scope {
  programId: string;
  livemode: boolean;
}

/** States that few deliveries are in. Those have indexes of their own, so that not all messages need be read. */
function isRare(status: DeliveryStatus | undefined): boolean {
  return status === 'failed' || status === 'held' || status === 'pending';
}

async function readByDelivery(db: Db, scope: Scope, filter: MessageFilter, page: PageRequest): Promise<string[]> {
  const conditions = [
    ...messageConditions(filter, page),
    ...conditionOf('m.type = any (?::text[])', filter.types),
    ...conditionOf('d.endpoint_id = ?', filter.endpointId),
    // Repeated for the delivery, because its index is the one that is read.
    ...conditionOf('d.message_id < ?', page.beforeId),
  ];
  const rows = await runPositional<{ body: string }>(
    db,
    `select body from (
       select distinct on (d.message_id) d.message_id, m.body
         from deliveries d join messages m on m.id = d.message_id
        where d.status = ? and m.program_id = ? and m.livemode = ? ${andAll(conditions)}
        order by d.message_id desc limit ?
     ) newest order by message_id desc`,
    [filter.status, scope.programId, scope.livemode, ...bindingsOf(conditions), page.limit + 1],
  );
  return rows.map(({ body }) => body);
}

/** Reads the newest of each type through the index of messages, and keeps the newest of all. */
async function readByType(db: Db, scope: Scope, filter: MessageFilter, page: PageRequest): Promise<string[]> {
  const types = filter.types ?? eventTypeNames;
  const conditions = [...messageConditions(filter, page), ...deliveryConditions(filter)];
  const rows = await runPositional<{ body: string }>(
    db,
    `select m.body from unnest(?::text[], ?::integer[]) s (type, number)
      cross join lateral (
        select m.id, m.body from messages m
         where m.stream = s.number and m.program_id = ? and m.livemode = ? and m.type = s.type ${andAll(conditions)}
         order by m.id desc limit ?
      ) m
      order by m.id desc limit ?`,
    [
      types,
      types.map((type) => streamNumber({ ...scope, type })),
      scope.programId,
      scope.livemode,
      ...bindingsOf(conditions),
      page.limit + 1,
      page.limit + 1,
    ],
  );
  return rows.map(({ body }) => body);
}

function messageConditions(filter: MessageFilter, page: PageRequest): Condition[] {
  return [
    ...conditionOf('m.id < ?', page.beforeId),
    ...conditionOf('m.created_at >= ?', filter.from),
    ...conditionOf('m.created_at < ?', filter.until),
  ];
}

function deliveryConditions({ endpointId, status }: MessageFilter): Condition[] {
  if (endpointId === undefined && status === undefined) return [];
  const conditions = [...conditionOf('d.endpoint_id = ?', endpointId), ...conditionOf('d.status = ?', status)];
  const sql = `exists (select 1 from deliveries d where d.message_id = m.id ${andAll(conditions)})`;
  return [{ sql, bindings: bindingsOf(conditions) }];
}

function andAll(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => `and ${sql}`).join(' ');
}

function bindingsOf(conditions: readonly Condition[]): unknown[] {
  return conditions.flatMap(({ bindings }) => bindings);
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
  const [row] = await runPositional<{ body: string }>(
    db,
    `select m.body from messages m where m.id = ? and m.program_id = ?
        and (m.livemode = ? or exists (select 1 from deliveries where message_id = m.id and trigger = 'test'))`,
    [messageId, programId, livemode],
  );
  if (!row) return null;
  const deliveries = await runPositional<Omit<DeliveryView, 'nextAttemptAt'> & { nextAttemptAt: Date | null }>(
    db,
    `select endpoint_id as "endpointId", status, attempts, next_attempt_at as "nextAttemptAt"
       from deliveries where message_id = ? order by endpoint_id`,
    [messageId],
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

const attemptColumns = `
  id, message_id as "messageId", endpoint_id as "endpointId", status, trigger, response_status as "responseStatus",
  response_body as "responseBody", error, duration_ms as "durationMs", attempted_at as "attemptedAt",
  next_attempt_at as "nextAttemptAt"`;

/** Newest first. */
export function listAttempts(
  db: Db,
  messageId: string,
  filter: { endpointId?: string | undefined; status?: Attempt['status'] | undefined },
  page: PageRequest,
): Promise<Page<Attempt>> {
  return selectPage(
    db,
    `select ${attemptColumns} from delivery_attempts`,
    'id',
    [
      ...conditionOf('message_id = ?', messageId),
      ...conditionOf('endpoint_id = ?', filter.endpointId),
      ...conditionOf('status = ?', filter.status),
    ],
    page,
  );
}

export async function readLastAttempt(db: Db, messageId: string): Promise<Attempt | null> {
  const rows = await runPositional<Attempt>(
    db,
    `select ${attemptColumns} from delivery_attempts where message_id = ? order by id desc limit 1`,
    [messageId],
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
