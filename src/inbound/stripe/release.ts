import { z } from 'zod';
import type { FactOf } from '../../domain/facts.ts';
import { stateAt, toInstant, type StripeMessage } from './message.ts';
import { toFactId, toRefs } from './references.ts';
import {
  arrayOf,
  expandable,
  flag,
  optionalInteger,
  optionalWord,
  orAbsent,
  requiredInteger,
  requiredWord,
} from './schemas.ts';

/**
 * A capture of less than what was authorized releases the rest, which was never paid. Up to acacia Stripe books the release
 * as a refund: a Refund object is made, and `amount_refunded` has it. From basil on neither is so, as the request that
 * captured has it, whatever the version of the endpoint
 * (docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow and
 * support.stripe.com/questions/changes-to-balance-transaction-behavior-for-partial-capture-and-payment-cancellation-flows,
 * read 2026-11). So the figures decide which of the two a charge shows, and no version's name.
 */

/** Refunds (docs.stripe.com/api/refunds/object, read 2026-11); the same in all API versions. */
export const refund = z.object({
  id: requiredWord,
  amount: requiredInteger,
  currency: requiredWord,
  created: requiredInteger,
  charge: expandable,
  payment_intent: expandable,
  status: optionalWord,
  reason: optionalWord,
});
export type Refund = z.infer<typeof refund>;

/** Before 2022-11-15 a charge lists its newest refunds; later only where they are expanded. */
export const listedRefunds = orAbsent(z.object({ data: arrayOf(refund), has_more: flag }), {
  data: [],
  has_more: false,
});

/** What a charge says of its money. */
export const chargeAmounts = {
  amount: optionalInteger,
  amount_captured: optionalInteger,
  captured: orAbsent(z.boolean(), null),
  refunded: flag,
  refunds: listedRefunds,
};

interface Charge {
  amount: number | null;
  amount_captured: number | null;
  amount_refunded: number;
  captured: boolean | null;
  refunded: boolean;
  refunds: z.infer<typeof listedRefunds>;
}

/** What of a charge was given back to the buyer, and which of the listed refunds is none. */
export interface RefundedOfCharge {
  amount: number;
  release: Refund | null;
}

/** `amountBefore` is `amount_refunded` before this event, where it says so. */
export function readRefunded(charge: Charge, amountBefore: number | null): RefundedOfCharge {
  if (charge.captured === false) return { amount: 0, release: null };
  const captured = charge.amount_captured ?? charge.amount ?? 0;
  const released = Math.max(0, (charge.amount ?? captured) - captured);
  if (released === 0 || !includesRelease(charge, captured, released, amountBefore)) {
    return { amount: charge.amount_refunded, release: null };
  }
  return { amount: Math.max(0, charge.amount_refunded - released), release: findRelease(charge, released) };
}

/**
 * Whether `amount_refunded` has the release. Where the figures fit both ways it is taken to: the refunds behind it come with
 * ids of their own, so that a figure too low loses nothing, and one too high would take back what was never paid.
 */
function includesRelease(charge: Charge, captured: number, released: number, amountBefore: number | null): boolean {
  const { amount_refunded: refunded } = charge;
  if (refunded > captured) return true;
  if (refunded < released || charge.refunded) return false;
  const isReleaseItself = amountBefore === 0 && refunded === released;
  return amountBefore === null || amountBefore >= released || isReleaseItself;
}

/** The release is the first refund of its charge. A list that was cut off may not have it. */
function findRelease({ refunds }: Charge, released: number): Refund | null {
  if (refunds.has_more) return null;
  const ofThatAmount = refunds.data.filter(({ amount }) => amount === released);
  const [first = null] = ofThatAmount.sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  return first;
}

/** The refund object of a release is as good as failed: no money went back by it, whichever event tells of it. */
export function toReleaseFact(
  message: StripeMessage,
  release: Refund,
  payment: (string | null | undefined)[],
): FactOf<'refund_failed'> {
  const { account } = message;
  return {
    type: 'refund_failed',
    id: toFactId(account, 'refund_failed', release.id, stateAt(message)),
    refs: toRefs(account, [release.charge?.id, release.payment_intent?.id, ...payment]),
    occurredAt: toInstant(release.created, message.receivedAt),
    customer: null,
    evidence: {},
    refundId: release.id,
    statedAt: message.occurredAt,
  };
}
