import type { Db } from '../db/db.ts';
import { conditionOf, joinConditions, type Condition } from '../db/conditions.ts';
import { runSql } from '../db/sql.ts';

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
  /** Approved and in no payout, but in review. */
  heldMinor: bigint;
  /** Nothing is payable to who is banned. */
  banned: boolean;
}

export interface BalanceFilter {
  affiliateId?: string | undefined;
  /** Any of these. */
  affiliateIds?: readonly string[] | undefined;
  currency?: string | undefined;
}

/** Where a page ended. */
export interface BalancePosition {
  affiliateId: string;
  currency: string;
}

/**
 * One row for each affiliate and currency in which anything was ever posted, newest affiliates first: what is rolled up,
 * plus what is not yet. One page of rollups is enough: deltas never move a row forward.
 */
export async function listBalances(
  db: Db,
  programId: string,
  filter: BalanceFilter,
  page: { limit: number; after: BalancePosition | null; offset?: number },
): Promise<{ items: Balance[]; hasMore: boolean }> {
  const { limit, offset = 0 } = page;
  const where = conditionOfList(programId, filter, page.after);
  const columns = 'affiliate_id, currency, posted, pending, in_payout, paid';
  const order = 'order by affiliate_id desc, currency limit :rowsWanted';
  const rows = await runSql<Balance>(
    db,
    'listBalances',
    `with listed as (select affiliate_id as "affiliateId", currency, sum(pending)::bigint as "pendingMinor",
       sum(posted - pending - in_payout - paid)::bigint as "approvedMinor", sum(in_payout)::bigint as "inPayoutMinor",
       sum(paid)::bigint as "paidMinor"
     from (
       (select ${columns} from balance_rollups where ${where.sql} ${order})
       union all
       (select ${columns} from balance_deltas where ${where.sql})
     ) as summed group by affiliate_id, currency ${order} offset :skipped)
     select l.*, coalesce(held.amount, 0)::bigint as "heldMinor", a.status = 'banned' as banned
     from listed l join affiliates a on a.program_id = :programId and a.id = l."affiliateId"
     left join lateral (
       with recursive in_review as (
         select o.id from orders o
         where o.program_id = :programId and o.affiliate_id = l."affiliateId" and o.review is not null and o.livemode
           and o.status <> 'pending'
         union all
         select m.id from in_review i join orders m on m.merged_into = i.id)
       select sum(e.amount_minor) as amount
       from in_review i
       join ledger_entries e on e.order_id = i.id and e.affiliate_id = l."affiliateId" and e.currency = l.currency
       where not exists (
         select 1 from payout_entries pe where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)) held on true
     order by l."affiliateId" desc, l.currency`,
    { ...where.bindings, rowsWanted: offset + limit + 1, skipped: offset },
  );
  return { items: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** More currencies than there are. */
const MAX_CURRENCIES = 400;

/** All balances of these affiliates. */
export async function listBalancesOf(db: Db, programId: string, affiliateIds: readonly string[]): Promise<Balance[]> {
  if (affiliateIds.length === 0) return [];
  const page = { limit: affiliateIds.length * MAX_CURRENCIES, after: null };
  return (await listBalances(db, programId, { affiliateIds }, page)).items;
}

/** How many rows the whole list has. */
export async function countBalances(db: Db, programId: string, filter: BalanceFilter): Promise<number> {
  const where = conditionOfList(programId, filter);
  const pairs = (table: string) => `select affiliate_id, currency from ${table} where ${where.sql}`;
  const [row] = await runSql<{ total: bigint }>(
    db,
    'countBalances',
    `select count(*) as total from (${pairs('balance_rollups')} union ${pairs('balance_deltas')}) as listed`,
    where.bindings,
  );
  return Number(row?.total ?? 0);
}

function conditionOfList(programId: string, filter: BalanceFilter, after: BalancePosition | null = null): Condition {
  return joinConditions([
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('affiliate_id = any(:affiliateIds)', filter.affiliateIds),
    ...conditionOf('currency = :currency', filter.currency),
    ...(after ? [afterPosition(after)] : []),
  ]);
}

/** The first condition is redundant; it lets the index be used. */
function afterPosition({ affiliateId, currency }: BalancePosition): Condition {
  return {
    sql: 'affiliate_id <= :lastAffiliateId and (affiliate_id < :lastAffiliateId or currency > :lastCurrency)',
    bindings: { lastAffiliateId: affiliateId, lastCurrency: currency },
  };
}

/** What a payout of this balance would take: never negative. */
export function payableMinor({ approvedMinor, heldMinor, banned }: Balance): bigint {
  const free = approvedMinor - heldMinor;
  return banned || free < 0n ? 0n : free;
}
