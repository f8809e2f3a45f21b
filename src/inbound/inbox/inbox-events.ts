import type { Db, Trx } from '../../db/db.ts';
import { selectList, type Columns } from '../../db/columns.ts';
import { runSql } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import { conditionOf, joinConditions, type Condition } from '../../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import { findQuarters } from './inbox-counts.ts';

export type InboxStatus = 'received' | 'processed' | 'ignored' | 'unprocessable' | 'failed';

/** One accepted message and what became of it; the inbox writes it, the pipeline settles it. */
export interface InboxEvent {
  id: string;
  /** null: it came by API key. */
  sourceId: string | null;
  kind: string;
  livemode: boolean;
  status: InboxStatus;
  outcome: string | null;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
  receivedAt: Date;
  settledAt: Date | null;
}

/** With what came and how it was understood. */
export interface StoredInboxEvent extends InboxEvent {
  programId: string;
  raw: Buffer;
  headers: Record<string, string>;
  facts: Fact[];
  /** By which reading the facts were made (domain/facts.ts). */
  reading: number;
}

export interface InboxEventFilter {
  livemode: boolean;
  statuses?: readonly InboxStatus[] | undefined;
  sourceId?: string | undefined;
  outcomes?: readonly string[] | undefined;
  kinds?: readonly string[] | undefined;
  /** The word, or the words, to the letter. */
  reason?: string | undefined;
  /** Ids of messages, of which only these are looked at. */
  among?: readonly string[] | undefined;
  conversionId?: string | undefined;
  /** By `receivedAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

export async function findInboxEvent(
  db: Db,
  programId: string,
  livemode: boolean,
  eventId: string,
): Promise<StoredInboxEvent | null> {
  const [row] = await runSql<StoredInboxEvent>(
    db,
    'findInboxEvent',
    `select ${stored} from inbox_events where program_id = :programId and livemode = :livemode and id = :eventId`,
    { programId, livemode, eventId },
  );
  return row ?? null;
}

/** Those that are there, by id, and nobody settles them until the transaction ends. */
export function lockInboxEvents(
  trx: Trx,
  { programId, livemode }: Scope,
  eventIds: readonly string[],
): Promise<StoredInboxEvent[]> {
  return runSql<StoredInboxEvent>(
    trx,
    'lockInboxEvents',
    `select ${stored} from inbox_events where program_id = :programId and livemode = :livemode and id = any(:eventIds)
     order by id for update`,
    { programId, livemode, eventIds },
  );
}

/** How many bytes each of them is, by id. */
export async function readEventSizes(
  db: Db,
  { programId, livemode }: Scope,
  eventIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await runSql<{ id: string; bytes: number }>(
    db,
    'readEventSizes',
    `select id, octet_length(raw) + octet_length(facts::text) as bytes from inbox_events
     where program_id = :programId and livemode = :livemode and id = any(:eventIds)`,
    { programId, livemode, eventIds },
  );
  return new Map(rows.map(({ id, bytes }) => [id, bytes]));
}

/**
 * Newest first. No index has kinds, outcomes and reasons, of which most are settled later than stored: the counts tell in which
 * quarters of an hour some are, so that a rare one is found without reading all that came since.
 */
export function listInboxEvents(
  db: Db,
  programId: string,
  filter: InboxEventFilter,
  page: PageRequest,
): Promise<Page<InboxEvent>> {
  const isGuided = filter.kinds ?? filter.reason ?? filter.outcomes;
  const isNarrow = filter.among ?? filter.conversionId;
  if (isGuided && !isNarrow) return listByCounts(db, programId, filter, page);
  const list = { name: 'listInboxEvents', select: `select ${selected} from inbox_events`, id: 'id' };
  return selectPage<InboxEvent>(db, list, conditionsOf(programId, filter), page);
}

async function listByCounts(
  db: Db,
  programId: string,
  filter: InboxEventFilter,
  page: PageRequest,
): Promise<Page<InboxEvent>> {
  const quarters = await findQuarters(db, { programId, ...filter }, page.beforeId ?? null, page.limit + 1);
  const where = joinConditions([...conditionsOf(programId, filter), ...conditionOf('id < :beforeId', page.beforeId)]);
  // A part by itself ends after a page. What lies where two of them overlap comes twice.
  const some = (more: string): string =>
    `(select ${selected} from inbox_events where ${where.sql} and ${more} order by id desc limit :wanted)`;
  const rows = await runSql<InboxEvent>(
    db,
    'listInboxEventsByCounts',
    `${some('id > (select counted_to from inbox_counting)')}
     union
     ${some('id in (select event_id from inbox_uncounted where program_id = :programId)')}
     union
     select found.* from unnest(:fromIds::text[], :untilIds::text[]) as range (from_id, until_id)
     cross join lateral ${some('id >= range.from_id and id < range.until_id')} found
     order by id desc limit :wanted`,
    {
      ...where.bindings,
      wanted: page.limit + 1,
      fromIds: quarters.map(({ fromId }) => fromId),
      untilIds: quarters.map(({ untilId }) => untilId),
    },
  );
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** How many the list has. */
export async function countInboxEvents(db: Db, programId: string, filter: InboxEventFilter): Promise<number> {
  const where = joinConditions(conditionsOf(programId, filter));
  const [row] = await runSql<{ count: number }>(
    db,
    'countInboxEvents',
    `select count(*)::int as count from inbox_events where ${where.sql}`,
    where.bindings,
  );
  return row?.count ?? 0;
}

function conditionsOf(programId: string, filter: InboxEventFilter): Condition[] {
  return [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = :livemode', filter.livemode),
    ...(filter.statuses ? statusConditions(filter.statuses) : []),
    // The end of an id tells sources apart: its index has no more of it.
    ...conditionOf('source_id = :sourceId', filter.sourceId),
    ...conditionOf('right(source_id, 12) = right(:sourceId, 12)', filter.sourceId),
    ...conditionOf('outcome = any(:outcomes)', filter.outcomes),
    ...conditionOf('kind = any(:kinds)', filter.kinds),
    ...conditionOf('reason = :reason', filter.reason),
    ...conditionOf('id = any(:among)', filter.among),
    ...conditionOf('conversion_id = :conversionId', filter.conversionId),
    ...conditionOf('received_at >= :from', filter.from),
    ...conditionOf('received_at < :until', filter.until),
  ];
}

/** No index is on the status, which settling changes: the few that wait or failed are found by what else is known of them. */
function statusConditions(statuses: readonly InboxStatus[]): Condition[] {
  const conditions = conditionOf('status = any(:statuses)', statuses);
  if (statuses.every((status) => status === 'received')) {
    conditions.push({ sql: 'id in (select unnest(event_ids) from inbox_watches)', bindings: {} });
  } else if (statuses.every((status) => status === 'failed' || status === 'unprocessable')) {
    conditions.push({ sql: 'error is not null', bindings: {} });
  }
  return conditions;
}

/** The test messages since `since` that named a click, newest first. */
export function listEventsOfTestClick(
  db: Db,
  { programId, clickId, since }: { programId: string; clickId: string; since: Date },
  limit = 20,
): Promise<InboxEvent[]> {
  return runSql<InboxEvent>(
    db,
    'listEventsOfTestClick',
    `select ${selected} from inbox_events
     where program_id = :programId and not livemode and received_at >= :since and facts::jsonb @> :named::jsonb
     order by id desc limit :limit`,
    { programId, since, named: JSON.stringify([{ evidence: { clickId } }]), limit },
  );
}

const columns: Columns<keyof InboxEvent> = {
  id: 'id',
  sourceId: 'source_id',
  kind: 'kind',
  livemode: 'livemode',
  status: 'status',
  outcome: 'outcome',
  reason: 'reason',
  error: 'error',
  conversionId: 'conversion_id',
  receivedAt: 'received_at',
  settledAt: 'settled_at',
};
const selected = selectList(columns);
const stored = `${selected}, program_id as "programId", raw, headers, facts, reading`;
