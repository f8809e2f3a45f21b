import type { Trx } from '../../db/db.ts';
import { copyRows } from '../../db/copy.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Posting, LedgerSum } from '../rules/postings.ts';

/**
 * What the ledger holds of an order, or of one that was merged into it for good, for one affiliate in one currency. The offer
 * and the click are those of that order's row.
 */
export interface OrderSum extends LedgerSum {
  orderId: string;
  /** What of it payouts that did not fail have taken. */
  paidMinor: bigint;
  /** Whether one of them took anything, be it given back by the next. */
  isInPayout: boolean;
  offerId: string | null;
  clickId: string | null;
}

/** By order, with the sums of those that were merged into it. */
export async function readLedgerSums(trx: Trx, orderIds: readonly string[]): Promise<Map<string, OrderSum[]>> {
  const sumsOf = new Map<string, OrderSum[]>();
  if (orderIds.length === 0) return sumsOf;
  const rows = await runSql<OrderSum & { root: string }>(
    trx,
    'readLedgerSums',
    `with recursive family as (
       select id as root, id, offer_id, click_id from orders where id = any(:orderIds)
       union all
       select f.root, o.id, o.offer_id, o.click_id
       from family f join orders o on o.merged_into = f.id and not o.joined_by_hint)
     select f.root, e.order_id as "orderId", f.offer_id as "offerId", f.click_id as "clickId",
       e.affiliate_id as "affiliateId", e.currency, sum(e.amount_minor)::bigint as "amountMinor",
       coalesce(sum(e.amount_minor) filter (where pe.payout_id is not null), 0)::bigint as "paidMinor",
       count(pe.payout_id) > 0 as "isInPayout"
     from family f join ledger_entries e on e.order_id = f.id
     left join payout_entries pe on pe.order_id = e.order_id and pe.entry_id = e.id and pe.live
     group by 1, 2, 3, 4, 5, 6 order by e.order_id <> f.root, e.order_id, e.affiliate_id, e.currency`,
    { orderIds },
  );
  for (const { root, ...sum } of rows) {
    const known = sumsOf.get(root);
    if (known) known.push(sum);
    else sumsOf.set(root, [sum]);
  }
  return sumsOf;
}

/** Appends to the ledger. Nothing ever changes or removes an entry; a trigger sees to that. */
export async function insertPostings(
  trx: Trx,
  postings: { scope: Scope; orderId: string; posting: Posting }[],
): Promise<void> {
  if (postings.length === 0) return;
  await copyRows(trx, 'ledger_entries', [
    { name: 'id', type: 'text', values: postings.map(() => newId('led')) },
    { name: 'program_id', type: 'text', values: postings.map(({ scope }) => scope.programId) },
    { name: 'livemode', type: 'boolean', values: postings.map(({ scope }) => scope.livemode) },
    { name: 'order_id', type: 'text', values: postings.map(({ orderId }) => orderId) },
    { name: 'affiliate_id', type: 'text', values: postings.map(({ posting }) => posting.affiliateId) },
    { name: 'amount_minor', type: 'bigint', values: postings.map(({ posting }) => posting.amountMinor) },
    { name: 'currency', type: 'text', values: postings.map(({ posting }) => posting.currency) },
    { name: 'type', type: 'text', values: postings.map(({ posting }) => posting.type) },
    { name: 'fact_id', type: 'text', values: postings.map(({ posting }) => posting.factId) },
  ]);
}
