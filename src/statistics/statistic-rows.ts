import { readSnapshot, type Db, type Trx } from '../db/db.ts';
import { conditionOf, joinBindings, joinConditions, type Condition } from '../db/conditions.ts';
import { runSql, type Bindings } from '../db/sql.ts';

/** What is to be counted: everything, or only what is of an offer or an affiliate; by `occurredAt`. */
export interface StatisticsFilter {
  livemode: boolean;
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
  offerId?: string | undefined;
  affiliateId?: string | undefined;
  /** Any of these. */
  affiliateIds?: readonly string[] | undefined;
}

/** What a row of statistics counts. */
export const figures = [
  'clicks',
  'conversions',
  'approved',
  'revenue',
  'commission',
  'pageviews',
  'registrations',
  'leads',
  'sales',
] as const;
const figureList = figures.join(', ');

export interface StatisticsQuery {
  /** Of the statement. */
  name: string;
  /** Whether rows tell days apart. Without it, a period without ends is read from one sum. */
  byDay?: boolean;
  /** Whether rows tell offers apart. */
  byOffer?: boolean;
  /** Whether they tell affiliates apart. */
  byAffiliate?: boolean;
  /** Builds the statement; `rows` is the SQL after `from`. */
  select: (rows: string) => string;
  /** What the statement binds beside the rows. */
  bindings?: Bindings;
}

/** Which days of a period are whole, in the program's time zone. */
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
 * Runs a query over everything that the filter counts, as rows (day, offer_id, affiliate_id, currency, commission_currency and
 * the figures), which the query adds up. Whole days come from the rollups and from the
 * deltas that are not rolled up yet, parts of days at the ends of the period from the clicks and orders themselves. All of
 * it in one snapshot, so that the sum is exact whatever is written or rolled up meanwhile.
 */
export function queryStatistics<T>(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  query: StatisticsQuery,
): Promise<T[]> {
  return readSnapshot(db, async (trx) => {
    const days = await readDays(trx, programId, filter);
    if (!days) return [];
    const rows = unionOf(partsOf(programId, filter, query, days));
    return runSql<T>(trx, query.name, query.select(`(${rows.sql}) as rows`), {
      ...rows.bindings,
      ...query.bindings,
    });
  });
}

/** Clicks, orders and funnel events that count, as rows; the conditions are on `occurred_at` and on columns that all have. */
export function scanRows(timezone: string, conditions: readonly Condition[]): Condition {
  const where = joinConditions(conditions);
  const day = `(coalesce(occurred_at, '-infinity') at time zone :timezone)::date as day`;
  return {
    sql: `select ${day}, offer_id, affiliate_id, null::text as currency, null::text as commission_currency,
          count(*)::numeric as clicks, 0::numeric as conversions, 0::numeric as approved, 0::numeric as revenue,
          0::numeric as commission, 0::numeric as pageviews, 0::numeric as registrations, 0::numeric as leads,
          0::numeric as sales
        from clicks where ${where.sql} group by 1, 2, 3
      union all
      select ${day}, offer_id, affiliate_id, null, null, sum(clicks), 0, 0, 0, 0, 0, 0, 0, 0
        from forgotten_clicks where ${where.sql} group by 1, 2, 3
      union all
      select ${day}, offer_id, affiliate_id, currency, commission_currency, 0, count(*) filter (where counts),
          count(*) filter (where counts and status <> 'pending'),
          coalesce(sum(remaining_of(net_minor, gross_minor, refunded_minor)) filter (where counts), 0),
          coalesce(sum(commission_minor) filter (where counts), 0), 0, 0, count(*) filter (where kind = 'lead'),
          count(*) filter (where kind in ('sale', 'action'))
        from orders cross join lateral (select order_counts(status, kind, cpa_claim) as counts) judged
        where ${where.sql} and status in ('pending', 'approved', 'paid') group by 1, 2, 3, 4, 5
      union all
      select ${day}, offer_id, affiliate_id, null, null, 0, 0, 0, 0, 0, count(*) filter (where event_type = 'pageview'),
          count(*) filter (where event_type = 'registration'), 0, 0
        from (${funnelEvents}) as events where ${where.sql} group by 1, 2, 3`,
    bindings: { ...where.bindings, timezone },
  };
}

/** Page views and registrations: of whom their customer was when they came, else of whose click they name. */
export const funnelEvents = `
  select f.program_id, f.livemode, f.occurred_at, f.fact ->> 'eventType' as event_type, f.inbox_id, f.fact, f.customer_id,
    coalesce(f.attribution #>> '{terms,offerId}', c.offer_id) as offer_id,
    coalesce(f.attribution #>> '{terms,affiliateId}', c.affiliate_id) as affiliate_id
  from facts f left join clicks c on c.id = f.fact #>> '{evidence,clickId}' and c.program_id = f.program_id
  where f.order_id is null and f.fact ->> 'type' = 'funnel'`;

function partsOf(programId: string, filter: StatisticsFilter, query: StatisticsQuery, days: Days): Condition[] {
  const { from, until, livemode, offerId, affiliateId, affiliateIds } = filter;
  const { timezone, firstDay, endDay, firstDayAt, endDayAt } = days;
  const scope = [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = :livemode', livemode),
    ...conditionOf('offer_id = :offerId', offerId || null),
    ...conditionOf('affiliate_id = :affiliateId', affiliateId || null),
    ...conditionOf('affiliate_id = any(:affiliateIds)', affiliateIds),
  ];
  const afterFrom = conditionOf('occurred_at >= :from', from);
  const beforeUntil = conditionOf('occurred_at < :until', until);
  const withinOneDay = firstDay !== null && endDay !== null && firstDay > endDay;
  if (!days.built || withinOneDay) return [scanRows(timezone, [...scope, ...afterFrom, ...beforeUntil])];
  const parts = [rollupRows(programId, filter, query, days), deltaRows(scope, days)];
  // Days are told apart by their date, and looked for two hours around their beginning: where clocks are set back at
  // midnight a day begins twice.
  if (from && firstDayAt && from < firstDayAt) {
    const beforeFirstDay = [
      ...afterFrom,
      ...conditionOf('occurred_at < :firstDayBegun', addHours(firstDayAt, 2)),
      { sql: '(occurred_at at time zone :timezone)::date < :firstDay', bindings: { timezone, firstDay } },
    ];
    parts.push(scanRows(timezone, [...scope, ...beforeFirstDay]));
  }
  if (until && endDayAt && endDayAt < until) {
    const fromEndDay = [
      ...conditionOf('occurred_at >= :endDayNear', addHours(endDayAt, -2)),
      ...beforeUntil,
      { sql: '(occurred_at at time zone :timezone)::date >= :endDay', bindings: { timezone, endDay } },
    ];
    parts.push(scanRows(timezone, [...scope, ...fromEndDay]));
  }
  return parts;
}

function unionOf(parts: readonly Condition[]): Condition {
  return {
    sql: parts.map(({ sql }) => sql).join(' union all '),
    bindings: joinBindings(parts.map(({ bindings }) => bindings)),
  };
}

/** In a grain that does not tell affiliates or offers apart, their ids are empty. */
function rollupRows(
  programId: string,
  { livemode, offerId, affiliateId, affiliateIds, from, until }: StatisticsFilter,
  { byDay = false, byOffer = false, byAffiliate = false }: StatisticsQuery,
  { firstDay, endDay }: Days,
): Condition {
  const tellsAffiliates =
    (affiliateId !== undefined && affiliateId !== '') || affiliateIds !== undefined || byAffiliate;
  const grain =
    [tellsAffiliates && 'affiliate', (offerId || byOffer) && 'offer'].filter(Boolean).join('_') || 'program';
  const allDays = !byDay && !from && !until;
  const where = joinConditions([
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = :livemode', livemode),
    ...conditionOf('grain = :grain', grain),
    ...(affiliateId || !tellsAffiliates ? conditionOf('affiliate_id = :grainAffiliateId', affiliateId ?? '') : []),
    ...conditionOf('affiliate_id = any(:affiliateIds)', affiliateIds),
    ...(offerId || !byOffer ? conditionOf('offer_id = :grainOfferId', offerId ?? '') : []),
    { sql: allDays ? `day = 'infinity'` : `day < 'infinity'`, bindings: {} },
    ...(allDays ? [] : betweenDays('day', firstDay, endDay)),
  ]);
  return {
    sql: `select day, nullif(offer_id, '') as offer_id, nullif(affiliate_id, '') as affiliate_id,
        nullif(currency, '') as currency, nullif(commission_currency, '') as commission_currency, ${figureList}
      from statistic_rollups where ${where.sql}`,
    bindings: where.bindings,
  };
}

function deltaRows(scope: readonly Condition[], { timezone, firstDay, endDay }: Days): Condition {
  const day = '(quarter at time zone :timezone)::date';
  const where = joinConditions([...scope, ...betweenDays(day, firstDay, endDay)]);
  return {
    sql: `select ${day} as day, offer_id, affiliate_id, currency, commission_currency, ${figureList}
      from statistic_deltas where ${where.sql}`,
    bindings: { ...where.bindings, timezone },
  };
}

/** What has no known time (day -infinity) is in no period with an end. `day` may speak of the time zone, bound elsewhere. */
function betweenDays(day: string, firstDay: string | null, endDay: string | null): Condition[] {
  return [
    ...(firstDay === null ? [] : [{ sql: `${day} >= :firstDay`, bindings: { firstDay } }]),
    ...(endDay === null ? [] : [{ sql: `${day} < :endDay and ${day} > '-infinity'`, bindings: { endDay } }]),
  ];
}

async function readDays(trx: Trx, programId: string, { from, until }: StatisticsFilter): Promise<Days | null> {
  const [row] = await runSql<Days>(
    trx,
    'readStatisticDays',
    `select timezone, built, first_day::text as "firstDay", end_day::text as "endDay",
       first_day::timestamp at time zone timezone as "firstDayAt", end_day::timestamp at time zone timezone as "endDayAt"
     from (
       select p.timezone, z.timezone is not distinct from p.timezone as built,
         f.day + case when f.day::timestamp at time zone p.timezone < f.at then 1 else 0 end as first_day,
         (:until::timestamptz at time zone p.timezone)::date as end_day
       from programs p left join statistic_zones z on z.program_id = p.id,
         lateral (select :from::timestamptz as at, (:from::timestamptz at time zone p.timezone)::date as day) f
       where p.id = :programId) as days`,
    { from: from ?? null, until: until ?? null, programId },
  );
  return row ?? null;
}

function addHours(at: Date, hours: number): Date {
  return new Date(at.getTime() + hours * 3_600_000);
}
