import { readSnapshot, type Db, type Trx } from '../db/db.ts';
import { joinConditions, conditionOf } from '../db/conditions.ts';
import { nameFor, runSql } from '../db/sql.ts';
import { validationError } from '../domain/errors.ts';
import { countBuyers, MAX_COUNTED_CONVERSIONS } from './buyers.ts';
import { queryStatistics, type StatisticsFilter, type StatisticsQuery } from './statistic-rows.ts';
import {
  addUp,
  emptyStatistics,
  readStatistics,
  somethingHappened,
  sums,
  withRates,
  type AmountRow,
  type Statistics,
} from './statistics.ts';

export const dimensions = ['affiliate', 'offer', 'source', 'sub1'] as const;
export type Dimension = (typeof dimensions)[number];

export interface BreakdownRequest {
  by: Dimension;
  /** How many are shown by themselves. */
  limit: number;
  /** By what they are ranked; revenue: in `currency`, then by clicks. */
  sort: 'revenue' | 'clicks';
  currency: string;
}

export interface Breakdown {
  /** The first ones. `key`: an id or a text; null: clicks and conversions without one. */
  items: (Statistics & { key: string | null })[];
  /** All others; null: there are none. */
  other: Statistics | null;
}

/** No rollup tells these apart, so clicks and conversions are counted one by one; of more than these nobody is told. */
const countedOneByOne = {
  source: { most: 20_000, what: 'conversions' },
  sub1: { most: 200_000, what: 'clicks and conversions' },
} as const;

/**
 * What each affiliate, offer, source or sub1 brought. Affiliates and offers come from the rollups; a source is that of the
 * message which first told of the conversion, and has no clicks. Throws VALIDATION_ERROR where source or sub1 would be of too
 * many rows.
 */
export function readBreakdown(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  request: BreakdownRequest,
): Promise<Breakdown> {
  return readSnapshot(db, async (trx) => {
    const { by, limit, sort, currency } = request;
    const select = (counted: string) => rankedSums(keys[by], counted);
    const bindings = { limit, currency, byClicks: sort === 'clicks' };
    const rows =
      by === 'affiliate' || by === 'offer'
        ? await queryStatistics<RankedRow>(trx, programId, filter, { ...grains[by], select, bindings })
        : await countOneByOne(trx, programId, filter, by, { select, bindings });
    return toBreakdown(trx, programId, filter, by, rows);
  });
}

const grains: Record<'affiliate' | 'offer', Pick<StatisticsQuery, 'name' | 'byAffiliate' | 'byOffer'>> = {
  affiliate: { name: 'readStatisticsByAffiliate', byAffiliate: true },
  offer: { name: 'readStatisticsByOffer', byOffer: true },
};

/** The column of rows that tells them apart. */
const keys: Record<Dimension, string> = {
  affiliate: 'affiliate_id',
  offer: 'offer_id',
  source: 'source_id',
  sub1: 'sub1',
};

/** The same of an order, where buyers are counted. */
const keysOfOrders = { affiliate: 'o.affiliate_id', offer: 'o.offer_id', sub1: 'o.sub1' } as const;

interface RankedRow extends AmountRow {
  key: string;
  /** From 1; null: it is among the others. */
  place: number | null;
}

/** An empty key is none: no id and no sub1 is empty. */
function rankedSums(key: string, rows: string): string {
  return `with summed as (
      select coalesce(${key}, '') as key, currency, commission_currency as "commissionCurrency", ${sums}
      from ${rows} group by 1, 2, 3 having ${somethingHappened}
    ), ranked as (
      select key, row_number() over (order by
        case when :byClicks::boolean then sum(clicks) else coalesce(sum(revenue) filter (where currency = :currency), 0) end desc,
        sum(clicks) desc, sum(conversions) desc, key) as place
      from summed group by key)
    select case when place <= :limit::integer then key else '' end as key,
      case when place <= :limit::integer then place::integer end as place, currency, "commissionCurrency", ${sums}
    from summed join ranked using (key) group by 1, 2, 3, 4`;
}

async function toBreakdown(
  trx: Trx,
  programId: string,
  filter: StatisticsFilter,
  by: Dimension,
  rows: RankedRow[],
): Promise<Breakdown> {
  const added = addUp(rows, ({ place, key }) => (place === null ? OTHER : `=${key}`));
  const first = [...new Map(rows.flatMap(({ place, key }) => (place === null ? [] : ([[key, place]] as const))))]
    .sort(([, a], [, b]) => a - b)
    .map(([key]) => key);
  const buyers = await countBuyersOf(trx, programId, filter, by, first, added);
  const statisticsOf = (name: string) =>
    withRates(added.get(name) ?? emptyStatistics(), buyers === null ? null : (buyers.get(name) ?? 0));
  return {
    items: first.map((key) => ({ key: key === '' ? null : key, ...statisticsOf(`=${key}`) })),
    other: added.has(OTHER) ? statisticsOf(OTHER) : null,
  };
}

const OTHER = 'other';

/** Null: they are too many to be counted, or no click leads to them. */
async function countBuyersOf(
  trx: Trx,
  programId: string,
  filter: StatisticsFilter,
  by: Dimension,
  first: readonly string[],
  added: ReadonlyMap<string, Statistics>,
): Promise<Map<string, number> | null> {
  const conversions = [...added.values()].reduce((sum, each) => sum + each.conversions, 0);
  if (by === 'source' || conversions > MAX_COUNTED_CONVERSIONS) return null;
  if (conversions === 0) return new Map();
  const key = `coalesce(${keysOfOrders[by]}, '')`;
  const bucket = `case when ${key} = any(:first::text[]) then '=' || ${key} else '${OTHER}' end`;
  return countBuyers(trx, programId, filter, bucket, { first });
}

/** Statistics of each of these affiliates, as `readStatistics` gives them of one; in a few statements for all of them. */
export function readStatisticsOf(
  db: Db,
  programId: string,
  livemode: boolean,
  affiliateIds: readonly string[],
): Promise<Map<string, Statistics>> {
  return readSnapshot(db, async (trx) => {
    const filter = { livemode, affiliateIds };
    const rows = await queryStatistics<AmountRow & { key: string }>(trx, programId, filter, {
      name: 'readStatisticsOfAffiliates',
      select: (counted) => `select affiliate_id as key, currency, commission_currency as "commissionCurrency", ${sums}
        from ${counted} group by 1, 2, 3 having ${somethingHappened}`,
    });
    const added = addUp(rows, ({ key }) => key);
    const conversions = [...added.values()].reduce((sum, each) => sum + each.conversions, 0);
    const buyers =
      conversions > MAX_COUNTED_CONVERSIONS ? null : await countBuyers(trx, programId, filter, 'o.affiliate_id');
    return new Map(
      affiliateIds.map((id) => [
        id,
        withRates(added.get(id) ?? emptyStatistics(), buyers === null ? null : (buyers.get(id) ?? 0)),
      ]),
    );
  });
}

async function countOneByOne(
  trx: Trx,
  programId: string,
  filter: StatisticsFilter,
  by: 'source' | 'sub1',
  { select, bindings }: Required<Pick<StatisticsQuery, 'select' | 'bindings'>>,
): Promise<RankedRow[]> {
  const { clicks, conversions, funnel } = await readStatistics(trx, programId, filter);
  const { most, what } = countedOneByOne[by];
  const wanted = conversions + funnel.leads + (by === 'sub1' ? clicks : 0);
  if (wanted > most) {
    const message = `by ${by} counts at most ${most} ${what}, and there are ${wanted}: take a shorter period, or an affiliate or offer`;
    throw validationError(`A breakdown ${message}`, { breakdown: message });
  }
  const { livemode, from, until, offerId, affiliateId } = filter;
  const where = joinConditions([
    ...conditionOf('x.program_id = :programId', programId),
    ...conditionOf('x.livemode = :livemode', livemode),
    ...conditionOf('x.offer_id = :offerId', offerId || null),
    ...conditionOf('x.affiliate_id = :affiliateId', affiliateId || null),
    ...conditionOf('x.occurred_at >= :from', from),
    ...conditionOf('x.occurred_at < :until', until),
  ]);
  const key = by === 'source' ? '_source' : '_sub1';
  const rows =
    by === 'source' ? ordersBySource(where.sql) : `${clicksBySub1(where.sql)} union all ${ordersBySub1(where.sql)}`;
  return runSql<RankedRow>(trx, nameFor('readStatisticsBy', key), select(`(${rows}) as rows`), {
    ...where.bindings,
    ...bindings,
  });
}

const none = '0::numeric';

function orderRow(key: string): string {
  return `${key}, x.currency, x.commission_currency, ${none} as clicks, counts::int as conversions,
    case when counts then remaining_of(x.net_minor, x.gross_minor, x.refunded_minor) else 0 end as revenue,
    case when counts then x.commission_minor else 0 end as commission, ${none} as pageviews, ${none} as registrations,
    (x.kind = 'lead')::int as leads, (x.kind in ('sale', 'action'))::int as sales`;
}

const counting = `cross join lateral (select order_counts(x.status, x.kind, x.cpa_claim) as counts) judged`;
const inForce = `x.status in ('pending', 'approved', 'paid')`;

function ordersBySub1(where: string): string {
  return `select ${orderRow('x.sub1')} from orders x ${counting} where ${where} and ${inForce}`;
}

function clicksBySub1(where: string): string {
  return `select x.sub1, null::text as currency, null::text as commission_currency, count(*)::numeric as clicks,
      ${none} as conversions, ${none} as revenue, ${none} as commission, ${none} as pageviews, ${none} as registrations,
      ${none} as leads, ${none} as sales
    from clicks x where ${where} group by 1`;
}

function ordersBySource(where: string): string {
  return `select ${orderRow('e.source_id')}
    from orders x ${counting}
    left join lateral (select min(f.inbox_id) as id from facts f where f.order_id = x.id) told on true
    left join lateral (select i.source_id from inbox_events i
      where i.program_id = x.program_id and i.livemode = x.livemode and i.id = told.id) e on true
    where ${where} and ${inForce}`;
}
