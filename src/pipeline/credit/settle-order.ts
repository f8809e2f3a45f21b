import { type LoadedOrder, recordTerms } from '../orders/loaded-order.ts';
import { weighEvidence } from '../rules/evidence.ts';
import { type CommissionContext, type Target, computeTarget, noTarget } from '../rules/commission.ts';
import { kindOf } from '../rules/credit.ts';
import type { FactSet } from '../rules/order-facts.ts';
import { type LedgerSum, type Targets, planPostings, planTakingBack } from '../rules/postings.ts';
import { type OrderSummary, summarize } from '../rules/summarize.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import type { CreditedOrder, SettledOrder } from './credited-order.ts';
import { isPayment } from './who-is-first.ts';
import { bindingsBefore, creditBy, holdEnd } from './credit-order.ts';

/** Everything that an order's settlement depends on besides its own facts, once the batch has worked it out. */
export interface OrderContext {
  firstPaymentAt: string | null;
  holdsCpaSlot: boolean;
  cap: CapDecision | null;
  now: string;
}

/** Settles an order in its context: its row, and the postings that bring the ledger there. */
export function settleOrder(order: CreditedOrder, context: OrderContext, targets: Targets): SettledOrder {
  // While nobody is credited, facts wait, so that the ledger shows the order's whole story once somebody is.
  const attributed = targets.all.affiliateId !== null || order.ledgerSums.length > 0;
  return {
    order,
    row: settledRow(order, targets.all, context),
    attributed,
    postings: attributed ? planAllPostings(order, targets) : [],
  };
}

/** The postings of the order, and those that take back what orders hold that turned out to be it. */
function planAllPostings(order: CreditedOrder, targets: Targets): SettledOrder['postings'] {
  const { id, ledgerSums, facts } = order;
  const stays = sumsThatStay(order, targets.all);
  const left = ledgerSums.map((sum) => ({ ...sum, amountMinor: sum.amountMinor - (stays.get(sum) ?? 0n) }));
  const own = left.filter(({ orderId }) => orderId === id);
  const taken = Map.groupBy(
    left.filter(({ orderId }) => orderId !== id),
    ({ orderId }) => orderId,
  );
  return [
    ...planPostings(own, facts, targets).map((posting) => ({ ...posting, orderId: id })),
    ...[...taken].flatMap(([orderId, sums]) => planTakingBack(sums).map((posting) => ({ ...posting, orderId }))),
  ];
}

/**
 * What stays with somebody else than the order is credited to: exactly what payouts have paid them, until a person assigned
 * the order.
 */
export function sumsThatStay(
  { ledgerSums, summary }: LoadedOrder,
  { affiliateId }: Pick<Target, 'affiliateId'>,
): Map<LedgerSum, bigint> {
  if (summary.assignedTo !== null) return new Map();
  return new Map(ledgerSums.filter((sum) => sum.affiliateId !== affiliateId).map((sum) => [sum, sum.paidMinor]));
}

/** Where an order should stand in its context, by all of its facts and by a part of them. */
export function targetsOf(order: CreditedOrder, context: OrderContext): Targets {
  return {
    all: computeTarget(order.summary, order.credit, commissionContext(order, context, order.summary)),
    after: (part) => targetAfter(order, context, part),
  };
}

function targetAfter(order: CreditedOrder, context: OrderContext, part: FactSet): Target {
  if (part.size === 0) return noTarget;
  const summary = summarize(part, order.assumedCurrency);
  const kind = kindOf(summary, order.firstOfSubscription);
  const { catalog, recorded, bindings } = order;
  const evidences = weighEvidence(summary.evidence, summary.beganAt ?? '', catalog, recorded.terms);
  const credit = creditBy(
    order,
    bindingsBefore(order, order.boundAfterwards, bindings, summary, evidences),
    summary,
    kind,
    evidences,
  );
  return computeTarget(summary, credit, commissionContext(order, context, summary));
}

export function commissionContext(
  order: CreditedOrder,
  context: OrderContext,
  summary: OrderSummary,
): CommissionContext {
  return {
    timezone: order.catalog.program.timezone,
    firstPaymentAt: context.firstPaymentAt,
    holdsCpaSlot: context.holdsCpaSlot,
    capGranted: context.cap?.granted ?? true,
    pinned: order.pinned,
    approvedAt: order.recorded.approvedAt,
    paidAt: order.recorded.paidAt,
    approvableAt: summary === order.summary ? order.approvableAt : holdEnd(order, summary),
    now: context.now,
    joinedWithoutLink: order.joined !== null,
  };
}

/** The row that the settled order is stored as. */
export function settledRow(order: CreditedOrder, target: Target, context: OrderContext): OrderRow {
  const { summary, before, recorded, credit, pairing } = order;
  const { payment } = summary;
  const isOrder = target.status !== 'adjustment';
  const approved = target.status === 'approved' || target.status === 'paid';
  return {
    id: order.id,
    programId: order.scope.programId,
    livemode: order.scope.livemode,
    mergedInto: null,
    kind: target.kind,
    status: target.status,
    reason: target.reason,
    grossMinor: payment?.grossMinor ?? 0n,
    netMinor: payment?.netMinor ?? 0n,
    refundedMinor: summary.refundedMinor,
    currency: payment?.currency ?? null,
    assumedCurrency: order.usualCurrency,
    affiliateId: target.affiliateId,
    offerId: target.offerId,
    clickId: target.clickId,
    customerId: order.customerId,
    reference: order.reference,
    refs: before ? before.refs : order.refs,
    orderId: order.orderId,
    goal: summary.goal,
    note: summary.note,
    subscription: order.subscription,
    sub1: (target.clickId === null ? null : order.catalog.click(target.clickId)?.sub1) ?? before?.sub1 ?? null,
    occurredAt: summary.occurredAt,
    countedAt: summary.countedAt === summary.occurredAt ? null : summary.countedAt,
    commissionMinor: target.commissionMinor,
    commissionCurrency: target.commissionCurrency,
    terms: recordTerms(recorded.terms, credit.terms, order.ownTerms),
    cap: context.cap,
    explanation: target.explanation,
    // Kept where there is a customer to bind; else it says nothing that the explanation does not.
    own: order.customerId === null || !order.own ? null : { ...order.own.candidate, offerId: order.own.terms.offerId },
    bindsSubscription: order.bindsSubscription,
    isPayment: isPayment(summary),
    cpaSlot: credit.cpaSlot,
    ranksLast: credit.ranksLast,
    holdDays: isOrder ? recorded.holdDays : null,
    pairingKey: pairing?.key ?? null,
    pairingAt: pairing?.at ?? null,
    joinedWithoutLink: false,
    review: target.review && { ...target.review, since: before?.review?.since ?? context.now },
    approvableAt: isOrder ? order.approvableAt : null,
    approvedAt: recorded.approvedAt ?? (approved ? context.now : null),
    rejectedAt: target.status === 'rejected' ? (before?.rejectedAt ?? context.now) : null,
    paidAt: recorded.paidAt,
    createdAt: before?.createdAt ?? context.now,
    updatedAt: context.now,
  };
}
