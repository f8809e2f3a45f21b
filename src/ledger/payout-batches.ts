import type { Db, Trx } from '../db/db.ts';
import { insertList, selectList, type Columns } from '../db/columns.ts';
import { conditionOf } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { runSql } from '../db/sql.ts';
import { payoutList, type Payout, type PayoutDetails, type PayoutStatus } from './payouts.ts';

/** Payouts of many affiliates in one currency, made at once. */
export interface PayoutBatch {
  id: string;
  programId: string;
  currency: string;
  /** Whoever had less got none. */
  minimumMinor: bigint;
  reference: string | null;
  note: string | null;
  /** The API key. */
  createdBy: string;
  createdAt: Date;
}

/** So many payouts are in one batch: as many as a file of PayPal's takes. */
export const MAX_BATCH_PAYOUTS = 5_000;

export async function insertBatch(trx: Trx, batch: PayoutBatch): Promise<void> {
  await runSql(trx, 'insertPayoutBatch', `insert into payout_batches ${inserted}`, {
    ...batch,
    updatedAt: batch.createdAt,
  });
}

export async function findBatch(db: Db, programId: string, batchId: string): Promise<PayoutBatch | null> {
  const [row] = await runSql<PayoutBatch>(
    db,
    'findPayoutBatch',
    `select ${selected} from payout_batches where program_id = :programId and id = :batchId`,
    { programId, batchId },
  );
  return row ?? null;
}

/** Newest first. */
export function listBatches(
  db: Db,
  programId: string,
  currency: string | undefined,
  page: PageRequest,
): Promise<Page<PayoutBatch>> {
  const list = { name: 'listPayoutBatches', select: `select ${selected} from payout_batches`, id: 'id' };
  const conditions = [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('currency = :currency', currency),
  ];
  return selectPage<PayoutBatch>(db, list, conditions, page);
}

/** What a person says about a batch; false where there is none such. */
export async function describeBatch(
  trx: Trx,
  programId: string,
  batchId: string,
  { reference, note }: PayoutDetails,
  now: Date,
): Promise<boolean> {
  const rows = await runSql(
    trx,
    'describePayoutBatch',
    `update payout_batches set updated_at = :now,
       reference = case when :setsReference::boolean then :reference::text else reference end,
       note = case when :setsNote::boolean then :note::text else note end
     where program_id = :programId and id = :batchId returning 1`,
    {
      now,
      setsReference: reference !== undefined,
      reference: reference ?? null,
      setsNote: note !== undefined,
      note: note ?? null,
      programId,
      batchId,
    },
  );
  return rows.length > 0;
}

/** All payouts of a batch, by affiliate. */
export function listPayoutsOfBatch(db: Db, programId: string, batchId: string): Promise<Payout[]> {
  return runSql<Payout>(
    db,
    'listPayoutsOfBatch',
    `select ${payoutList} from payouts where program_id = :programId and batch_id = :batchId order by affiliate_id`,
    { programId, batchId },
  );
}

/** What the payouts of batches come to, by batch. */
export interface BatchSums {
  batchId: string;
  count: number;
  totalMinor: bigint;
  counts: Record<PayoutStatus, number>;
}

export function sumBatches(db: Db, programId: string, batchIds: readonly string[]): Promise<BatchSums[]> {
  return runSql<BatchSums>(
    db,
    'sumPayoutBatches',
    `select batch_id as "batchId", count(*)::int as count, sum(amount_minor)::bigint as "totalMinor",
       json_build_object('pending', count(*) filter (where status = 'pending'),
         'paid', count(*) filter (where status = 'paid'), 'failed', count(*) filter (where status = 'failed')) as counts
     from payouts where program_id = :programId and batch_id = any(:batchIds) group by batch_id`,
    { programId, batchIds },
  );
}

const columns: Columns<keyof PayoutBatch | 'updatedAt'> = {
  id: 'id',
  programId: 'program_id',
  currency: 'currency',
  minimumMinor: 'minimum_minor',
  reference: 'reference',
  note: 'note',
  createdBy: 'created_by',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};
const selected = selectList(columns);
const inserted = insertList(columns);
