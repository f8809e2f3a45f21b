import { addDays } from '../../domain/calendar.ts';
import { recordTerms, type LoadedOrder } from '../orders/loaded-order.ts';
import {
  bindingApplies,
  chooseCandidate,
  weighEvidence,
  type Binding,
  type Candidate,
  type Evidences,
} from '../rules/attribution.ts';
import type { ProgramRules, RememberedRules, TermsSnapshot } from '../rules/catalog.ts';
import {
  computeTarget,
  creditSummary,
  kindOf,
  noTarget,
  type CommissionContext,
  type Credit,
  type OrderKind,
  type Target,
} from '../rules/commission.ts';
import type { FactSet } from '../rules/order-facts.ts';
import { planPostings, type Targets } from '../rules/postings.ts';
import { summarize, type OrderSummary } from '../rules/summarize.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import { termsFor } from './bind-customers.ts';
import type { BoundCustomer, CreditedOrder, SettledOrder, WeighedOrder } from './credited-order.ts';
import { isPayment } from './who-is-first.ts';

/** Everything that an order's settlement depends on besides its own facts, once the batch has worked it out. */
export interface OrderContext {
  customer: BoundCustomer | null;
  firstPaymentAt: string | null;
  holdsCpaSlot: boolean;
  cap: CapDecision | null;
  now: string;
}

/** Credits an order by its own evidence and its customer's binding. */
export function creditOrder(order: WeighedOrder, customer: BoundCustomer | null): CreditedOrder {
  const { assumedCurrency, summary } = assumeCurrency(order, customer);
  const known = { ...order, assumedCurrency, summary };
  return { ...known, credit: credit(known, customer, summary, order.kind, order.evidences) };
}

/**
 * Amounts without a currency, of an order that names no offer, are in that of the offer its customer is bound to. What the
 * binding itself was found by (when the order was, and of which subscription) does not change with it: else an amount that
 * only one of the two currencies can read would change who is first after that was decided.
 */
function assumeCurrency(
  { namesOffer, assumedCurrency, summary, facts }: WeighedOrder,
  customer: BoundCustomer | null,
): Pick<WeighedOrder, 'assumedCurrency' | 'summary'> {
  const binding = customer?.binding ?? null;
  if (namesOffer || !bindingApplies(binding, summary)) return { assumedCurrency, summary };
  const { currency } = binding.terms;
  if (currency === assumedCurrency) return { assumedCurrency, summary };
  return { assumedCurrency: currency, summary: { ...summarize(facts, currency), occurredAt: summary.occurredAt } };
}

/** Credits what a summary of the order's facts, all of them or a part, says. */
function credit(
  order: WeighedOrder,
  customer: BoundCustomer | null,
  summary: OrderSummary,
  kind: OrderKind | null,
  evidences: Evidences,
): Credit {
  const { program } = order.catalog;
  const binding = customer && bindingApplies(customer.binding, summary) ? customer.binding : null;
  const choice = chooseCandidate(evidences, binding, {
    orderId: order.id,
    renewal: kind === 'renewal',
    couponFirst: program.couponFirst,
  });
  const credited = choice.chosen ?? evidences.expired;
  const terms = credited ? termsOf(order, credited, binding) : null;
  const buyer = { id: order.customerId, emails: customer?.email ? [customer.email] : [] };
  const rules = rememberRules(program, evidences, binding, terms);
  return creditSummary(summary, kind, choice, evidences, terms, buyer, rules);
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

function termsOf(order: WeighedOrder, chosen: Candidate, binding: Binding | null): TermsSnapshot | null {
  const { own } = order;
  if (own && own.terms.affiliateId === chosen.affiliateId && chosen.by !== 'binding') {
    const wanted = chosen.offerId ?? binding?.offerId ?? order.catalog.program.defaultOfferId;
    const bound = binding?.terms.affiliateId === chosen.affiliateId && binding.terms.offerId === wanted;
    if (!bound && own.terms.offerId === wanted) return own.terms;
  }
  return termsFor(order, chosen, binding);
}

/** Settles an order in its context: its row, and the postings that bring the ledger there. */
export function settleOrder(order: CreditedOrder, context: OrderContext, targets: Targets): SettledOrder {
  // While nobody is credited, facts wait, so that the ledger shows the order's whole story once somebody is.
  const attributed = targets.all.affiliateId !== null || order.ledgerSums.length > 0;
  return {
    order,
    row: settledRow(order, targets.all, context),
    attributed,
    postings: attributed ? planPostings(order.ledgerSums, order.facts, targets) : [],
  };
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
  const { catalog, recorded } = order;
  const evidences = weighEvidence(summary.evidence, summary.occurredAt ?? '', catalog, recorded.terms);
  const partly = credit(order, context.customer, summary, kind, evidences);
  return computeTarget(summary, partly, commissionContext(order, context, summary));
}

export function commissionContext(order: LoadedOrder, context: OrderContext, summary: OrderSummary): CommissionContext {
  return {
    timezone: order.catalog.program.timezone,
    firstPaymentAt: context.firstPaymentAt,
    holdsCpaSlot: context.holdsCpaSlot,
    capGranted: context.cap?.granted ?? true,
    approvedAt: order.recorded.approvedAt,
    paidAt: order.recorded.paidAt,
    approvableAt: approvableAt(order, summary),
    now: context.now,
    joinedWithoutLink: order.joined !== null,
  };
}

/** The row that the settled order is stored as. */
export function settledRow(order: CreditedOrder, target: Target, context: OrderContext): OrderRow {
  const { summary, before, recorded, credit, pairing } = order;
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
    sub1: (target.clickId === null ? null : order.catalog.click(target.clickId)?.sub1) ?? before?.sub1 ?? null,
    occurredAt: summary.occurredAt,
    commissionMinor: target.commissionMinor,
    commissionCurrency: target.commissionCurrency,
    terms: recordTerms(recorded.terms, credit.terms, order.ownTerms),
    cap: context.cap,
    explanation: target.explanation,
    // Kept where there is a customer to bind; else it says nothing that the explanation does not.
    own: order.customerId === null || !order.own ? null : { ...order.own.candidate, offerId: order.own.terms.offerId },
    isPayment: isPayment(summary),
    cpaSlot: credit.cpaSlot,
    holdDays: recorded.holdDays,
    pairingKey: pairing?.key ?? null,
    pairingAt: pairing?.at ?? null,
    joinedWithoutLink: false,
    approvableAt: approvableAt(order, summary),
    approvedAt: recorded.approvedAt ?? (approved ? context.now : null),
    rejectedAt: target.status === 'rejected' ? (before?.rejectedAt ?? context.now) : null,
    paidAt: recorded.paidAt,
    createdAt: before?.createdAt ?? context.now,
    updatedAt: context.now,
  };
}

/** The end of the hold; null: only a person approves. */
function approvableAt({ recorded }: LoadedOrder, { occurredAt }: OrderSummary): string | null {
  return recorded.holdDays === null || occurredAt === null ? null : addDays(occurredAt, recorded.holdDays);
}
