import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Page, PageRequest } from '../db/page.ts';

/** A posting that a payout pays, or takes back. */
export interface PayoutEntry {
  /** Of the posting, within its order. */
  id: string;
  orderId: string;
  amountMinor: bigint;
  currency: string;
  /** What caused it: earning, refund, dispute, decision, adjustment, … */
  type: string;
  createdAt: Date;
}

/** Where a page of entries ended: the key of the table, which is read backwards. */
export const positionOf = ({ orderId, id }: PayoutEntry): string => `${orderId}/${id}`;

/** Newest orders first, and of each the newest entries. `page.beforeId` is a `positionOf`. */
export async function listPayoutEntries(
  db: Db,
  programId: string,
  payoutId: string,
  { limit, beforeId }: PageRequest,
): Promise<Page<PayoutEntry>> {
  const [orderId = null, entryId = null] = beforeId?.split('/') ?? [];
  const rows = await runSql<PayoutEntry>(
    db,
    'listPayoutEntries',
    `select e.id, e.order_id as "orderId", e.amount_minor as "amountMinor", e.currency, e.type, e.created_at as "createdAt"
     from (
       select order_id, entry_id from payout_entries
       where program_id = :programId and payout_id = :payoutId
         and (:orderId::text is null or (order_id, entry_id) < (:orderId, :entryId))
       order by order_id desc, entry_id desc limit :rowsWanted) pe
     join ledger_entries e on e.program_id = :programId and e.order_id = pe.order_id and e.id = pe.entry_id
     order by e.order_id desc, e.id desc`,
    { programId, payoutId, orderId, entryId, rowsWanted: limit + 1 },
  );
  return { items: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** A payout under way that has an entry of the order, or of one that was merged into it; null where none has. */
export async function findPendingPayoutOf(db: Db, programId: string, orderId: string): Promise<string | null> {
  const [row] = await runSql<{ id: string }>(
    db,
    'findPendingPayoutOf',
    `with recursive family as (
       select id from orders where program_id = :programId and id = :orderId
       union all
       select o.id from family join orders o on o.merged_into = family.id)
     select p.id from family join payout_entries pe on pe.program_id = :programId and pe.order_id = family.id and pe.live
     join payouts p on p.program_id = pe.program_id and p.id = pe.payout_id
     where p.status = 'pending' order by p.id limit 1`,
    { programId, orderId },
  );
  return row?.id ?? null;
}
