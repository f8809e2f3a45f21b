import type { ColumnType } from '../db/rows.ts';

/**
 * Field to column and type of what a program may see of an order. The pipeline, which alone writes orders, adds the columns
 * that nobody else reads.
 */
export const conversionColumns = {
  id: ['id', 'text'],
  livemode: ['livemode', 'boolean'],
  mergedInto: ['merged_into', 'text'],
  kind: ['kind', 'text'],
  status: ['status', 'text'],
  reason: ['reason', 'text'],
  grossMinor: ['gross_minor', 'bigint'],
  netMinor: ['net_minor', 'bigint'],
  refundedMinor: ['refunded_minor', 'bigint'],
  currency: ['currency', 'text'],
  affiliateId: ['affiliate_id', 'text'],
  offerId: ['offer_id', 'text'],
  clickId: ['click_id', 'text'],
  customerId: ['customer_id', 'text'],
  reference: ['reference', 'text'],
  orderId: ['order_id', 'text'],
  goal: ['goal', 'text'],
  note: ['note', 'json'],
  occurredAt: ['occurred_at', 'timestamptz'],
  commissionMinor: ['commission_minor', 'bigint'],
  commissionCurrency: ['commission_currency', 'text'],
  review: ['review', 'json'],
  paidAt: ['paid_at', 'timestamptz'],
  createdAt: ['created_at', 'timestamptz'],
  updatedAt: ['updated_at', 'timestamptz'],
} as const satisfies Readonly<Record<string, readonly [column: string, type: ColumnType]>>;
