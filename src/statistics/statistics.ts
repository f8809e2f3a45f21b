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
  return { clicks: 0, conversions: 0, conversionRate: 0, buyerRate: 0, amounts: [] };
}

async function readBuckets(
  db: Db,
  programId: string,
  filter: StatisticsFilter,
  interval: StatisticsInterval | null,
): Promise<StatisticsBucket[]> {
  const bucket = interval === null ? `''` : `to_char(date_trunc('${interval}', day::timestamp), 'YYYY-MM-DD')`;
  return readSnapshot(db, async (trx) => {
    const rows = await queryStatistics<AmountRow>(trx, programId, filter, {
      name: 'readStatistics',
      byDay: interval !== null,
      select: (counted) => `select ${bucket} as date, currency, commission_currency as "commissionCurrency",
           sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, sum(revenue)::bigint as revenue,
           sum(commission)::bigint as commission
         from ${counted} group by 1, 2, 3
         having (sum(clicks), sum(conversions)) <> (0, 0)`,
    });
    const buckets = mergeBuckets(rows);
    const conversions = buckets.reduce((sum, each) => sum + each.conversions, 0);
    const tells = conversions <= MAX_COUNTED_CONVERSIONS;
    const buyers =
      tells && conversions > 0 ? await countBuyers(trx, programId, filter, bucket) : new Map<string, number>();
    return buckets.map((each) => ({
      ...each,
      conversionRate: rateOf(each.conversions, each.clicks),
      buyerRate: tells ? rateOf(buyers.get(each.date) ?? 0, each.clicks) : null,
    }));
  });
}

function rateOf(count: number, clicks: number): number {
  return clicks === 0 ? 0 : Math.round((count / clicks) * 10_000) / 10_000;
}

interface AmountRow {
  date: string;
  currency: string | null;
  commissionCurrency: string | null;
  clicks: bigint;
  conversions: bigint;
  revenue: bigint;
  commission: bigint;
}

function mergeBuckets(rows: AmountRow[]): StatisticsBucket[] {
  const buckets = new Map<string, StatisticsBucket>();
  const bucketOf = (date: string): StatisticsBucket => {
    const bucket = buckets.get(date) ?? { date, ...emptyStatistics() };
    buckets.set(date, bucket);
    return bucket;
  };
  for (const row of rows) {
    const bucket = bucketOf(row.date);
    bucket.clicks += Number(row.clicks);
    bucket.conversions += Number(row.conversions);
    if (row.currency !== null) amountsOf(bucket, row.currency).revenueMinor += Number(row.revenue);
    if (row.commissionCurrency !== null) {
      amountsOf(bucket, row.commissionCurrency).commissionMinor += Number(row.commission);
    }
  }
  for (const bucket of buckets.values()) {
    bucket.amounts.sort((a, b) => (a.currency < b.currency ? -1 : 1));
  }
  return [...buckets.values()].sort((a, b) => (a.date < b.date ? -1 : 1));
}

function amountsOf(bucket: Statistics, currency: string): CurrencyAmounts {
  let amounts = bucket.amounts.find((each) => each.currency === currency);
  if (!amounts) {
    amounts = { currency, revenueMinor: 0, commissionMinor: 0 };
    bucket.amounts.push(amounts);
  }
  return amounts;
}
