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

/**
 * What commissions of nothing had before their last posting took it back, by conversion; absent where nothing was ever
 * posted (a tracker said at once that it is rejected).
 */
export async function readTakenBack(
  db: Db,
  programId: string,
  conversionIds: readonly string[],
): Promise<Map<string, bigint>> {
  const rows = await runSql<{ id: string; takenMinor: bigint }>(
    db,
    'readTakenBack',
    `select o.id, -last.amount_minor as "takenMinor"
     from orders o cross join lateral (
       select e.amount_minor from ledger_entries e where e.order_id = o.id order by e.id desc limit 1) last
     where o.program_id = :programId and o.id = any(:conversionIds) and o.commission_minor = 0 and last.amount_minor < 0`,
    { programId, conversionIds },
  );
  return new Map(rows.map(({ id, takenMinor }) => [id, takenMinor]));
}

/** Why commissions were approved or rejected, in the words of who decided, by conversion; absent without words. */
export async function readDecisionReasons(
  db: Db,
  programId: string,
  conversionIds: readonly string[],
): Promise<Map<string, string>> {
  // The one in force (pipeline/rules/summarize.ts): the first rejection, else the newest approval.
  const rows = await runSql<{ id: string; reason: string | null }>(
    db,
    'readDecisionReasons',
    `select distinct on (order_id) order_id as id, fact->>'reason' as reason
     from facts
     where program_id = :programId and order_id = any(:conversionIds) and fact->>'type' = 'decision'
     order by order_id, case when fact->>'status' = 'rejected' then occurred_at end, occurred_at desc, id desc`,
    { programId, conversionIds },
  );
  return new Map(rows.flatMap(({ id, reason }) => (reason === null ? [] : [[id, reason] as const])));
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
