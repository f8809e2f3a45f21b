import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';

/** What an affiliate has in one currency; live money only, integer minor units. */
export interface Balance {
  affiliateId: string;
  currency: string;
  /** Not approved yet. */
  pendingMinor: bigint;
  /** Approved and in no payout; negative where more was paid than is due after refunds. */
  approvedMinor: bigint;
  /** In a payout that is under way. */
  inPayoutMinor: bigint;
  paidMinor: bigint;
}

export interface BalanceFilter {
  affiliateId?: string | undefined;
  currency?: string | undefined;
}

/** After this affiliate and currency. */
export interface BalancePosition {
  affiliateId: string;
  currency: string;
}

/**
 * One a row of affiliate and currency in which anything was ever posted, newest affiliates first: what is rolled up plus
 * what is not folded into it yet. Rollups may be cut at the page's end: with or without deltas, the others come after it.
 */
export async function listBalances(
  db: Db,
  programId: string,
  filter: BalanceFilter,
  page: { limit: number; after: BalancePosition | null },
): Promise<{ items: Balance[]; hasMore: boolean }> {
  const conditions: [string, unknown[]][] = [['program_id = ?', [programId]]];
  if (filter.affiliateId !== undefined) conditions.push(['affiliate_id = ?', [filter.affiliateId]]);
  if (filter.currency !== undefined) conditions.push(['currency = ?', [filter.currency]]);
  if (page.after) {
    const { affiliateId, currency } = page.after;
    // The first says what the second implies, in the way that an index understands.
    conditions.push(['affiliate_id <= ?', [affiliateId]]);
    conditions.push(['(affiliate_id < ? or currency > ?)', [affiliateId, currency]]);
  }
  const where = conditions.map(([sql]) => sql).join(' and ');
  const bindings = conditions.flatMap(([, values]) => values);
  const columns = 'affiliate_id, currency, posted, pending, in_payout, paid';
  const order = 'order by affiliate_id desc, currency limit ?';
  const rows = await runPositional<Balance>(
    db,
    `select affiliate_id as "affiliateId", currency, sum(pending)::bigint as "pendingMinor",
       sum(posted - pending - in_payout - paid)::bigint as "approvedMinor", sum(in_payout)::bigint as "inPayoutMinor",
       sum(paid)::bigint as "paidMinor"
     from (
       (select ${columns} from balance_rollups where ${where} ${order})
       union all
       (select ${columns} from balance_deltas where ${where})
     ) as summed group by affiliate_id, currency ${order}`,
    [...bindings, page.limit + 1, ...bindings, page.limit + 1],
  );
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** What a payout of this balance would take: never negative. */
export function payableMinor({ approvedMinor }: Pick<Balance, 'approvedMinor'>): bigint {
  return approvedMinor > 0n ? approvedMinor : 0n;
}
