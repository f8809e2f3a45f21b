import { addMonths, localDay } from '../../domain/calendar.ts';
import type { FactOf } from '../../domain/facts.ts';
import { applyRate } from '../../domain/money.ts';
import type { NotTrackedReason } from '../../domain/outcomes.ts';
import type { EvidenceKind, NamedOffer, PassedOver } from './evidence.ts';
import type { RememberedRules, TermsSnapshot } from './catalog.ts';
import { type Review, openReview } from './review.ts';
import type { Corrected, Decided } from './payment.ts';
import type { OrderSummary } from './summarize.ts';
import { type Credit, type OrderKind, isPayable } from './credit.ts';

export type OrderStatus =
  | 'waiting'
  | 'pending'
  | 'approved'
  | 'paid'
  | 'rejected'
  | 'reversed'
  | 'parked'
  | 'not_tracked'
  | 'merged'
  /** No conversion, and nothing that could move: what a person added to a balance, or took from it. */
  | 'adjustment';

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
    /** A person stated the amount; absent: only its documents did. */
    corrected?: Corrected;
  } | null;
  /** The person who decided whose it is; absent: evidence did. */
  decided?: Decided;
  /** Of an adjustment; absent: it is none. */
  adjustment?: { reason: string; reference: string | null; by: string };
  rule: string;
  flags: string[];
}

/** Where the order should stand. Pure: the same facts and context give the same target, whoever asks. */
export function computeTarget(summary: OrderSummary, credit: Credit, context: CommissionContext): Target {
  const { kind, terms } = credit;
  if (summary.adjustment) return targetOfAdjustment(summary.adjustment);
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

/** Due at once: who may write decided it. It can be taken back by another one only. */
function targetOfAdjustment({ affiliateId, amount, reason, reference, by }: FactOf<'adjustment'>): Target {
  return {
    ...noTarget,
    status: 'adjustment',
    affiliateId,
    commissionMinor: BigInt(amount.minor),
    commissionCurrency: amount.currency,
    explanation: {
      chosen: null,
      passedOver: [],
      amounts: null,
      adjustment: { reason, reference, by },
      rule: 'adjustment: as a person decided',
      flags: [],
    },
  };
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
      ...(payment.corrected ? { corrected: payment.corrected } : null),
    },
    ...(credit.decided ? { decided: credit.decided } : null),
    rule,
    flags: [...summary.flags, ...credit.flags, ...(context.joinedWithoutLink ? ['joined_without_link'] : [])],
  };
}
