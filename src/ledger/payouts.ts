import type { Db, Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';

export type PayoutStatus = 'pending' | 'paid' | 'failed';

/** A settlement of approved postings: the sum of its entries, each of which is in no other payout that did not fail. */
export interface Payout {
  id: string;
  programId: string;
  affiliateId: string;
  currency: string;
  amountMinor: bigint;
  status: PayoutStatus;
  createdAt: Date;
  paidAt: Date | null;
  failedAt: Date | null;
}

export interface PayoutInput {
  affiliateId: string;
  currency: string;
  /** Only what this order has unpaid. */
  orderId?: string | undefined;
  /** The API key. */
  createdBy: string;
}

export interface PayoutFilter {
  affiliateId?: string | undefined;
  currency?: string | undefined;
  statuses?: readonly PayoutStatus[] | undefined;
}

/**
 * Takes all that is payable: the postings of everything but pending commissions that are in no payout, those that take
 * money back too. Null where their sum is not positive. Call it in a transaction.
 */
export async function createPayout(trx: Trx, programId: string, input: PayoutInput, now: Date): Promise<Payout | null> {
  // Two payouts of one affiliate take turns; the second then sees what the first took.
  await runPositional(trx, `select id from affiliates where program_id = ? and id = ? for no key update`, [
    programId,
    input.affiliateId,
  ]);
  const [row] = await runPositional<Payout>(
    trx,
    `with payable as (
       select e.order_id, e.id, e.amount_minor from ledger_entries e
       join orders o on o.program_id = e.program_id and o.livemode = e.livemode and o.id = e.order_id
       where e.program_id = ? and e.affiliate_id = ? and e.currency = ? and e.livemode and o.status <> 'pending'
         and (?::text is null or e.order_id = ?)
         and not exists (select 1 from payout_entries pe where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)
     ), made as (
       insert into payouts (id, program_id, affiliate_id, currency, amount_minor, created_by, created_at, updated_at)
       select ?, ?, ?, ?, sum(amount_minor), ?, ?, ? from payable having sum(amount_minor) > 0
       returning ${columns}
     ), linked as (
       insert into payout_entries (payout_id, order_id, entry_id)
       select made.id, payable.order_id, payable.id from made, payable
     )
     select * from made`,
    [
      programId,
      input.affiliateId,
      input.currency,
      input.orderId ?? null,
      input.orderId ?? null,
      newId('pay'),
      programId,
      input.affiliateId,
      input.currency,
      input.createdBy,
      now,
      now,
    ],
  );
  return row ?? null;
}

/**
 * Moves a pending payout to paid or failed; what failed frees its entries. Of a paid one the orders are returned whose
 * commissions are paid by it: they are to be settled again. Null for an unknown payout; throws CONFLICT where it stands
 * at the other end already, and changes nothing where it stands at this one. Call it in a transaction.
 */
export async function finishPayout(
  trx: Trx,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
  now: Date,
): Promise<{ before: Payout; after: Payout; orderIds: string[] } | null> {
  const [before] = await runPositional<Payout>(
    trx,
    `select ${columns} from payouts where program_id = ? and id = ? for update`,
    [programId, payoutId],
  );
  if (!before) return null;
  if (before.status === status) return { before, after: before, orderIds: [] };
  if (before.status !== 'pending') throw new AppError('CONFLICT', `The payout is ${before.status} and stays so`);
  const [after] = await runPositional<Payout>(
    trx,
    `update payouts set status = ?, ${status === 'paid' ? 'paid_at' : 'failed_at'} = ?, updated_at = ?
     where id = ? returning ${columns}`,
    [status, now, now, payoutId],
  );
  const orderIds = status === 'paid' ? await markOrdersPaid(trx, payoutId, now) : [];
  return { before, after: after as Payout, orderIds };
}

export async function findPayout(db: Db, programId: string, payoutId: string): Promise<Payout | null> {
  const [row] = await runPositional<Payout>(db, `select ${columns} from payouts where program_id = ? and id = ?`, [
    programId,
    payoutId,
  ]);
  return row ?? null;
}

/** Newest first. */
export function listPayouts(db: Db, programId: string, filter: PayoutFilter, page: PageRequest): Promise<Page<Payout>> {
  return selectPage<Payout>(db, `select ${columns} from payouts`, 'id', conditionsOf(programId, filter), page);
}

/** The payout as the API answers it and as webhooks carry it. */
export function payoutView(payout: Payout) {
  return {
    id: payout.id,
    affiliateId: payout.affiliateId,
    amountMinor: Number(payout.amountMinor),
    currency: payout.currency,
    status: payout.status,
    createdAt: payout.createdAt.toISOString(),
    paidAt: payout.paidAt?.toISOString() ?? null,
    failedAt: payout.failedAt?.toISOString() ?? null,
  };
}

const columns = `id, program_id as "programId", affiliate_id as "affiliateId", currency, amount_minor as "amountMinor",
  status, created_at as "createdAt", paid_at as "paidAt", failed_at as "failedAt"`;

function conditionsOf(programId: string, filter: PayoutFilter): Condition[] {
  return [
    { sql: 'program_id = ?', bindings: [programId] },
    ...conditionOf('affiliate_id = ?', filter.affiliateId),
    ...conditionOf('currency = ?', filter.currency),
    ...conditionOf('status = any(?)', filter.statuses),
  ];
}

/**
 * The instant from which a commission is paid is recorded with its order; settling the order again draws the
 * consequences. One that was reversed while the payout was under way earned nothing in the end, and is not paid.
 */
async function markOrdersPaid(trx: Trx, payoutId: string, now: Date): Promise<string[]> {
  const rows = await runPositional<{ id: string }>(
    trx,
    `update orders set paid_at = ? where id in (
       select o.id from orders o where o.paid_at is null and o.status = 'approved' and o.id in (
         select e.order_id from payout_entries pe join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
         where pe.payout_id = ? group by e.order_id having sum(e.amount_minor) > 0)
       order by o.id for update)
     returning id`,
    [now, payoutId],
  );
  return rows.map(({ id }) => id).sort();
}
