import type { Trx } from '../../db/db.ts';
import { appendRows } from '../../db/copy.ts';
import { rowSource, type Column, type ColumnType } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import { conversionColumns } from '../../ledger/conversion-columns.ts';
import type { Candidate } from '../rules/evidence.ts';
import type { FactNote } from '../../domain/facts.ts';
import type { TermsSnapshot } from '../rules/catalog.ts';
import type { Review } from '../rules/review.ts';
import type { Explanation, OrderStatus } from '../rules/commission.ts';
import type { OrderKind } from '../rules/credit.ts';

/**
 * An order attributed by its own evidence: it may bind its customer. Its terms are among those recorded with the order,
 * those of this affiliate and offer.
 */
export type OwnCandidate = Candidate & { offerId: string };

export interface CapDecision {
  offerId: string;
  /** Calendar day in the program's zone. */
  day: string;
  granted: boolean;
  /** Counted apart, among the orders that only an anonymous lead credits. */
  apart?: true;
}

/** An open review, with when it was opened: ISO 8601 UTC. */
export interface StoredReview extends Review {
  since: string;
}

/** A row of `orders`: the order, its conversion and its commission. Times are ISO 8601 UTC with milliseconds. */
export interface OrderRow {
  id: string;
  programId: string;
  livemode: boolean;
  mergedInto: string | null;
  kind: OrderKind | null;
  status: OrderStatus;
  reason: string | null;
  grossMinor: bigint;
  netMinor: bigint;
  refundedMinor: bigint;
  currency: string | null;
  assumedCurrency: string | null;
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  customerId: string | null;
  reference: string | null;
  orderId: string | null;
  goal: string | null;
  note: FactNote | null;
  subscription: string | null;
  sub1: string | null;
  occurredAt: string | null;
  /** The references that it was made with; later ones, and all of an order from before these were kept, are in `order_refs` alone. */
  refs: string[] | null;
  /** When it counts for bans, caps, holds, months and who is first, where that is not when it happened. */
  countedAt: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  terms: TermsSnapshot[];
  cap: CapDecision | null;
  explanation: Explanation | null;
  own: OwnCandidate | null;
  /** Credited by more than its subscription's binding: it may bind its subscription. */
  bindsSubscription: boolean;
  isPayment: boolean;
  cpaSlot: string | null;
  /** It takes its CPA slot after all others: it was told of without a key, or an anonymous lead alone credits it. */
  ranksLast: boolean;
  /** The hold as the program had it when the order was first settled; null: only a person approves. */
  holdDays: number | null;
  /** What may pair it with an order that nothing links to it yet (pair-unlinked.ts). */
  pairingKey: string | null;
  pairingAt: string | null;
  joinedWithoutLink: boolean;
  review: StoredReview | null;
  approvableAt: string | null;
  approvedAt: string | null;
  rejectedAt: string | null;
  paidAt: string | null;
  createdAt: string;
  updatedAt: string;
}

/** Field to column and type: the one list that reading and writing whole rows go by. */
const columns: Readonly<Record<keyof OrderRow, readonly [column: string, type: ColumnType]>> = {
  ...conversionColumns,
  programId: ['program_id', 'text'],
  assumedCurrency: ['assumed_currency', 'text'],
  subscription: ['subscription', 'text'],
  sub1: ['sub1', 'text'],
  countedAt: ['counted_at', 'timestamptz'],
  refs: ['refs', 'json'],
  terms: ['terms', 'json'],
  cap: ['cap', 'json'],
  explanation: ['explanation', 'json'],
  own: ['own', 'json'],
  bindsSubscription: ['binds_subscription', 'boolean'],
  isPayment: ['claims_payment', 'boolean'],
  cpaSlot: ['cpa_claim', 'text'],
  ranksLast: ['ranks_last', 'boolean'],
  holdDays: ['hold_days', 'integer'],
  pairingKey: ['hint', 'text'],
  pairingAt: ['hint_at', 'timestamptz'],
  joinedWithoutLink: ['joined_by_hint', 'boolean'],
  approvableAt: ['approvable_at', 'timestamptz'],
  approvedAt: ['approved_at', 'timestamptz'],
  rejectedAt: ['rejected_at', 'timestamptz'],
};

const fields = Object.keys(columns) as (keyof OrderRow)[];
/** The columns of `orders`, for statements whose rows `toOrderRow` reads. */
export const orderColumns = fields.map((field) => columns[field][0]).join(', ');
const unchanging: ReadonlySet<keyof OrderRow> = new Set(['id', 'programId', 'livemode', 'createdAt']);
const assignments = fields
  .filter((field) => !unchanging.has(field))
  .map((field) => `${columns[field][0]} = row.${columns[field][0]}`)
  .join(', ');

/** Reads orders by id, as they stand after the locks were taken. */
export async function readOrders(trx: Trx, ids: string[]): Promise<Map<string, OrderRow>> {
  if (ids.length === 0) return new Map();
  const rows = await runSql<Record<string, unknown>>(
    trx,
    'readOrders',
    `select ${orderColumns} from orders where id = any(:ids)`,
    { ids },
  );
  return new Map(rows.map(toOrderRow).map((row) => [row.id, row]));
}

/** Appends new orders and updates known ones, whole rows, in one statement each. Both are sent before this returns. */
export async function writeOrders(trx: Trx, inserted: OrderRow[], updated: OrderRow[]): Promise<void> {
  await Promise.all([appendRows(trx, 'orders', columnsOf(inserted)), updateOrders(trx, updated)]);
}

async function updateOrders(trx: Trx, rows: OrderRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { sql, bindings } = rowSource('row', columnsOf(rows));
  await runSql(trx, 'updateOrders', `update orders set ${assignments} from ${sql} where orders.id = row.id`, bindings);
}

function columnsOf(rows: OrderRow[]): Column[] {
  return fields.map((field) => {
    const [name, type] = columns[field];
    const values = rows.map((row) => row[field]);
    return {
      name,
      type,
      values: type === 'json' ? writeJson(values) : (values as (string | number | bigint | boolean | null)[]),
    };
  });
}

/** Many orders stand on the same terms, which are written once then. */
function writeJson(values: readonly unknown[]): (string | null)[] {
  const written = new Map<unknown, string>();
  return values.map((value) => {
    if (value === null) return null;
    if (!Array.isArray(value) || value.length !== 1) return JSON.stringify(value);
    const [only] = value as [unknown];
    const json = written.get(only) ?? JSON.stringify(value);
    written.set(only, json);
    return json;
  });
}

export function toOrderRow(row: Record<string, unknown>): OrderRow {
  const order: Record<string, unknown> = {};
  for (const field of fields) {
    const value = row[columns[field][0]];
    order[field] = value instanceof Date ? value.toISOString() : value;
  }
  return order as unknown as OrderRow;
}
