import type { Db } from '../db/db.ts';
import { queryStatistics, type StatisticsFilter } from './statistic-rows.ts';

/** What an offer brought, counted as statistics.ts counts. */
export interface OfferStatistics {
  /** Null: clicks and conversions without an offer; so are code, name and currency then. */
  offerId: string | null;
  code: string | null;
  name: string | null;
  currency: string | null;
  clicks: number;
  /** One row a currency (of the sale; of the commission where an action has no amount), the largest first. */
  amounts: OfferAmounts[];
}

export interface OfferAmounts {
  currency: string | null;
  /** Pending, approved or paid; leads that earn nothing do not count. */
  conversions: number;
  /** Approved or paid. */
  approved: number;
  /** Net amounts, refunds taken off. */
  revenueMinor: number;
}

/** One row for each offer that has clicks or conversions in the period, by offer id. */
export async function readOfferStatistics(
  db: Db,
  programId: string,
  filter: Omit<StatisticsFilter, 'affiliateId'>,
): Promise<OfferStatistics[]> {
  const rows = await queryStatistics<Omit<OfferStatistics, 'clicks'> & { clicks: bigint }>(db, programId, filter, {
    name: 'readOfferStatistics',
    byOffer: true,
    select: (counted) => `with counted as (
       select offer_id, coalesce(currency, commission_currency) as currency, sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions,
         sum(approved)::bigint as approved, sum(revenue)::bigint as revenue
       from ${counted} group by 1, 2 having (sum(clicks), sum(conversions)) <> (0, 0)),
     summed as (
       select offer_id, sum(clicks)::bigint as clicks, jsonb_agg(jsonb_build_object('currency', currency,
         'conversions', conversions, 'approved', approved, 'revenueMinor', revenue) order by revenue desc, currency)
         filter (where conversions <> 0) as amounts
       from counted group by 1)
     select o.id as "offerId", o.code, o.name, o.currency, s.clicks, coalesce(s.amounts, '[]') as amounts
     from summed s left join offers o on o.id = s.offer_id and o.program_id = :programId
     order by o.id nulls last`,
  });
  return rows.map((row) => ({ ...row, clicks: Number(row.clicks) }));
}
