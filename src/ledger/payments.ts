import { conditionOf, joinConditions } from '../db/conditions.ts';
import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { PayoutFilter, PayoutStatus } from './payouts.ts';

/** A payout with whom it goes to, as whoever makes the payments needs it. */
export interface Payment {
  payoutId: string;
  batchId: string | null;
  affiliateId: string;
  name: string;
  /** Set: the payment goes to a company. */
  companyName: string | null;
  /** Where payments go; of an affiliate who named no such address the one by which they are known. */
  email: string;
  paymentMethod: string | null;
  paymentDetails: string | null;
  amountMinor: bigint;
  currency: string;
  status: PayoutStatus;
  reference: string | null;
  note: string | null;
  createdAt: Date;
}

/** Newest payouts first, at most `limit`. */
export function listPayments(db: Db, programId: string, filter: PayoutFilter, limit: number): Promise<Payment[]> {
  const where = joinConditions([
    ...conditionOf('p.program_id = :programId', programId),
    ...conditionOf('p.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('p.currency = :currency', filter.currency),
    ...conditionOf('p.status = any(:statuses)', filter.statuses),
    ...conditionOf('p.batch_id = :batchId', filter.batchId),
  ]);
  return runSql<Payment>(
    db,
    'listPayments',
    `select p.id as "payoutId", p.batch_id as "batchId", p.affiliate_id as "affiliateId", a.display_name as name,
       a.company_name as "companyName", coalesce(a.payment_email, a.email) as email, a.payment_method as "paymentMethod",
       a.payment_details as "paymentDetails", p.amount_minor as "amountMinor", p.currency, p.status, p.reference, p.note,
       p.created_at as "createdAt"
     from payouts p join affiliates a on a.program_id = p.program_id and a.id = p.affiliate_id
     where ${where.sql} order by p.id desc limit :limit`,
    { ...where.bindings, limit },
  );
}
