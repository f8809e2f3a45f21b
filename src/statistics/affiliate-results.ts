import { readSnapshot, type Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { hasRollups } from './rollups.ts';

/** What came by one affiliate so far, in one currency. */
export interface AffiliateResults {
  clicks: number;
  /** Those that count: pending, approved or paid, without leads that earn nothing. */
  conversions: number;
  /** All that was ever earned, less what refunds and disputes took back. */
  earnedMinor: bigint;
  /** What was paid out. More than `earnedMinor` where a payout was followed by a refund. */
  paidMinor: bigint;
}

/** By affiliate id, with an entry for each of the given ones. What is test was never paid. */
export async function readAffiliateResults(
  db: Db,
  programId: string,
  livemode: boolean,
  affiliateIds: readonly string[],
  currency: string,
): Promise<Map<string, AffiliateResults>> {
  const rows = await readSnapshot(db, async (trx) => {
    const counted = (await hasRollups(trx, programId)) ? rolledUpResults : countedResults;
    return runSql<AffiliateRow>(
      trx,
      'readAffiliateResults',
      `select a.id, coalesce(c.clicks, 0)::bigint as clicks, coalesce(c.conversions, 0)::bigint as conversions,
         coalesce(c.earned, 0)::bigint as earned, coalesce(b.paid, 0)::bigint as paid
       from unnest(:affiliateIds::text[]) as a (id)
       left join (
         select affiliate_id, sum(clicks) as clicks, sum(conversions) as conversions,
           sum(commission) filter (where commission_currency = :currency) as earned
         from (${counted}) as counted group by 1) c on c.affiliate_id = a.id
       left join (
         select affiliate_id, sum(paid) as paid from (
           select affiliate_id, paid from balance_rollups
           where affiliate_id = any(:affiliateIds) and program_id = :programId and currency = :currency
           union all
           select affiliate_id, paid from balance_deltas
           where affiliate_id = any(:affiliateIds) and program_id = :programId and currency = :currency
         ) as posted where :livemode group by 1) b on b.affiliate_id = a.id`,
      { affiliateIds, programId, livemode, currency },
    );
  });
  return new Map(
    rows.map(({ id, clicks, conversions, earned, paid }) => [
      id,
      { clicks: Number(clicks), conversions: Number(conversions), earnedMinor: earned, paidMinor: paid },
    ]),
  );
}

interface AffiliateRow {
  id: string;
  clicks: bigint;
  conversions: bigint;
  earned: bigint;
  paid: bigint;
}

const rolledUpResults = `
  select affiliate_id, commission_currency, clicks, conversions, commission from statistic_rollups
  where affiliate_id = any(:affiliateIds) and program_id = :programId and livemode = :livemode and grain = 'affiliate' and offer_id = ''
    and day = 'infinity'
  union all
  select affiliate_id, commission_currency, clicks, conversions, commission from statistic_deltas
  where affiliate_id = any(:affiliateIds) and program_id = :programId and livemode = :livemode`;

/** The same for a program whose rollups are not there yet. */
const countedResults = `
  select affiliate_id, null as commission_currency, count(*) as clicks, 0 as conversions, 0 as commission from clicks
  where affiliate_id = any(:affiliateIds) and program_id = :programId and livemode = :livemode group by 1
  union all
  select affiliate_id, null, sum(clicks)::bigint, 0, 0 from forgotten_clicks
  where affiliate_id = any(:affiliateIds) and program_id = :programId and livemode = :livemode group by 1
  union all
  select affiliate_id, commission_currency, 0, count(*), sum(commission_minor) from orders
  where affiliate_id = any(:affiliateIds) and program_id = :programId and livemode = :livemode
    and order_counts(status, kind, cpa_claim) group by 1, 2`;
