import { z } from 'zod';
import type { Fact } from '../../domain/facts.ts';
import { toAmount } from './amounts.ts';
import { readObject, stateAt, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toFactId, toRef, toRefs } from './references.ts';
import { chargeAmounts, readRefunded, refund, toReleaseFact, type Refund } from './release.ts';
import { expandable, optionalInteger, requiredInteger, requiredWord } from './schemas.ts';

const refundedCharge = z.object({
  id: requiredWord,
  ...chargeAmounts,
  amount_refunded: requiredInteger,
  currency: requiredWord,
  payment_intent: expandable,
  /** Up to acacia. */
  invoice: expandable,
});

/** `refund.created|updated|failed` and `charge.refund.updated`: what the refund's status says, whichever event tells it. */
export function readRefund(message: StripeMessage): Reading {
  const read = readObject(refund, message);
  if (read.reason === 'expired_uncaptured_charge')
    return { ignored: 'The authorization expired: nothing had been paid' };
  const facts = toRefundFacts(message, read);
  return facts.length === 0 ? { ignored: 'The refund is of no payment: neither a charge nor a payment intent' } : facts;
}

/** `charge.refunded`: the cumulative figure without what a capture released, with the refunds that the charge lists. */
export function readChargeRefunded(message: StripeMessage): Reading {
  const read = readObject(refundedCharge, message);
  const { account } = message;
  const before = optionalInteger.parse(message.previous['amount_refunded']);
  const { amount, release } = readRefunded(read, before);
  const refunds = read.refunds.data.filter((each) => each.id !== release?.id);
  const listed = [
    ...refunds.flatMap((each) => toRefundFacts(message, each)),
    ...(release === null ? [] : [toReleaseFact(message, release, [read.id, read.payment_intent?.id])]),
  ];
  if (amount === 0 && listed.length === 0) return { ignored: 'What was released was never paid: nothing was refunded' };
  if (amount === 0) return listed;
  return [
    {
      type: 'refund_total',
      id: toFactId(account, message.type, read.id, String(amount), read.invoice?.id),
      refs: toRefs(account, [read.id, read.payment_intent?.id, read.invoice?.id]),
      occurredAt: message.occurredAt,
      customer: null,
      evidence: {},
      paymentRef: toRef(account, read.id),
      amount: toAmount(amount, read.currency),
    },
    ...listed,
  ];
}

/**
 * A refund counts from its creation: pending ones mostly succeed, and the merchant's balance is debited at once. One
 * that failed or was cancelled states its amount as well, since the cumulative figures that were sent include it; that it
 * failed is said as of the event, so that it counts after whatever said that it was made.
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
    {
      ...common,
      type: 'refund_failed',
      id: toFactId(account, 'refund_failed', read.id, stateAt(message)),
      refundId: read.id,
      statedAt: message.occurredAt,
    },
  ];
}
