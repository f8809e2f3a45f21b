import { readSnapshot, type Db, type Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';

/** What is to be counted: everything, or only what is of an offer or an affiliate; by `occurredAt`. */
export interface StatisticsFilter {
  livemode: boolean;
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
  offerId?: string | undefined;
  affiliateId?: string | undefined;
}

export interface StatisticsBreakdown {
  /** Whether rows tell days apart. Without it, a period without ends is read from one sum. */
  byDay?: boolean;
  /** Whether rows tell offers apart. */
  byOffer?: boolean;
}

/** A piece of SQL with its bindings. */
interface Sql {
  sql: string;
  bindings: readonly unknown[];
}

interface Days {
  timezone: string;
  /** Whether the program's rollups are there, in its time zone. */
  built: boolean;
  /** The first whole day of the period, and the day after its last whole one; null where the period is open. */
  firstDay: string | null;
  endDay: string | null;
  /** Where they begin. */
  firstDayAt: Date | null;
  endDayAt: Date | null;
}

/**
 * Runs a query over everything that the filter counts, as rows (day, offer_id, currency, commission_currency, clicks,
 * conversions, approved, revenue, commission), which are to be summed. Whole days come from the rollups and from the
 * deltas that are not folded yet, parts of days at the ends of the period from the clicks and orders themselves; all in
 * one snapshot, so that the sum is exact whatever is written or folded meanwhile. `select` gets the rows' SQL, to be put
 * after `from`, and writes no bindings.
 */
export function queryStatistics<T>(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  breakdown: StatisticsBreakdown,
  select: (rows: string) => string,
): Promise<T[]> {
  return readSnapshot(db, async (trx) => {
    const days = await readDays(trx, programId, filter);
    if (!days) return [];
    const pieces = piecesOf(programId, filter, breakdown, days);
    const rows = `(${pieces.map(({ sql }) => sql).join(' union all ')}) as rows`;
    return runPositional<T>(
      trx,
      select(rows),
      pieces.flatMap(({ bindings }) => bindings),
    );
  });
}

/** Clicks and orders that count, as rows; the conditions are on `occurred_at` and on columns that both tables have. */
export function scanRows(timezone: string, conditions: readonly Sql[]): Sql[] {
  const where = conditions.map(({ sql }) => sql).join(' and ');
  const bindings = [timezone, ...conditions.flatMap((condition) => condition.bindings)];
  const day = `(coalesce(occurred_at, '-infinity') at time zone ?)::date as day`;
  return [
    {
      sql: `select ${day}, offer_id, affiliate_id, null::text as currency, null::text as commission_currency,
          count(*)::numeric as clicks, 0::numeric as conversions, 0::numeric as approved, 0::numeric as revenue,
          0::numeric as commission
        from clicks where ${where} group by 1, 2, 3`,
      bindings,
    },
    {
      sql: `select ${day}, offer_id, affiliate_id, currency, commission_currency, 0, count(*),
          count(*) filter (where status <> 'pending'), sum(remaining_of(net_minor, gross_minor, refunded_minor)),
          sum(commission_minor)
        from orders where ${where} and order_counts(status, kind, cpa_claim) group by 1, 2, 3, 4, 5`,
      bindings,
    },
  ];
}

function piecesOf(programId: string, filter: StatisticsFilter, breakdown: StatisticsBreakdown, days: Days): Sql[] {
  const { from, until } = filter;
  const { timezone, firstDay, endDay, firstDayAt, endDayAt } = days;
  const scope: Sql[] = [
    { sql: 'program_id = ? and livemode = ?', bindings: [programId, filter.livemode] },
    ...(filter.offerId ? [{ sql: 'offer_id = ?', bindings: [filter.offerId] }] : []),
    ...(filter.affiliateId ? [{ sql: 'affiliate_id = ?', bindings: [filter.affiliateId] }] : []),
  ];
  const withinOneDay = firstDay !== null && endDay !== null && firstDay > endDay;
  if (!days.built || withinOneDay) return scanRows(timezone, [...scope, ...between(from, until)]);
  const pieces = [rollupRows(programId, filter, breakdown, days), deltaRows(scope, days)];
  // Days are told apart by their date, since where clocks are set back at midnight none has one beginning.
  if (from && firstDayAt && from < firstDayAt) {
    const part = [...between(from, addHours(firstDayAt, 2)), beforeDay(timezone, firstDay)];
    pieces.push(...scanRows(timezone, [...scope, ...part]));
  }
  if (until && endDayAt && endDayAt < until) {
    const part = [...between(addHours(endDayAt, -2), until), fromDay(timezone, endDay)];
    pieces.push(...scanRows(timezone, [...scope, ...part]));
  }
  return pieces;
}

function rollupRows(
  programId: string,
  { livemode, offerId, affiliateId, from, until }: StatisticsFilter,
  { byDay = false, byOffer = false }: StatisticsBreakdown,
  { firstDay, endDay }: Days,
): Sql {
  const grain = [affiliateId && 'affiliate', (offerId || byOffer) && 'offer'].filter(Boolean).join('_') || 'program';
  const conditions: Sql[] = [
    { sql: 'program_id = ? and livemode = ?', bindings: [programId, livemode] },
    { sql: 'grain = ? and affiliate_id = ?', bindings: [grain, affiliateId ?? ''] },
  ];
  if (offerId || !byOffer) conditions.push({ sql: 'offer_id = ?', bindings: [offerId ?? ''] });
  if (!byDay && !from && !until) conditions.push({ sql: `day = 'infinity'`, bindings: [] });
  else conditions.push({ sql: `day < 'infinity'`, bindings: [] }, ...betweenDays('day', [], firstDay, endDay));
  return {
    sql: `select day, nullif(offer_id, '') as offer_id, nullif(affiliate_id, '') as affiliate_id,
        nullif(currency, '') as currency, nullif(commission_currency, '') as commission_currency, clicks, conversions,
        approved, revenue, commission
      from statistic_rollups where ${conditions.map(({ sql }) => sql).join(' and ')}`,
    bindings: conditions.flatMap(({ bindings }) => bindings),
  };
}

function deltaRows(scope: readonly Sql[], { timezone, firstDay, endDay }: Days): Sql {
  const conditions = [...scope, ...betweenDays(`(quarter at time zone ?)::date`, [timezone], firstDay, endDay)];
  return {
    sql: `select (quarter at time zone ?)::date as day, offer_id, affiliate_id, currency, commission_currency, clicks,
        conversions, approved, revenue, commission
      from statistic_deltas where ${conditions.map(({ sql }) => sql).join(' and ')}`,
    bindings: [timezone, ...conditions.flatMap(({ bindings }) => bindings)],
  };
}

async function readDays(trx: Trx, programId: string, { from, until }: StatisticsFilter): Promise<Days | null> {
  const [row] = await runPositional<Days>(
    trx,
    `select timezone, built, first_day::text as "firstDay", end_day::text as "endDay",
       first_day::timestamp at time zone timezone as "firstDayAt", end_day::timestamp at time zone timezone as "endDayAt"
     from (
       select p.timezone, z.timezone is not distinct from p.timezone as built,
         f.day + case when f.day::timestamp at time zone p.timezone < f.at then 1 else 0 end as first_day,
         (?::timestamptz at time zone p.timezone)::date as end_day
       from programs p left join statistic_zones z on z.program_id = p.id,
         lateral (select ?::timestamptz as at, (?::timestamptz at time zone p.timezone)::date as day) f
       where p.id = ?) as days`,
    [until ?? null, from ?? null, from ?? null, programId],
  );
  return row ?? null;
}

function between(from: Date | null | undefined, until: Date | null | undefined): Sql[] {
  return [
    ...(from ? [{ sql: 'occurred_at >= ?', bindings: [from] }] : []),
    ...(until ? [{ sql: 'occurred_at < ?', bindings: [until] }] : []),
  ];
}

/** What has no known time (day -infinity) is in no period with an end. */
function betweenDays(day: string, bindings: unknown[], firstDay: string | null, endDay: string | null): Sql[] {
  return [
    ...(firstDay === null ? [] : [{ sql: `${day} >= ?`, bindings: [...bindings, firstDay] }]),
    ...(endDay === null
      ? []
      : [{ sql: `${day} < ? and ${day} > '-infinity'`, bindings: [...bindings, endDay, ...bindings] }]),
  ];
}

function beforeDay(timezone: string, day: string | null): Sql {
  return { sql: '(occurred_at at time zone ?)::date < ?', bindings: [timezone, day] };
}

function fromDay(timezone: string, day: string | null): Sql {
  return { sql: '(occurred_at at time zone ?)::date >= ?', bindings: [timezone, day] };
}

function addHours(at: Date, hours: number): Date {
  return new Date(at.getTime() + hours * 3_600_000);
}
