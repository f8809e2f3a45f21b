import { addMonths, localDay } from '../../domain/calendar.ts';
import { mailboxOf, organizationOf } from '../../domain/email.ts';
import { applyRate } from '../../domain/money.ts';
import type { NotTrackedReason } from '../../domain/outcomes.ts';
import type { Candidate, Choice, EvidenceKind, Evidences, NamedOffer, PassedOver } from './attribution.ts';
import type { RememberedRules, TermsSnapshot } from './catalog.ts';
import { groundOf, openReview, type Ground, type Review } from './review.ts';
import type { OrderSummary } from './summarize.ts';

export type OrderKind = 'sale' | 'renewal' | 'lead' | 'action';
export type OrderStatus =
  | 'waiting'
  | 'pending'
  | 'approved'
  | 'paid'
  | 'rejected'
  | 'reversed'
  | 'parked'
  | 'not_tracked'
  | 'merged';

/** Who is first, and what was decided before: all that an order's commission depends on besides its own facts. */
export interface CommissionContext {
  timezone: string;
  /** The instant of the customer's first payment since they were bound; the order's own where no customer is known. */
  firstPaymentAt: string | null;
  /** Whether this order is the first, by (ranksLast, countedAt, reference), to ask for its CPA slot. */
  holdsCpaSlot: boolean;
  /** The recorded decision of the daily cap, where one was needed. */
  capGranted: boolean;
  /** It was told of without a key and is in a payout: what others of its kind say displaces it no more. */
  pinned: boolean;
  /** Recorded instants of the commission's life. */
  approvedAt: string | null;
  paidAt: string | null;
  /** The end of the hold, as recorded when the order was first settled; null: only a person approves. */
  approvableAt: string | null;
  /** The present, against which the hold is measured. */
  now: string;
  /** A payment and an invoice that nothing links were taken for one order. */
  joinedWithoutLink: boolean;
}

/** An order's kind and whom it is credited to, before it is compared with other orders. */
export interface Credit {
  kind: OrderKind | null;
  chosen: Candidate | null;
  passedOver: PassedOver[];
  terms: TermsSnapshot | null;
  /** Why nothing is paid, as far as this order alone can tell. */
  reason: NotTrackedReason | 'no_attribution' | null;
  /** The CPA slot that the order asks for. */
  cpaSlot: string | null;
  offer: NamedOffer | null;
  rules: RememberedRules | null;
  /** What a person has to decide before anybody is paid. */
  grounds: Ground[];
  flags: string[];
  /** Nothing but an anonymous lead credits it. */
  byLead: boolean;
  /** So, or told of without a key: it takes places after all others. */
  ranksLast: boolean;
}

/** Where an order's conversion and commission should stand. */
export interface Target {
  kind: OrderKind | null;
  status: OrderStatus;
  reason: string | null;
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  review: Review | null;
  explanation: Explanation | null;
}

/** Why this affiliate, why this amount; the terms stand beside it, recorded with the order. Shown by GET /conversions/:id. */
export interface Explanation {
  chosen: { by: EvidenceKind; value: string; affiliateId: string } | null;
  passedOver: PassedOver[];
  /** The offer that was named, and the rules of the program that decided; absent where none did. */
  offer?: NamedOffer;
  rules?: RememberedRules;
  amounts: {
    currency: string;
    grossMinor: number;
    netMinor: number;
    refundedMinor: number;
    disputedMinor: number;
    remainingMinor: number;
    document: string;
  } | null;
  rule: string;
  flags: string[];
}

const leadGoals: ReadonlySet<string> = new Set(['lead', 'registration', 'signup']);

/** What the facts make of the order; null while they say nothing that counts (a refund that came before its sale). */
export function kindOf(summary: OrderSummary, firstOfSubscription: boolean): OrderKind | null {
  if (summary.phase === 'recurring') return 'renewal';
  if (summary.payment) return summary.phase === 'subscription' && !firstOfSubscription ? 'renewal' : 'sale';
  if (summary.sale || summary.imported) return 'sale';
  if (isPayable(summary)) return leadGoals.has(summary.goal ?? '') ? 'lead' : 'action';
  if (summary.lead || summary.tracker === 'lead') return 'lead';
  return summary.tracker === null ? null : 'action';
}

/** Who bought, as the customer is known beside the order. */
export interface Buyer {
  id: string | null;
  emails: string[];
}

/** Credits an order, and says which CPA slot it asks for. `terms` are those of the chosen affiliate and offer. */
export function creditSummary(
  summary: OrderSummary,
  kind: OrderKind | null,
  choice: Pick<Choice, 'chosen' | 'passedOver' | 'byLead'>,
  { expired, offer }: Pick<Evidences, 'expired' | 'offer'>,
  terms: TermsSnapshot | null,
  buyer: Buyer,
  rules: RememberedRules | null,
  { banned, grounds }: { banned: boolean; grounds: Ground[] },
): Credit {
  const emails = [...summary.emails, ...buyer.emails];
  const reason = kind === null ? null : reasonOf(summary, choice.chosen ?? expired, expired, terms, emails, banned);
  const sharedDomains = terms && reason === null ? sharedOrganizations(terms, emails) : [];
  const tooLate = choice.chosen === null && reason === 'outside_window' ? expired : null;
  const credit: Credit = {
    kind,
    chosen: choice.chosen ?? tooLate,
    // The click for which the order is known, though it came too late, is not passed over as well.
    passedOver: choice.passedOver.filter(({ by, value }) => by !== tooLate?.by || value !== tooLate.value),
    terms,
    reason,
    cpaSlot: null,
    offer,
    rules,
    grounds: [...grounds, ...groundsOf(summary, sharedDomains, rules)],
    flags: sharedDomains.length > 0 ? ['same_domain'] : [],
    byLead: choice.byLead,
    ranksLast: choice.byLead || summary.keyless,
  };
  if (asksForCpaSlot(summary, credit)) credit.cpaSlot = cpaSlotOf(credit, buyer.id, summary.goal);
  return credit;
}

/** Where the order should stand. Pure: the same facts and context give the same target, whoever asks. */
export function computeTarget(summary: OrderSummary, credit: Credit, context: CommissionContext): Target {
  const { kind, terms } = credit;
  if (kind === null) return noTarget;
  const limit = context.pinned ? null : limitReason(summary, credit, context);
  const reason = summary.imported ? 'imported' : (credit.reason ?? limit);
  const computed = reason === null && terms ? commissionOf(summary, terms) : { amountMinor: 0n, rule: '' };
  const rejected = summary.tracker === 'rejected' || summary.decision?.status === 'rejected';
  // Where there is nothing to pay there is nothing to decide.
  const earns = ['pending', 'approved', 'paid'].includes(statusOf(summary, reason, rejected, false, context));
  const review = earns ? openReview(credit.grounds, summary.settledGrounds) : null;
  const status = statusOf(summary, reason, rejected, review !== null, context);
  const nothing = reason !== null || status === 'rejected' || rejected;
  return {
    kind,
    status,
    reason: status === 'rejected' ? (summary.decision?.reason ?? 'rejected') : reason,
    affiliateId: credit.chosen?.affiliateId ?? null,
    offerId: terms?.offerId ?? credit.chosen?.offerId ?? null,
    clickId: credit.chosen?.clickId ?? null,
    commissionMinor: nothing ? 0n : computed.amountMinor,
    commissionCurrency: terms ? commissionCurrency(summary, terms) : null,
    review,
    explanation: explain(summary, credit, context, reason ?? (rejected ? 'rejected' : computed.rule)),
  };
}

/** Whether the order would earn something if no cap held it back: only then it takes one of the day's slots. */
export function needsCapSlot(summary: OrderSummary, credit: Credit, context: CommissionContext): boolean {
  if (!credit.terms || credit.terms.dailyCap === 0 || credit.reason !== null || credit.kind === null) return false;
  if (summary.imported) return false;
  if (summary.tracker === 'rejected' || summary.decision?.status === 'rejected') return false;
  if (limitReason(summary, credit, { ...context, capGranted: true }) !== null) return false;
  return isPayable(summary);
}

/** Nothing that counts is known of the order yet: a refund that came before its sale, say. */
export const noTarget: Target = {
  kind: null,
  status: 'waiting',
  reason: null,
  affiliateId: null,
  offerId: null,
  clickId: null,
  commissionMinor: 0n,
  commissionCurrency: null,
  review: null,
  explanation: null,
};

function reasonOf(
  summary: OrderSummary,
  credited: Candidate | null,
  expired: Candidate | null,
  terms: TermsSnapshot | null,
  buyerEmails: string[],
  banned: boolean,
): Credit['reason'] {
  if (summary.tracker === 'unknown' && !isPayable(summary) && !summary.lead) return 'unknown_status';
  if (!credited) return 'no_attribution';
  if (credited === expired) return 'outside_window';
  if (!terms) return 'offer_not_active';
  if (!terms.affiliateActive || banned) return 'affiliate_not_active';
  if (!terms.offerActive) return 'offer_not_active';
  if (isSelfReferral(terms, buyerEmails)) return 'self_referral';
  if (summary.payment || summary.imported || !isPayable(summary)) return null;
  // Money was paid, but nobody can say how much: not even a fixed amount is due on that.
  if (summary.sale) return 'amount_invalid';
  return terms.commission.type === 'cpa' ? null : 'amount_required';
}

/** Whether the buyer is the affiliate: by the mailboxes that their addresses lead to. */
export function isSelfReferral(terms: TermsSnapshot, buyerEmails: readonly string[]): boolean {
  if (buyerEmails.length === 0) return false;
  const buyers = new Set(buyerEmails.map(mailboxOf));
  return terms.affiliateEmails.some((email) => buyers.has(mailboxOf(email)));
}

/** Domains at which both buyer and affiliate have an address, those of public mail providers left out. */
export function sharedOrganizations(terms: TermsSnapshot, buyerEmails: readonly string[]): string[] {
  // Most buyers have no e-mail here, and this is asked of every order.
  if (buyerEmails.length === 0) return [];
  const affiliates = new Set(terms.affiliateEmails.flatMap((email) => organizationOf(email) ?? []));
  const buyers = new Set(buyerEmails.flatMap((email) => organizationOf(email) ?? []));
  return [...buyers].filter((domain) => affiliates.has(domain)).sort();
}

function groundsOf(summary: OrderSummary, sharedDomains: string[], rules: RememberedRules | null): Ground[] {
  const grounds: Ground[] = [];
  if (summary.incomparable.length > 0) grounds.push(groundOf('currency_mismatch', summary.incomparable));
  if (sharedDomains.length > 0 && rules?.sameDomain === 'review') grounds.push(groundOf('same_domain', sharedDomains));
  return grounds;
}

/** Whether somebody said that there is something to pay for: more than a lead, and not in words that nobody maps. */
function isPayable(summary: OrderSummary): boolean {
  return (
    summary.sale || summary.imported || summary.action || ['hold', 'sale', 'rejected'].includes(summary.tracker ?? '')
  );
}

function asksForCpaSlot(summary: OrderSummary, credit: Credit): boolean {
  if (credit.reason !== null || credit.terms?.commission.type !== 'cpa' || credit.kind === 'renewal') return false;
  // An order of which nothing remains gives its place to the next; a dispute that is won takes it again.
  if (summary.nothingRemains) return false;
  return isPayable(summary) && summary.tracker !== 'rejected' && summary.decision?.status !== 'rejected';
}

/** CPA pays once per customer and offer; where no customer is known, once per click, offer and goal. */
function cpaSlotOf(credit: Credit, customerId: string | null, goal: string | null): string | null {
  const offerId = credit.terms?.offerId ?? '';
  if (customerId !== null) return `customer:${customerId}:${offerId}`;
  const clickId = credit.chosen?.clickId ?? null;
  return clickId === null ? null : `click:${clickId}:${offerId}:${goal ?? ''}`;
}

function limitReason(summary: OrderSummary, credit: Credit, context: CommissionContext): NotTrackedReason | null {
  const { kind, terms } = credit;
  if (!terms || kind === null || !isPayable(summary)) return null;
  const { commission } = terms;
  if (commission.type !== 'revshare' && kind === 'renewal') return 'renewal_not_paid';
  if (commission.type === 'cpa' && credit.cpaSlot !== null && !context.holdsCpaSlot) {
    return credit.cpaSlot.startsWith('customer:') ? 'cpa_customer_limit' : 'cpa_click_limit';
  }
  if (commission.type === 'revshare' && commission.durationMonths !== null && summary.payment) {
    const first = localDay(context.firstPaymentAt ?? summary.payment.countedAt, context.timezone);
    const end = addMonths(first, commission.durationMonths);
    if (localDay(summary.payment.countedAt, context.timezone) >= end) return 'max_duration';
  }
  return context.capGranted ? null : 'cap_exceeded';
}

function commissionOf(summary: OrderSummary, terms: TermsSnapshot): { amountMinor: bigint; rule: string } {
  const { commission } = terms;
  if (!isPayable(summary)) return { amountMinor: 0n, rule: 'a lead earns nothing by itself' };
  if (commission.type === 'cpa') {
    const amountMinor = summary.nothingRemains ? 0n : BigInt(commission.amountMinor);
    return { amountMinor, rule: 'cpa: fixed amount, until nothing of the payment remains' };
  }
  const amountMinor = applyRate(summary.remainingMinor, BigInt(commission.rateBps));
  return { amountMinor, rule: `${commission.type}: ${commission.rateBps} bps of what remains of net` };
}

function commissionCurrency(summary: OrderSummary, terms: TermsSnapshot): string {
  return terms.commission.type === 'cpa' ? terms.currency : (summary.payment?.currency ?? terms.currency);
}

function statusOf(
  summary: OrderSummary,
  reason: string | null,
  rejected: boolean,
  inReview: boolean,
  context: CommissionContext,
): OrderStatus {
  if (context.paidAt !== null) return 'paid';
  if (reason === 'no_attribution') return 'parked';
  if (reason !== null) return 'not_tracked';
  if (rejected) return 'rejected';
  if (summary.nothingRemains) return 'reversed';
  // A lead is open, and so is what a tracker holds, unless somebody else has called it a sale.
  const due = summary.sale || summary.action || summary.tracker === 'sale';
  if (!due) return 'pending';
  if (summary.decision?.status === 'approved') return 'approved';
  // While a review lasts nothing is approved by time, and what only time approved waits again.
  if (inReview) return 'pending';
  const held = context.approvableAt === null || context.approvableAt > context.now;
  return context.approvedAt !== null || !held ? 'approved' : 'pending';
}

function explain(summary: OrderSummary, credit: Credit, context: CommissionContext, rule: string): Explanation {
  const { payment } = summary;
  return {
    chosen: credit.chosen && {
      by: credit.chosen.by,
      value: credit.chosen.value,
      affiliateId: credit.chosen.affiliateId,
    },
    passedOver: credit.passedOver,
    ...(credit.offer ? { offer: credit.offer } : null),
    ...(credit.rules ? { rules: credit.rules } : null),
    amounts: payment && {
      currency: payment.currency,
      grossMinor: Number(payment.grossMinor),
      netMinor: Number(payment.netMinor),
      refundedMinor: Number(summary.refundedMinor),
      disputedMinor: Number(summary.disputedMinor),
      remainingMinor: Number(summary.remainingMinor),
      document: payment.document,
    },
    rule,
    flags: [...summary.flags, ...credit.flags, ...(context.joinedWithoutLink ? ['joined_without_link'] : [])],
  };
}
