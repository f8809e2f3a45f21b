import { conditionOf, joinConditions } from '../db/conditions.ts';
import type { Trx } from '../db/db.ts';
import { runSql, type Bindings } from '../db/sql.ts';
import type { StatisticsFilter } from './statistic-rows.ts';

/**
 * Who bought twice is one buyer, so days do not add up to a period, and no rollup can tell: buyers are counted from the
 * conversions themselves. Of more conversions than this nobody is told (about a third of a second for so many).
 */
export const MAX_COUNTED_CONVERSIONS = 100_000;

/**
 * How many people the conversions that count are of, by bucket: customers; where none is known, whoever made the click; an
 * order without either is somebody by itself. `bucket` is SQL over `day`, the day in the program's time zone, and the columns of
 * `orders o`.
 */
export async function countBuyers(
  trx: Trx,
  programId: string,
  filter: StatisticsFilter,
  bucket: string,
  bindings: Bindings = {},
): Promise<Map<string, number>> {
  const { from, until, livemode, offerId, affiliateId, affiliateIds } = filter;
  const where = joinConditions([
    ...conditionOf('o.program_id = :programId', programId),
    ...conditionOf('o.livemode = :livemode', livemode),
    ...conditionOf('o.offer_id = :offerId', offerId || null),
    ...conditionOf('o.affiliate_id = :affiliateId', affiliateId || null),
    ...conditionOf('o.affiliate_id = any(:affiliateIds)', affiliateIds),
    ...conditionOf('o.occurred_at >= :from', from),
    ...conditionOf('o.occurred_at < :until', until),
  ]);
  const rows = await runSql<{ date: string; buyers: bigint }>(
    trx,
    'countBuyers',
    `select ${bucket} as date, count(distinct coalesce(o.customer_id, o.click_id, o.id)) as buyers
     from orders o join programs p on p.id = o.program_id
     cross join lateral (select (coalesce(o.occurred_at, '-infinity') at time zone p.timezone)::date as day) dated
     where ${where.sql} and order_counts(o.status, o.kind, o.cpa_claim) group by 1`,
    { ...where.bindings, ...bindings },
  );
  return new Map(rows.map(({ date, buyers }) => [date, Number(buyers)]));
}
