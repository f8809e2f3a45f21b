import type { Trx } from '../../db/db.ts';
import { appendRows } from '../../db/copy.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Posting, LedgerSum } from '../rules/postings.ts';

/** What the ledger holds of an order, or of one that was merged into it for good, for one affiliate in one currency. */
export interface OrderSum extends LedgerSum {
  orderId: string;
  /** What of it payouts that did not fail have taken. */
  paidMinor: bigint;
  /** Whether one of them took anything, be it given back by the next. */
  isInPayout: boolean;
  /** By what the order was credited when the latest of them took something; null where none did. */
  offerId: string | null;
  clickId: string | null;
  /** Whether it ranked last then: nobody had told of it who shows who they are. */
  ranksLast: boolean | null;
}

/** By order, with the sums of those that were merged into it. */
export async function readLedgerSums(trx: Trx, orderIds: readonly string[]): Promise<Map<string, OrderSum[]>> {
  const sumsOf = new Map<string, OrderSum[]>();
  if (orderIds.length === 0) return sumsOf;
  const rows = await runSql<OrderSum & { root: string }>(
    trx,
    'readLedgerSums',
    `with recursive family as (
       select id as root, id from orders where id = any(:orderIds)
       union all
       select f.root, o.id
       from family f join orders o on o.merged_into = f.id and not o.joined_by_hint)
     select f.root, e.order_id as "orderId", e.affiliate_id as "affiliateId", e.currency,
       sum(e.amount_minor)::bigint as "amountMinor",
       coalesce(sum(e.amount_minor) filter (where pe.payout_id is not null), 0)::bigint as "paidMinor",
       count(pe.payout_id) > 0 as "isInPayout",
       (array_agg(pe.offer_id order by pe.payout_id desc) filter (where pe.payout_id is not null))[1] as "offerId",
       (array_agg(pe.click_id order by pe.payout_id desc) filter (where pe.payout_id is not null))[1] as "clickId",
       (array_agg(pe.ranks_last order by pe.payout_id desc) filter (where pe.payout_id is not null))[1] as "ranksLast"
     from family f join ledger_entries e on e.order_id = f.id
     left join payout_entries pe on pe.order_id = e.order_id and pe.entry_id = e.id and pe.live
     group by 1, 2, 3, 4 order by e.order_id <> f.root, e.order_id, e.affiliate_id, e.currency`,
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
  await appendRows(trx, 'ledger_entries', [
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
