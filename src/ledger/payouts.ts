import type { Db, Trx } from '../db/db.ts';
import { selectList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';

export type PayoutStatus = 'pending' | 'paid' | 'failed';

/** What an affiliate is paid at once: the sum of its entries, each of which is in no other payout that did not fail. */
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
  /** Those that pay an entry of this conversion; none that failed. */
  conversionId?: string | undefined;
  /** By `createdAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

/**
 * Takes all that is payable: of every commission that is not pending the postings that are in no payout, those that take
 * money back too. Null where their sum is not positive.
 * What is in review is left out, with what orders hold that turned out to be that one. Throws CONFLICT for an affiliate who is banned.
 */
export async function createPayout(trx: Trx, programId: string, input: PayoutInput, now: Date): Promise<Payout | null> {
  // Payouts of one affiliate take turns: the second one sees what the first took.
  const { affiliateId, currency, orderId = null, createdBy } = input;
  const [affiliate] = await runSql<{ status: string }>(
    trx,
    'lockPayingAffiliate',
    `select status from affiliates where program_id = :programId and id = :affiliateId for no key update`,
    { programId, affiliateId },
  );
  if (affiliate?.status === 'banned') {
    throw new AppError('CONFLICT', 'The affiliate is banned: nothing is paid out until the status changes');
  }
  const [row] = await runSql<Payout>(
    trx,
    'createPayout',
    `with payable as (
       select e.order_id, e.id, e.amount_minor, o.offer_id, o.click_id, o.ranks_last from ledger_entries e
       join orders o on o.program_id = e.program_id and o.livemode = e.livemode and o.id = e.order_id
       where e.program_id = :programId and e.affiliate_id = :affiliateId and e.currency = :currency and e.livemode
         and o.status <> 'pending' and (:orderId::text is null or e.order_id = :orderId)
         and not (o.review is not null and o.affiliate_id = e.affiliate_id)
         and (o.merged_into is null or not exists (
           with recursive standing as (
             select o.merged_into as id
             union all
             select m.merged_into from standing s join orders m on m.id = s.id where m.merged_into is not null)
           select 1 from standing s join orders r on r.id = s.id
           where r.review is not null and r.affiliate_id = e.affiliate_id))
         and not exists (select 1 from payout_entries pe where pe.order_id = e.order_id and pe.entry_id = e.id and pe.live)
     ), made as (
       insert into payouts (id, program_id, affiliate_id, currency, amount_minor, created_by, created_at, updated_at)
       select :id, :programId, :affiliateId, :currency, sum(amount_minor), :createdBy, :now, :now from payable
       having sum(amount_minor) > 0
       returning ${selected}
     ), linked as (
       insert into payout_entries (program_id, payout_id, order_id, entry_id, offer_id, click_id, ranks_last)
       select :programId, made.id, payable.order_id, payable.id, payable.offer_id, payable.click_id, payable.ranks_last
       from made, payable
     )
     select * from made`,
    { id: newId('pay'), programId, affiliateId, currency, orderId, createdBy, now },
  );
  return row ?? null;
}

/**
 * Moves a pending payout to paid or failed; a failed one frees its entries. Given are the ids of the orders that are to be
 * settled again: of a paid one those whose commissions it pays, of a failed one those of which it held back what was said
 * without a key. Null for an unknown payout. One that has this status already is
 * left as it is; throws CONFLICT for one that has the other.
 */
export async function finishPayout(
  trx: Trx,
  programId: string,
  payoutId: string,
  status: 'paid' | 'failed',
  now: Date,
): Promise<{ before: Payout; after: Payout; orderIds: string[] } | null> {
  const [before] = await runSql<Payout>(
    trx,
    'lockPayout',
    `select ${selected} from payouts where program_id = :programId and id = :payoutId for update`,
    { programId, payoutId },
  );
  if (!before) return null;
  if (before.status === status) return { before, after: before, orderIds: [] };
  if (before.status !== 'pending') throw new AppError('CONFLICT', `The payout is ${before.status} and stays so`);
  const [after] = await runSql<Payout>(
    trx,
    'finishPayout',
    `update payouts set status = :status, ${status === 'paid' ? 'paid_at' : 'failed_at'} = :now, updated_at = :now
     where id = :payoutId returning ${selected}`,
    { status, now, payoutId },
  );
  const orderIds =
    status === 'paid' ? await markOrdersPaid(trx, payoutId, now) : await findOrdersHeldBack(trx, programId, payoutId);
  return { before, after: after as Payout, orderIds };
}

export async function findPayout(db: Db, programId: string, payoutId: string): Promise<Payout | null> {
  const [row] = await runSql<Payout>(
    db,
    'findPayout',
    `select ${selected} from payouts where program_id = :programId and id = :payoutId`,
    { programId, payoutId },
  );
  return row ?? null;
}

/** Newest first. */
export function listPayouts(db: Db, programId: string, filter: PayoutFilter, page: PageRequest): Promise<Page<Payout>> {
  const list = { name: 'listPayouts', select: `select ${selected} from payouts`, id: 'id' };
  return selectPage<Payout>(db, list, conditionsOf(programId, filter), page);
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

const columns: Columns<keyof Payout> = {
  id: 'id',
  programId: 'program_id',
  affiliateId: 'affiliate_id',
  currency: 'currency',
  amountMinor: 'amount_minor',
  status: 'status',
  createdAt: 'created_at',
  paidAt: 'paid_at',
  failedAt: 'failed_at',
};
const selected = selectList(columns);

function conditionsOf(programId: string, filter: PayoutFilter): Condition[] {
  return [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('currency = :currency', filter.currency),
    ...conditionOf('status = any(:statuses)', filter.statuses),
    ...conditionOf(
      'id in (select pe.payout_id from payout_entries pe where pe.order_id = :conversionId and pe.program_id = payouts.program_id and pe.live)',
      filter.conversionId,
    ),
    ...conditionOf('created_at >= :from', filter.from),
    ...conditionOf('created_at < :until', filter.until),
  ];
}

/**
 * Records with each order when its commission was paid; settling the order again makes the commission `paid`. A commission
 * that was reversed while the payout was under way earned nothing in the end, and is not paid.
 */
async function markOrdersPaid(trx: Trx, payoutId: string, now: Date): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    trx,
    'markOrdersPaid',
    `update orders set paid_at = :now where id in (
       select o.id from orders o where o.paid_at is null and o.status = 'approved' and o.id in (
         select e.order_id from payout_entries pe join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
         where pe.payout_id = :payoutId group by e.order_id having sum(e.amount_minor) > 0)
       order by o.id for update)
     returning id`,
    { now, payoutId },
  );
  return rows.map(({ id }) => id).sort();
}

async function findOrdersHeldBack(trx: Trx, programId: string, payoutId: string): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    trx,
    'findOrdersHeldBack',
    `select distinct o.id from payout_entries pe join orders o on o.id = pe.order_id
     where pe.payout_id = :payoutId and o.program_id = :programId and o.ranks_last order by o.id`,
    { programId, payoutId },
  );
  return rows.map(({ id }) => id);
}
