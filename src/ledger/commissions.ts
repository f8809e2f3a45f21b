import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { conversionIdOf } from '../domain/ids.ts';
import { findConversion, listConversions, type Conversion, type ConversionFilter } from './conversions.ts';
import type { Page, PageRequest } from '../db/page.ts';

/** The states in which somebody earns, or did. */
export const commissionStatuses = ['pending', 'approved', 'paid', 'rejected', 'reversed'] as const;

/** One posting of a commission. */
export interface LedgerEntry {
  id: string;
  amountMinor: bigint;
  currency: string;
  /** What caused it: earning, refund, refund_reversal, dispute, dispute_reversal, decision, adjustment. */
  type: string;
  createdAt: Date;
  /** The payout that it is in, unless that failed. */
  payoutId: string | null;
}

/**
 * The conversion behind a commission; null for an unknown one. A commission of nothing (`not_tracked`) can be asked for,
 * but is in no list.
 */
export async function findCommission(
  db: Db,
  programId: string,
  livemode: boolean,
  commissionId: string,
): Promise<Conversion | null> {
  const conversionId = conversionIdOf(commissionId);
  if (conversionId === null) return null;
  const conversion = await findConversion(db, programId, livemode, conversionId);
  return conversion?.affiliateId ? conversion : null;
}

/** Newest first. */
export function listCommissions(
  db: Db,
  programId: string,
  filter: ConversionFilter,
  page: PageRequest,
): Promise<Page<Conversion>> {
  const statuses = filter.statuses ?? commissionStatuses;
  return listConversions(db, programId, { ...filter, statuses }, page);
}

/** In the order in which they were posted. */
export function listLedgerEntries(db: Db, conversionId: string): Promise<LedgerEntry[]> {
  return runSql<LedgerEntry>(
    db,
    'listLedgerEntries',
    `select e.id, e.amount_minor as "amountMinor", e.currency, e.type, e.created_at as "createdAt",
       p.payout_id as "payoutId"
     from ledger_entries e left join payout_entries p on p.order_id = e.order_id and p.entry_id = e.id and p.live
     where e.order_id = :conversionId order by e.id`,
    { conversionId },
  );
}
