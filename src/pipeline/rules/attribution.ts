import { isEarlier } from '../../domain/orderings.ts';
import type { TermsSnapshot } from './catalog.ts';
import type { Decided } from './payment.ts';
import { type Candidate, type Evidences, type PassedOver, pass } from './evidence.ts';

/** The affiliate that a customer's earliest attributed order (or a customer fact) bound them to. */
export interface Binding {
  affiliateId: string;
  offerId: string;
  clickId: string | null;
  /** ISO 8601 UTC. */
  boundAt: string;
  boundRef: string;
  /** The order id, or the id of the customer fact. */
  boundBy: string;
  terms: TermsSnapshot;
  /** A person bound them: it holds for what they buy from `boundAt` on. */
  decided?: Decided;
}

/** An attribution by an order's own evidence, with the terms of that time. */
export interface OwnAttribution {
  candidate: Candidate;
  terms: TermsSnapshot;
}

/** Who stands before an order: the subscription's binding, by its first credited order, and the customer's. */
export interface Bindings {
  subscription: Binding | null;
  customer: Binding | null;
  /** The anonymous lead that counts for the customer: it speaks where nothing else does. */
  lead: Binding | null;
  /** By people, the newest decision first: the first that has begun stands in place of `customer`. */
  rebindings: readonly Binding[];
}

export const noBindings: Bindings = { subscription: null, customer: null, lead: null, rebindings: [] };

/** Whom a payout paid for an order: a decision that late evidence does not undo. */
export interface PaidTo {
  affiliateId: string;
  offerId: string | null;
  clickId: string | null;
  /** Nothing but an anonymous lead credited the order. */
  byLead: boolean;
}

export interface Choice {
  chosen: Candidate | null;
  passedOver: PassedOver[];
  /** Whom the evidence names, where only others have been paid for the order. */
  outvoted: Candidate | 'nobody' | null;
  /** Nothing but an anonymous lead credits it. */
  byLead: boolean;
}

/** Why evidence counts no more once a payout has the order. */
export const STAYS_PAID = 'what was paid stays with whom it was paid';

/**
 * The affiliate of an order. The binding of its customer beats referral codes and coupons (but not a coupon that comes
 * first), and is beaten by a named affiliate or a click. A renewal is credited by its subscription's binding, else by its
 * customer's, else by its own evidence. An anonymous lead credits only what nothing else would, not even a click that came
 * too late. Whom a person assigned the order to stands above all; what was paid stays with whom it was paid.
 */
export function chooseCandidate(
  evidences: Evidences,
  bindings: Bindings,
  options: {
    renewal: boolean;
    couponFirst: boolean;
    assignedTo: string | null;
    /** The offer that the order stood on when it was assigned. */
    assignedOffer?: string | null;
    paidTo: readonly PaidTo[];
  },
): Choice {
  const known = options.renewal ? rankForRenewal(evidences, bindings) : rankForSale(evidences, bindings, options);
  const ranked = known.length === 0 && evidences.expired === null ? candidatesOfLead(bindings) : known;
  const [natural = null, ...others] = ranked;
  const weaker = others.map((candidate) => pass(candidate, whyBehind(candidate, natural)));
  const passedOver = [...evidences.passedOver, ...weaker];
  const { assignedTo, assignedOffer = null, paidTo } = options;
  if (assignedTo !== null) {
    // By the terms of evidence for them: no anonymous lead, which nobody need have seen.
    const theirs = known.find(({ affiliateId }) => affiliateId === assignedTo);
    const { offerId, clickId } = { offerId: theirs?.offerId ?? assignedOffer, clickId: theirs?.clickId ?? null };
    // All evidence is listed, that for the same affiliate too: the explanation is what remembers whom a code named.
    const all = ranked.map((one) =>
      pass(one, one.affiliateId === assignedTo ? 'a person decided the same' : 'a person decided otherwise'),
    );
    return {
      chosen: { by: 'assignment', value: assignedTo, affiliateId: assignedTo, offerId, clickId },
      passedOver: [...evidences.passedOver, ...all],
      outvoted: null,
      byLead: false,
    };
  }
  const byLead = natural?.by === 'anonymous_lead';
  // Orders that turned out to be one may have paid several affiliates.
  const [payee] = paidTo;
  if (payee && !paidTo.some(({ affiliateId }) => affiliateId === natural?.affiliateId)) {
    // Offer and click are those of the evidence for them, however it came; of the order as it stood, where none is left.
    const theirs = others.find(({ affiliateId }) => affiliateId === payee.affiliateId) ?? payee;
    const { affiliateId, offerId, clickId } = theirs;
    return {
      chosen: { by: 'payout', value: affiliateId, affiliateId, offerId, clickId },
      passedOver: [...evidences.passedOver, ...(natural ? [pass(natural, STAYS_PAID)] : []), ...weaker],
      outvoted: natural ?? 'nobody',
      byLead: natural === null ? payee.byLead : byLead,
    };
  }
  return { chosen: natural, passedOver, outvoted: null, byLead };
}

/** Evidence of one kind is ranked by time, clicks by the program's model; only another kind is weaker. */
function whyBehind(candidate: Candidate, natural: Candidate | null): string {
  if (candidate.by !== natural?.by) return 'weaker evidence';
  return candidate.by === 'click' ? "another click counts by the program's model" : 'later evidence of the same kind';
}

function rankForSale(
  evidences: Evidences,
  { customer }: Bindings,
  { couponFirst }: { couponFirst: boolean },
): Candidate[] {
  const own = evidences.candidates;
  if (!customer) return own;
  const stronger = ({ by }: Candidate): boolean =>
    by === 'affiliate' || by === 'click' || (by === 'coupon' && couponFirst);
  return [...own.filter(stronger), candidateOf('binding', customer), ...own.filter((one) => !stronger(one))];
}

function rankForRenewal(evidences: Evidences, { subscription, customer }: Bindings): Candidate[] {
  const bySubscription = subscription ? [candidateOf('subscription', subscription)] : [];
  const byCustomer = customer ? [candidateOf('binding', customer)] : [];
  // A person who binds the customer means the subscriptions that they have by then, too.
  const isRebound = customer?.decided !== undefined && subscription !== null && subscription.boundAt < customer.boundAt;
  return isRebound
    ? [...byCustomer, ...bySubscription, ...evidences.candidates]
    : [...bySubscription, ...byCustomer, ...evidences.candidates];
}

function candidatesOfLead({ lead }: Bindings): Candidate[] {
  if (!lead) return [];
  const { boundBy, affiliateId, offerId, clickId } = lead;
  return [{ by: 'anonymous_lead', value: clickId ?? boundBy, affiliateId, offerId, clickId }];
}

function candidateOf(by: 'subscription' | 'binding', binding: Binding): Candidate {
  const { boundBy, affiliateId, offerId, clickId } = binding;
  return { by, value: boundBy, affiliateId, offerId, clickId };
}

/** Where an order stands among others: by its payment, then by its first reference. */
export interface Standpoint {
  orderId: string;
  occurredAt: string | null;
  reference: string;
  /** Whether it has evidence of its own, beside what it is bound by. */
  hasEvidence: boolean;
}

/**
 * Whether a binding speaks for an order: never for what was bought before. For the order that made it its own evidence
 * speaks, unless it is looked at as it was before that evidence came.
 */
export function standsBefore(binding: Binding | null, order: Standpoint): binding is Binding {
  if (!binding || order.occurredAt === null) return false;
  if (binding.boundBy === order.orderId) return !order.hasEvidence;
  return isEarlier(boundWhen(binding), { occurredAt: order.occurredAt, reference: order.reference });
}

/** The newest decision of a person about whose the customer is that had begun when the order was. */
export function reboundBefore(rebindings: readonly Binding[], occurredAt: string | null): Binding | null {
  if (occurredAt === null) return null;
  return rebindings.find(({ boundAt }) => boundAt <= occurredAt) ?? null;
}

/** Where the order or fact that made a binding stands among others. */
export function boundWhen({ boundAt, boundRef }: Binding): { occurredAt: string; reference: string } {
  return { occurredAt: boundAt, reference: boundRef };
}

/** The merchant stated on the customer itself whose they are: where that binds them, it holds for all they ever bought. */
export function isByCustomerFact(binding: Binding): boolean {
  return !binding.boundBy.startsWith('cnv_');
}
