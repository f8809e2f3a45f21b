import { addDays } from '../../domain/calendar.ts';
import { bindingApplies, chooseCandidate, weighEvidence, type Binding, type Evidences } from '../rules/attribution.ts';
import { termsFor } from './bind-customers.ts';
import { claimsPayment } from './who-is-first.ts';
import type { CustomerWork } from '../orders/lock-customers.ts';
import type { OrderState } from '../rules/order-facts.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import { recordTerms, type OrderWork } from '../orders/order-work.ts';
import type { RememberedRules, ProgramRules, TermsSnapshot } from '../rules/catalog.ts';
import { draftOrder, kindOf, settle, type Draft, type SettleContext, type Target } from '../rules/commission.ts';
import { summarize, type OrderSummary } from '../rules/summarize.ts';

/** Everything that an order's settlement depends on besides its own facts, once the batch has worked it out. */
export interface OrderContext {
  customer: CustomerWork | null;
  firstPaymentAt: string | null;
  holdsCpaClaim: boolean;
  cap: CapDecision | null;
  now: string;
}

/** Credits an order, or a part of its facts, in the context of its customer. */
export function draftPart(
  order: OrderWork,
  customer: CustomerWork | null,
  state: OrderState,
): { summary: OrderSummary; draft: Draft } {
  const whole = state === order.state;
  const summary = whole ? order.summary : summarize(state, order.assumedCurrency);
  const kind = whole ? order.kind : kindOf(summary, order.firstOfSubscription);
  const evidences =
    whole && order.evidences
      ? order.evidences
      : weighEvidence(summary.evidence, summary.occurredAt ?? '', order.world, order.recorded.terms);
  const binding = customer && bindingApplies(customer.binding, summary) ? customer.binding : null;
  const choice = chooseCandidate(evidences, binding, {
    orderId: order.id,
    renewal: kind === 'renewal',
    couponFirst: order.world.program.couponFirst,
  });
  const credited = choice.chosen ?? evidences.expired;
  const terms = credited ? termsOf(order, credited, binding) : null;
  const buyer = { id: order.customerId, emails: customer?.email ? [customer.email] : [] };
  const rules = rememberRules(order.world.program, evidences, binding, terms);
  return { summary, draft: draftOrder(summary, kind, choice, evidences, terms, buyer, rules) };
}

/** The rules of the program that decided about an order: between several, by default, by calendar days. */
function rememberRules(
  program: ProgramRules,
  { candidates, passedOver, usedDefaultOffer }: Evidences,
  binding: Binding | null,
  terms: TermsSnapshot | null,
): RememberedRules | null {
  const { attributionModel, couponFirst, defaultOfferId, timezone } = program;
  const several = candidates.length + passedOver.length + (binding ? 1 : 0) > 1;
  const lasts = terms?.commission.type === 'revshare' && terms.commission.durationMonths !== null;
  if (!several && !usedDefaultOffer && !lasts) return null;
  return {
    ...(several ? { attributionModel, couponFirst } : {}),
    ...(usedDefaultOffer ? { defaultOfferId } : {}),
    ...(lasts ? { timezone } : {}),
  };
}

/**
 * Amounts without a currency, of an order that names no offer, are in that of the offer its customer is bound to. What the
 * binding itself was found by, when the order was and whose subscription it is of, does not change with it: else an
 * amount that only one of the two currencies can read would move the order's place after the places were given.
 */
export function assumeCurrency(order: OrderWork, customer: CustomerWork | null): void {
  if (order.namesOffer || !customer || !bindingApplies(customer.binding, order.summary)) return;
  const { currency } = customer.binding.terms;
  if (currency === order.assumedCurrency) return;
  order.assumedCurrency = currency;
  order.summary = { ...summarize(order.state, currency), occurredAt: order.summary.occurredAt };
}

/** Settles an order, or a part of its facts, in its context. */
export function settlePart(order: OrderWork, context: OrderContext, state: OrderState): Target {
  const { summary, draft } =
    state === order.state && order.draft
      ? { summary: order.summary, draft: order.draft }
      : draftPart(order, context.customer, state);
  return settle(summary, draft, settleContext(order, context, summary));
}

export function settleContext(order: OrderWork, context: OrderContext, summary: OrderSummary): SettleContext {
  return {
    timezone: order.world.program.timezone,
    firstPaymentAt: context.firstPaymentAt,
    holdsCpaClaim: context.holdsCpaClaim,
    capGranted: context.cap?.granted ?? true,
    approvedAt: order.recorded.approvedAt,
    paidAt: order.recorded.paidAt,
    approvableAt: approvableAt(order, summary),
    now: context.now,
    joinedByHint: order.joined !== null,
  };
}

/** The row that the settled order is stored as. */
export function settledRow(order: OrderWork, target: Target, context: OrderContext): OrderRow {
  const { summary, before, recorded, draft } = order;
  const { payment } = summary;
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
    orderId: order.orderId,
    goal: summary.goal,
    note: summary.note,
    subscription: order.subscription,
    sub1: (target.clickId === null ? null : order.world.click(target.clickId)?.sub1) ?? before?.sub1 ?? null,
    occurredAt: summary.occurredAt,
    commissionMinor: target.commissionMinor,
    commissionCurrency: target.commissionCurrency,
    terms: recordTerms(recorded.terms, draft?.terms ?? null, order.ownTerms),
    cap: context.cap,
    explanation: target.explanation,
    // Kept where there is a customer to bind; else it says nothing that the explanation does not.
    own: order.customerId === null || !order.own ? null : { ...order.own.candidate, offerId: order.own.terms.offerId },
    claimsPayment: claimsPayment(summary),
    cpaClaim: draft?.cpaClaim ?? null,
    holdDays: recorded.holdDays,
    hint: order.hint?.key ?? null,
    hintAt: order.hint?.at ?? null,
    joinedByHint: false,
    approvableAt: approvableAt(order, summary),
    approvedAt: recorded.approvedAt ?? (approved ? context.now : null),
    rejectedAt: target.status === 'rejected' ? (before?.rejectedAt ?? context.now) : null,
    paidAt: recorded.paidAt,
    createdAt: before?.createdAt ?? context.now,
    updatedAt: context.now,
  };
}

/** The end of the hold; null: only a person approves. */
function approvableAt({ recorded }: OrderWork, { occurredAt }: OrderSummary): string | null {
  return recorded.holdDays === null || occurredAt === null ? null : addDays(occurredAt, recorded.holdDays);
}

function termsOf(
  order: OrderWork,
  chosen: NonNullable<Draft['chosen']>,
  binding: Binding | null,
): TermsSnapshot | null {
  const own = order.own;
  if (own && own.terms.affiliateId === chosen.affiliateId && chosen.by !== 'binding') {
    const wanted = chosen.offerId ?? binding?.offerId ?? order.world.program.defaultOfferId;
    const bound = binding?.terms.affiliateId === chosen.affiliateId && binding.terms.offerId === wanted;
    if (!bound && own.terms.offerId === wanted) return own.terms;
  }
  return termsFor(order, chosen, binding);
}
