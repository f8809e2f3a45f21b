import { z } from 'zod';
import type { Fact } from '../../domain/facts.ts';
import { toAmount } from './amounts.ts';
import { readObject, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toFactId, toRef, toRefs } from './references.ts';
import { expandable, listOf, optionalWord, requiredInteger, requiredWord } from './schemas.ts';

/** Refunds (docs.stripe.com/api/refunds/object, read 2026-11); the same in all API versions. */
const refund = z.object({
  id: requiredWord,
  amount: requiredInteger,
  currency: requiredWord,
  created: requiredInteger,
  charge: expandable,
  payment_intent: expandable,
  status: optionalWord,
});
type Refund = z.infer<typeof refund>;

const refundedCharge = z.object({
  id: requiredWord,
  amount_refunded: requiredInteger,
  currency: requiredWord,
  payment_intent: expandable,
  /** Up to acacia. */
  invoice: expandable,
  /** Before 2022-11-15 the charge lists its newest refunds; later only where expanded. */
  refunds: listOf(refund),
});

/** `refund.created|updated|failed` and `charge.refund.updated`: what the refund's status says, whichever event tells it. */
export function readRefund(message: StripeMessage): Reading {
  const read = readObject(refund, message);
  const facts = toRefundFacts(message, read);
  return facts.length === 0 ? { ignored: 'The refund is of no payment: neither a charge nor a payment intent' } : facts;
}

/** `charge.refunded`: the cumulative figure, with the refunds behind it where the charge lists them. */
export function readChargeRefunded(message: StripeMessage): Reading {
  const read = readObject(refundedCharge, message);
  const { account } = message;
  return [
    {
      type: 'refund_total',
      id: toFactId(account, message.type, read.id, String(read.amount_refunded), read.invoice?.id),
      refs: toRefs(account, [read.id, read.payment_intent?.id, read.invoice?.id]),
      occurredAt: message.occurredAt,
      customer: null,
      evidence: {},
      paymentRef: toRef(account, read.id),
      amount: toAmount(read.amount_refunded, read.currency),
    },
    ...read.refunds.flatMap((each) => toRefundFacts(message, each)),
  ];
}

/**
 * A refund counts from its creation: pending ones mostly succeed, and the merchant's balance is debited at once. One
 * that failed or was cancelled states its amount as well, since the cumulative figures that were sent include it.
 */
function toRefundFacts(message: StripeMessage, read: Refund): Fact[] {
  const { account } = message;
  const paymentId = read.charge?.id ?? read.payment_intent?.id;
  if (paymentId === undefined) return [];
  const refs = toRefs(account, [paymentId, read.payment_intent?.id]);
  const common = { refs, occurredAt: toInstant(read.created, message.receivedAt), customer: null, evidence: {} };
  const made: Fact = {
    ...common,
    type: 'refund',
    id: toFactId(account, 'refund', read.id),
    refundId: read.id,
    amount: toAmount(read.amount, read.currency),
    paymentRef: toRef(account, paymentId),
  };
  if (read.status !== 'failed' && read.status !== 'canceled') return [made];
  return [
    made,
    { ...common, type: 'refund_failed', id: toFactId(account, 'refund_failed', read.id), refundId: read.id },
  ];
}
