import { conditionOf, joinConditions } from '../../db/conditions.ts';
import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';

// How many messages there are of each kind, outcome and reason, by quarters of an hour. The worker counts them from their rows
// some seconds after they came, each once when it is settled, so that neither intake nor settling writes a count. Who reads adds
// what is not counted yet, as far as that is little.

/** A group commit that hangs is given up long before: no smaller id is stored after that. */
const COUNTED_AFTER_MS = 15_000;

/** What came since, and what is not settled, is looked at one by one up to so many. */
const MAX_UNCOUNTED = 10_000;

/** How a row is counted: `e` is the row. */
const counted = `e.program_id, coalesce(e.source_id, '') as source_id, date_bin('15 minutes', e.received_at, '2000-01-01Z') as quarter,
  e.livemode, e.kind, e.status, coalesce(e.outcome, '') as outcome, left(coalesce(e.reason, ''), 200) as reason`;
const groups = 'program_id, source_id, quarter, livemode, kind, status, outcome, reason';

const addCounts = (rows: string): string => `
  insert into inbox_counts as known (${groups}, count) select ${groups}, sum(n) from (${rows}) as added
  group by ${groups} order by ${groups}
  on conflict (${groups}) do update set count = known.count + excluded.count`;

/** As what a message was counted that is settled again since. */
const wasOf = (
  row: string,
): string => `json_to_record(${row}.was) as w (source_id text, quarter timestamptz, livemode boolean,
  kind text, status text, outcome text, reason text)`;

/**
 * Counts the next messages, in the order of their ids; tells how many it looked at. One process at a time; 0 where another one
 * does. Replays wait for it.
 */
export async function countNextEvents(db: Db, limit: number, nowMs: number = Date.now()): Promise<number> {
  return inTransaction(db, async (trx) => {
    if (!(await lockCounting(trx))) return 0;
    const [row] = await runSql<{ looked: bigint }>(
      trx,
      'countNextEvents',
      `with next as materialized (
         select e.id, ${counted} from inbox_events e
         where e.id > (select counted_to from inbox_counting) and e.id < :end order by e.id limit :limit
       ), passed as (
         insert into inbox_uncounted (event_id, program_id) select id, program_id from next where status = 'received'
         on conflict do nothing
       ), added as (${addCounts(`select *, 1 as n from next where status <> 'received'`)}
       ), moved as (
         update inbox_counting set counted_to = last.id from (select max(id) as id from next) last where last.id is not null
       )
       select count(*) as looked from next`,
      { end: idAt(new Date(nowMs - COUNTED_AFTER_MS)), limit },
    );
    return Number(row?.looked ?? 0n);
  });
}

/** The same for those that were passed over. Gives the last that it looked at, to go on from; null at their end. */
export async function countSettledSince(db: Db, after: string, limit: number): Promise<string | null> {
  return inTransaction(db, async (trx) => {
    if (!(await lockCounting(trx))) return null;
    const [row] = await runSql<{ last: string | null; looked: bigint }>(
      trx,
      'countSettledSince',
      `with next as materialized (
         select event_id, program_id, was from inbox_uncounted where event_id > :after order by event_id limit :limit
       ), settled as materialized (
         select e.id, ${counted} from next join inbox_events e on e.id = next.event_id and e.status <> 'received'
       ), added as (${addCounts(`
         select ${groups}, 1 as n from settled
         union all
         select next.program_id, w.source_id, w.quarter, w.livemode, w.kind, w.status, w.outcome, w.reason, -1
         from next cross join ${wasOf('next')} where next.was is not null`)}
       ), gone as (
         delete from inbox_uncounted where event_id in (select id from settled)
       ), taken as (
         update inbox_uncounted set was = null
         where event_id in (select event_id from next where was is not null) and event_id not in (select id from settled)
       )
       select max(event_id) as last, count(*) as looked from next`,
      { after, limit },
    );
    return Number(row?.looked ?? 0n) < limit ? null : (row?.last ?? null);
  });
}

async function lockCounting(trx: Trx): Promise<boolean> {
  const rows = await runSql(trx, 'lockInboxCounting', 'select 1 from inbox_counting for update skip locked');
  return rows.length > 0;
}

export interface InboxCount {
  kind: string;
  status: string;
  /** '': none, as of reasons. */
  outcome: string;
  reason: string;
  count: number;
}

export interface InboxCounts {
  counts: InboxCount[];
  /** What came later is not in them: so much of it waits to be counted. Null: all are in them. */
  countedTo: Date | null;
}

export interface CountedPeriod extends Scope {
  /** The source; '' for what came by API key. */
  sourceId?: string | undefined;
  /** To the quarter of an hour. */
  from: Date;
  /** Exclusive. */
  until: Date;
}

/** How many messages of a period came to what. */
export async function readInboxCounts(db: Db, { programId, livemode, ...period }: CountedPeriod): Promise<InboxCounts> {
  const { sourceId, from, until } = period;
  const bound = (quarter: string): string =>
    `${quarter} >= date_bin('15 minutes', :from::timestamptz, '2000-01-01Z') and ${quarter} < :until::timestamptz
     and (:sourceId::text is null or source_id = :sourceId)`;
  const rows = await runSql<InboxCount & { part: 'counted' | 'new' | 'open'; looked: bigint; counted_to: string }>(
    db,
    'readInboxCounts',
    `with counting as materialized (select counted_to from inbox_counting),
     new as materialized (
       select ${counted} from inbox_events e, counting
       where e.program_id = :programId and e.livemode = :livemode and e.id > counting.counted_to
       order by e.id desc limit :most
     ), open as materialized (
       select ${counted} from (select event_id from inbox_uncounted where program_id = :programId limit :most) u
       join inbox_events e on e.id = u.event_id where e.program_id = :programId and e.livemode = :livemode
     ), every_part as (
       select 'counted' as part, kind, status, outcome, reason, sum(count)::bigint as n from inbox_counts
       where program_id = :programId and livemode = :livemode and ${bound('quarter')} group by 2, 3, 4, 5
       union all
       select 'counted', w.kind, w.status, w.outcome, w.reason, -1 from inbox_uncounted u
       cross join ${wasOf('u')}
       where u.program_id = :programId and u.was is not null and w.livemode = :livemode and ${bound('w.quarter')}
       union all
       select 'new', kind, status, outcome, reason, count(*) from new where ${bound('quarter')} group by 2, 3, 4, 5
       union all
       select 'open', kind, status, outcome, reason, count(*) from open where ${bound('quarter')} group by 2, 3, 4, 5
     )
     select part, kind, status, outcome, reason, sum(n)::float8 as count,
       (select count(*) from new) as looked, (select counted_to from counting) as counted_to
     from every_part group by 1, 2, 3, 4, 5`,
    { programId, livemode, from, until, sourceId: sourceId ?? null, most: MAX_UNCOUNTED },
  );
  const [first] = rows;
  const isBehind = first !== undefined && Number(first.looked) >= MAX_UNCOUNTED;
  return {
    counts: addUp(rows.filter(({ part }) => !isBehind || part !== 'new')),
    countedTo: isBehind ? (timeOf(first.counted_to) ?? new Date(0)) : null,
  };
}

function addUp(rows: readonly InboxCount[]): InboxCount[] {
  const sums = new Map<string, InboxCount>();
  for (const { kind, status, outcome, reason, count } of rows) {
    const key = JSON.stringify([kind, status, outcome, reason]);
    const known = sums.get(key);
    if (known) known.count += count;
    else sums.set(key, { kind, status, outcome, reason, count });
  }
  return [...sums.values()].filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
}

/** What came by each source since, to the quarter of an hour; and when the last did. Of several at once. */
export interface SourceActivity {
  sourceId: string;
  events: number;
  /** Of them, those that failed or could not be read. */
  failed: number;
  lastEventAt: Date | null;
}

const isFailed = `status in ('failed', 'unprocessable')`;

/** By source id, with an entry for each of the given ones, whatever their mode. */
export async function readSourceActivity(
  db: Db,
  programId: string,
  sourceIds: readonly string[],
  since: Date,
): Promise<Map<string, SourceActivity>> {
  const rows = await runSql<SourceActivity>(
    db,
    'readSourceActivity',
    `select s.id as "sourceId", last.received_at as "lastEventAt",
       (coalesce(counted.n, 0) + coalesce(new.n, 0) + coalesce(open.n, 0))::float8 as events,
       (coalesce(counted.failed, 0) + coalesce(new.failed, 0) + coalesce(open.failed, 0))::float8 as failed
     from unnest(:sourceIds::text[]) as s (id)
     left join lateral (
       select received_at from inbox_events where source_id = s.id and right(source_id, 12) = right(s.id, 12)
         and program_id = :programId order by id desc limit 1) last on true
     left join (
       select source_id, sum(count) as n, sum(count) filter (where ${isFailed}) as failed from inbox_counts
       where program_id = :programId and source_id = any(:sourceIds)
         and quarter >= date_bin('15 minutes', :since::timestamptz, '2000-01-01Z') group by 1) counted on counted.source_id = s.id
     left join lateral (
       select count(*) as n, count(*) filter (where ${isFailed}) as failed from (
         select status from inbox_events where source_id = s.id and right(source_id, 12) = right(s.id, 12)
           and program_id = :programId and id > (select counted_to from inbox_counting)
           and id >= :sinceId limit :most) e) new on true
     left join (
       select e.source_id, count(*) filter (where u.was is null) as n,
         count(*) filter (where u.was is null and ${isFailed}) as failed
       from (select event_id, was from inbox_uncounted where program_id = :programId limit :most) u
       join inbox_events e on e.id = u.event_id
       where e.source_id = any(:sourceIds) and e.received_at >= :since::timestamptz group by 1) open on open.source_id = s.id`,
    { programId, sourceIds, since, sinceId: idAt(since), most: MAX_UNCOUNTED },
  );
  return new Map(rows.map((row) => [row.sourceId, row]));
}

/** Where messages may be that match, by the counts: ids from one to another. */
export interface GuidedFilter extends Scope {
  kinds?: readonly string[] | undefined;
  outcomes?: readonly string[] | undefined;
  reason?: string | undefined;
  sourceId?: string | undefined;
  from?: Date | null | undefined;
  until?: Date | null | undefined;
}

/** Between the time of a message's receipt and that of its id. */
const SLACK_MS = 60_000;
const QUARTER_MS = 900_000;

/**
 * Ranges of ids, newest first, that together hold the next `wanted` messages which match, if there are so many; what is not
 * counted yet is in none of them. `before` is an id that all come before.
 */
export async function findQuarters(
  db: Db,
  filter: GuidedFilter,
  before: string | null,
  wanted: number,
): Promise<{ fromId: string; untilId: string }[]> {
  const beforeMs = before === null ? null : (timeOf(before)?.getTime() ?? null);
  const where = joinConditions([
    ...conditionOf('program_id = :programId', filter.programId),
    ...conditionOf('livemode = :livemode', filter.livemode),
    ...conditionOf('kind = any(:kinds)', filter.kinds),
    ...conditionOf('outcome = any(:outcomes)', filter.outcomes),
    ...conditionOf('reason = left(:reason, 200)', filter.reason),
    ...conditionOf('source_id = :sourceId', filter.sourceId),
    ...conditionOf(`quarter >= date_bin('15 minutes', :from::timestamptz, '2000-01-01Z')`, filter.from),
    ...conditionOf('quarter < :until', filter.until),
    ...conditionOf('quarter <= :latest', beforeMs === null ? null : new Date(beforeMs + SLACK_MS)),
  ]);
  const rows = await runSql<{ quarter: Date }>(
    db,
    'findQuarters',
    `select quarter from (
       -- Of the quarter in which the page before ended all may have been shown.
       select quarter, sum(case when :whole::timestamptz is null or quarter < :whole then n else 0 end)
           over (order by quarter desc rows between unbounded preceding and 1 preceding) as found
       from (
         select quarter, sum(count) as n from (
           select quarter, count from inbox_counts where ${where.sql}
           union all
           select quarter, -1 from (
             select u.program_id, w.* from inbox_uncounted u cross join ${wasOf('u')} where u.was is not null) replayed
           where ${where.sql}) as each
         group by 1 having sum(count) > 0) q
     ) as counted where coalesce(found, 0) < :wanted order by quarter desc`,
    {
      ...where.bindings,
      wanted,
      whole: beforeMs === null ? null : new Date(beforeMs - QUARTER_MS - SLACK_MS),
    },
  );
  return rows.map(({ quarter }) => ({
    fromId: idAt(new Date(quarter.getTime() - SLACK_MS)),
    untilId: idAt(new Date(quarter.getTime() + QUARTER_MS + SLACK_MS)),
  }));
}

/** The least id of a moment. */
function idAt(at: Date): string {
  return `ibx_${Math.max(0, at.getTime()).toString(16).padStart(12, '0')}`;
}

/** When an id was made; null where it is none of ours. */
function timeOf(id: string): Date | null {
  const [, hex] = /^ibx_([0-9a-f]{12})/.exec(id) ?? [];
  return hex === undefined ? null : new Date(Number.parseInt(hex, 16));
}
