import { readSnapshot, type Db } from '../db/db.ts';
import { countBuyers, MAX_COUNTED_CONVERSIONS } from './buyers.ts';
import { queryStatistics, type StatisticsFilter } from './statistic-rows.ts';

export type { StatisticsFilter } from './statistic-rows.ts';

export type StatisticsInterval = 'day' | 'week' | 'month';

/** Counted by `occurredAt`. A conversion counts while it is pending, approved or paid; leads that earn nothing do not count. */
export interface Statistics {
  clicks: number;
  conversions: number;
  /** conversions / clicks, four decimals; 0 without clicks. */
  conversionRate: number;
  /** buyers / clicks, in the same way; null where there are too many conversions to tell their buyers. */
  buyerRate: number | null;
  amounts: CurrencyAmounts[];
  funnel: Funnel;
}

/** How far visitors come: by links, on pages, as somebody known, as a lead, and as a buyer. */
export interface Funnel {
  clicks: number;
  pageviews: number;
  registrations: number;
  /** Conversions of kind lead that are pending, approved or paid, whether or not they earn. */
  leads: number;
  /** Sales and actions that count; renewals are none. */
  sales: number;
}

export interface CurrencyAmounts {
  currency: string;
  /** Net amounts of the conversions, refunds taken off. */
  revenueMinor: number;
  commissionMinor: number;
}

export interface StatisticsBucket extends Statistics {
  /** The first day of the bucket in the program's time zone: '2026-01-31'; weeks begin on Monday. */
  date: string;
}

export async function readStatistics(db: Db, programId: string, filter: StatisticsFilter): Promise<Statistics> {
  const [bucket] = await readBuckets(db, programId, filter, null);
  if (!bucket) return emptyStatistics();
  const { date: _, ...totals } = bucket;
  return totals;
}

/** One bucket for each interval in which something happened, oldest first. */
export function readStatisticsSeries(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  interval: StatisticsInterval,
): Promise<StatisticsBucket[]> {
  return readBuckets(db, programId, filter, interval);
}

export function emptyStatistics(): Statistics {
  const funnel = { clicks: 0, pageviews: 0, registrations: 0, leads: 0, sales: 0 };
  return { clicks: 0, conversions: 0, conversionRate: 0, buyerRate: 0, amounts: [], funnel };
}

async function readBuckets(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  interval: StatisticsInterval | null,
): Promise<StatisticsBucket[]> {
  const bucket = interval === null ? `''` : `to_char(date_trunc('${interval}', day::timestamp), 'YYYY-MM-DD')`;
  return readSnapshot(db, async (trx) => {
    const rows = await queryStatistics<AmountRow & { date: string }>(trx, programId, filter, {
      name: 'readStatistics',
      byDay: interval !== null,
      select: (counted) => `select ${bucket} as date, currency, commission_currency as "commissionCurrency", ${sums}
         from ${counted} group by 1, 2, 3 having ${somethingHappened}`,
    });
    const buckets = [...addUp(rows, ({ date }) => date)]
      .map(([date, statistics]) => ({ date, ...statistics }))
      .sort((a, b) => (a.date < b.date ? -1 : 1));
    const conversions = buckets.reduce((sum, each) => sum + each.conversions, 0);
    const tells = conversions <= MAX_COUNTED_CONVERSIONS;
    const buyers =
      tells && conversions > 0 ? await countBuyers(trx, programId, filter, bucket) : new Map<string, number>();
    return buckets.map((each) => withRates(each, tells ? (buyers.get(each.date) ?? 0) : null));
  });
}

/** `buyers` null: nobody counted them. */
export function withRates<S extends Statistics>(statistics: S, buyers: number | null): S {
  const { conversions, clicks } = statistics;
  return {
    ...statistics,
    conversionRate: rateOf(conversions, clicks),
    buyerRate: buyers === null ? null : rateOf(buyers, clicks),
  };
}

function rateOf(count: number, clicks: number): number {
  return clicks === 0 ? 0 : Math.round((count / clicks) * 10_000) / 10_000;
}

/** What a statement selects of rows of statistics for `addUp`. */
export const sums = `sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, sum(revenue)::bigint as revenue,
  sum(commission)::bigint as commission, sum(pageviews)::bigint as pageviews, sum(registrations)::bigint as registrations,
  sum(leads)::bigint as leads, sum(sales)::bigint as sales`;
export const somethingHappened = `(sum(clicks), sum(conversions), sum(pageviews), sum(registrations), sum(leads)) <> (0, 0, 0, 0, 0)`;

/** The sums of one pair of currencies. */
export interface AmountRow {
  currency: string | null;
  commissionCurrency: string | null;
  clicks: bigint;
  conversions: bigint;
  revenue: bigint;
  commission: bigint;
  pageviews: bigint;
  registrations: bigint;
  leads: bigint;
  sales: bigint;
}

/** The rows of each key as one figure; rates are for the caller to say. */
export function addUp<Row extends AmountRow>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Map<string, Statistics> {
  const added = new Map<string, Statistics>();
  for (const row of rows) {
    const statistics = added.get(keyOf(row)) ?? emptyStatistics();
    added.set(keyOf(row), statistics);
    addRow(statistics, row);
  }
  for (const { amounts } of added.values()) amounts.sort((a, b) => (a.currency < b.currency ? -1 : 1));
  return added;
}

function addRow(statistics: Statistics, row: AmountRow): void {
  const { funnel } = statistics;
  statistics.clicks += Number(row.clicks);
  statistics.conversions += Number(row.conversions);
  funnel.clicks += Number(row.clicks);
  funnel.pageviews += Number(row.pageviews);
  funnel.registrations += Number(row.registrations);
  funnel.leads += Number(row.leads);
  funnel.sales += Number(row.sales);
  // Leads that earn nothing have a currency, and no amounts.
  if (row.conversions === 0n && row.revenue === 0n && row.commission === 0n) return;
  if (row.currency !== null) amountsOf(statistics, row.currency).revenueMinor += Number(row.revenue);
  if (row.commissionCurrency !== null) {
    amountsOf(statistics, row.commissionCurrency).commissionMinor += Number(row.commission);
  }
}

function amountsOf(statistics: Statistics, currency: string): CurrencyAmounts {
  let amounts = statistics.amounts.find((each) => each.currency === currency);
  if (!amounts) {
    amounts = { currency, revenueMinor: 0, commissionMinor: 0 };
    statistics.amounts.push(amounts);
  }
  return amounts;
}
