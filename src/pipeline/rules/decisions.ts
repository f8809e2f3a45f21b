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
