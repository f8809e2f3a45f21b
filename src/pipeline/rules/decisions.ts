import type { Fact, FactOf } from '../../domain/facts.ts';
import type { ReviewReason } from './review.ts';
import { furthestTracker } from './payment.ts';

/**
 * Why a person cannot approve or reject a commission in this state; null where they can. What is in review waits for that
 * decision, whatever its state.
 */
export function findObjection(
  { status, kind, review }: { status: string; kind: string | null; review: unknown },
  wanted: FactOf<'decision'>['status'],
  facts: readonly Fact[],
): string | null {
  if (review === null && status !== 'pending' && !(status === 'approved' && wanted === 'rejected')) {
    return `The commission is ${status} and cannot be ${wanted}`;
  }
  if (wanted === 'rejected') return null;
  const tracker = furthestTracker(facts.map((fact) => ({ fact })))?.state;
  if (tracker === 'lead' || tracker === 'hold') {
    return `The tracker says ${tracker}: the commission cannot be approved yet`;
  }
  const isPayable = facts.some(({ type }) => type === 'action' || type === 'sale') || tracker === 'sale';
  return kind === 'lead' && !isPayable ? 'A lead earns nothing by itself and cannot be approved' : null;
}

/** Reviews that are about whom a commission belongs to. */
const aboutWhom: ReadonlySet<string> = new Set<ReviewReason>(['joined_affiliates_differ', 'paid_to_another']);

/** Why a person cannot say whose a commission is; null where a review asks that. */
export function objectToAssigning({ review }: { review: { reasons: string[] } | null }): string | null {
  if (review?.reasons.some((reason) => aboutWhom.has(reason))) return null;
  return 'Nothing is open about whose this commission is: affiliateId is taken only while a review asks that';
}

/** What of a conversion tells whether it can be corrected. */
export interface Correctable {
  status: string;
  reason: string | null;
  grossMinor: bigint;
  mergedInto: string | null;
  /** A payout under way that has an entry of it. */
  pendingPayoutId: string | null;
}

/** Why a person cannot correct a conversion in this state; null where they can. What it was paid is netted by the next payout. */
export function objectToCorrecting(
  { status, reason, grossMinor, mergedInto, pendingPayoutId }: Correctable,
  { amount }: { amount: boolean },
): string | null {
  if (status === 'merged') return `It turned out to be ${mergedInto ?? 'another conversion'}: correct that one`;
  if (reason === 'imported') {
    return 'Another system settled this order before it was imported, and it earns nothing here: there is nothing to correct';
  }
  if (status === 'rejected') {
    return 'Its commission is rejected, which is final: report what is due under another order id, or POST /api/v1/adjustments';
  }
  if (pendingPayoutId !== null) {
    return `It is in the payout ${pendingPayoutId}, which is pending: mark that as paid or failed first`;
  }
  if (amount && grossMinor === 0n) {
    return 'No amount is known of it that could be corrected: a fixed commission is changed by POST /api/v1/adjustments';
  }
  return null;
}
