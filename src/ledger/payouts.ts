import type { Db, Trx } from '../db/db.ts';
import { selectList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { boundPayable, payableEntries, payableSums } from './payable.ts';

export type PayoutStatus = 'pending' | 'paid' | 'failed';

/** What an affiliate is paid at once: the sum of its entries, each of which is in no other payout that did not fail. */
export interface Payout {
  id: string;
  programId: string;
  affiliateId: string;
  currency: string;
  amountMinor: bigint;
  status: PayoutStatus;
  /** The batch that it was made with; null: it was made alone. */
  batchId: string | null;
  /** By which the payment is known where it was made: at the bank, at PayPal. */
  reference: string | null;
  note: string | null;
  createdAt: Date;
  paidAt: Date | null;
  failedAt: Date | null;
}

/** What a person says about a payout; undefined leaves it as it is. */
export interface PayoutDetails {
  reference?: string | null | undefined;
  note?: string | null | undefined;
}

export interface PayoutInput extends PayoutDetails {
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
  batchId?: string | undefined;
}

/** Payouts of many affiliates, one each. */
export interface PayoutsInput extends Omit<PayoutInput, 'affiliateId'> {
  affiliateIds: readonly string[];
  /** Whoever has less gets none; 1 unless said. */
  minimumMinor?: bigint | undefined;
  batchId?: string | undefined;
}

/** Takes all that is payable to one affiliate; null where that is not positive. Throws CONFLICT for one who is banned. */
export async function createPayout(trx: Trx, programId: string, input: PayoutInput, now: Date): Promise<Payout | null> {
  const { affiliateId, ...rest } = input;
  const { made, banned } = await createPayouts(trx, programId, { ...rest, affiliateIds: [affiliateId] }, now);
  if (banned.length > 0) {
    throw new AppError('CONFLICT', 'The affiliate is banned: nothing is paid out until the status changes');
  }
  return made[0] ?? null;
}

/**
 * Takes all that is payable to each of the affiliates: of every commission that is not pending the postings that are in no
 * payout, those that take money back too. Nothing is made where their sum is less than the minimum.
 * What is in review is left out, with what orders hold that turned out to be that one, and whoever is banned.
 */
export async function createPayouts(
  trx: Trx,
  programId: string,
  input: PayoutsInput,
  now: Date,
): Promise<{ made: Payout[]; banned: string[] }> {
  // Payouts of one affiliate take turns: the second one sees what the first took.
  const affiliates = await runSql<{ id: string; status: string }>(
    trx,
    'lockPayingAffiliates',
    `select id, status from affiliates where program_id = :programId and id = any(:affiliateIds)
     order by id for no key update`,
    { programId, affiliateIds: input.affiliateIds },
  );
  const isBanned = ({ status }: { status: string }): boolean => status === 'banned';
  const affiliateIds = affiliates.filter((one) => !isBanned(one)).map(({ id }) => id);
  const banned = affiliates.filter(isBanned).map(({ id }) => id);
  if (affiliateIds.length === 0) return { made: [], banned };
  const made = await runSql<Payout>(
    trx,
    'createPayouts',
    `with payable as (${payableEntries}), due as (${payableSums}), made as (
       insert into payouts
         (id, program_id, affiliate_id, currency, amount_minor, batch_id, reference, note, created_by, created_at, updated_at)
       select given.id, :programId, due.affiliate_id, :currency, due.amount_minor, :batchId, :reference, :note,
         :createdBy, :now, :now
       from due join unnest(:affiliateIds::text[], :ids::text[]) as given (affiliate_id, id) using (affiliate_id)
       returning ${payoutList}
     ), linked as (
       insert into payout_entries (program_id, payout_id, order_id, entry_id, offer_id, click_id, ranks_last)
       select :programId, made.id, p.order_id, p.id, p.offer_id, p.click_id, p.ranks_last
       from made join payable p on p.affiliate_id = made."affiliateId"
     )
     select * from made order by id`,
    {
      ids: affiliateIds.map(() => newId('pay')),
      ...boundPayable(programId, { ...input, affiliateIds }),
      batchId: input.batchId ?? null,
      reference: input.reference ?? null,
      note: input.note ?? null,
      createdBy: input.createdBy,
      now,
    },
  );
  return { made, banned };
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
  const { changed, orderIds } = await changePayouts(trx, programId, { payoutId }, { status }, now);
  const [first] = changed;
  return first ? { ...first, orderIds } : null;
}

/** One payout, or all of a batch. */
export type NamedPayouts = { payoutId: string } | { batchId: string };

export interface PayoutChanges extends PayoutDetails {
  status?: 'paid' | 'failed' | undefined;
}

/**
 * `finishPayout` for one or for all of a batch that are pending, and what is said about them. A status is for those alone that
 * it moves, and so are words that come with it. None where there is no such payout. Throws CONFLICT where none is pending
 * and one has the other status.
 */
export async function changePayouts(
  trx: Trx,
  programId: string,
  named: NamedPayouts,
  changes: PayoutChanges,
  now: Date,
): Promise<{ changed: { before: Payout; after: Payout }[]; orderIds: string[] }> {
  const ofBatch = 'batchId' in named;
  const found = await runSql<Payout>(
    trx,
    ofBatch ? 'lockPayoutsOfBatch' : 'lockPayout',
    `select ${payoutList} from payouts where program_id = :programId and ${ofBatch ? 'batch_id' : 'id'} = :named
     order by id for update`,
    { programId, named: ofBatch ? named.batchId : named.payoutId },
  );
  const { status } = changes;
  const pending = found.filter((payout) => payout.status === 'pending');
  const other = found.find((payout) => payout.status !== 'pending' && payout.status !== status);
  if (status !== undefined && pending.length === 0 && other) {
    throw new AppError('CONFLICT', `The payout is ${other.status} and stays so`);
  }
  const meant = status === undefined || pending.length === 0 ? found : pending;
  const ids = meant.map(({ id }) => id);
  const after = await writeChanges(
    trx,
    programId,
    ids,
    pending.length > 0 ? changes : { ...changes, status: undefined },
    now,
  );
  const changed = meant.map((before) => ({ before, after: after.get(before.id) ?? before }));
  if (status === undefined || pending.length === 0) return { changed, orderIds: [] };
  const orderIds =
    status === 'paid' ? await markOrdersPaid(trx, ids, now) : await findOrdersHeldBack(trx, programId, ids);
  return { changed, orderIds };
}

async function writeChanges(
  trx: Trx,
  programId: string,
  ids: readonly string[],
  { status, reference, note }: PayoutChanges,
  now: Date,
): Promise<Map<string, Payout>> {
  if (ids.length === 0 || (status === undefined && reference === undefined && note === undefined)) return new Map();
  const rows = await runSql<Payout>(
    trx,
    'changePayouts',
    `update payouts set status = coalesce(:status::text, status), updated_at = :now,
       paid_at = case when :status::text = 'paid' then :now::timestamptz else paid_at end,
       failed_at = case when :status::text = 'failed' then :now::timestamptz else failed_at end,
       reference = case when :setsReference::boolean then :reference::text else reference end,
       note = case when :setsNote::boolean then :note::text else note end
     where program_id = :programId and id = any(:ids) returning ${payoutList}`,
    {
      status: status ?? null,
      now,
      setsReference: reference !== undefined,
      reference: reference ?? null,
      setsNote: note !== undefined,
      note: note ?? null,
      programId,
      ids,
    },
  );
  return new Map(rows.map((row) => [row.id, row]));
}

export async function findPayout(db: Db, programId: string, payoutId: string): Promise<Payout | null> {
  const [row] = await runSql<Payout>(
    db,
    'findPayout',
    `select ${payoutList} from payouts where program_id = :programId and id = :payoutId`,
    { programId, payoutId },
  );
  return row ?? null;
}

/** Newest first. */
export function listPayouts(db: Db, programId: string, filter: PayoutFilter, page: PageRequest): Promise<Page<Payout>> {
  const list = { name: 'listPayouts', select: `select ${payoutList} from payouts`, id: 'id' };
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
    batchId: payout.batchId,
    reference: payout.reference,
    note: payout.note,
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
  batchId: 'batch_id',
  reference: 'reference',
  note: 'note',
  createdAt: 'created_at',
  paidAt: 'paid_at',
  failedAt: 'failed_at',
};
/** For `select` and `returning`. */
export const payoutList = selectList(columns);

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
    ...conditionOf('batch_id = :batchId', filter.batchId),
  ];
}

/**
 * Records with each order when its commission was paid; settling the order again makes the commission `paid`. A commission
 * that was reversed while the payout was under way earned nothing in the end, and is not paid.
 */
async function markOrdersPaid(trx: Trx, payoutIds: readonly string[], now: Date): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    trx,
    'markOrdersPaid',
    `update orders set paid_at = :now where id in (
       select o.id from orders o where o.paid_at is null and o.status = 'approved' and o.id in (
         select e.order_id from payout_entries pe join ledger_entries e on e.order_id = pe.order_id and e.id = pe.entry_id
         where pe.payout_id = any(:payoutIds) group by pe.payout_id, e.order_id having sum(e.amount_minor) > 0)
       order by o.id for update)
     returning id`,
    { now, payoutIds },
  );
  return rows.map(({ id }) => id).sort();
}

async function findOrdersHeldBack(trx: Trx, programId: string, payoutIds: readonly string[]): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    trx,
    'findOrdersHeldBack',
    `select distinct o.id from payout_entries pe join orders o on o.id = pe.order_id
     where pe.payout_id = any(:payoutIds) and o.program_id = :programId and o.ranks_last order by o.id`,
    { programId, payoutIds },
  );
  return rows.map(({ id }) => id);
}
