import { addDays } from '../../domain/calendar.ts';
import { recordTerms, type LoadedOrder } from '../orders/loaded-order.ts';
import {
  chooseCandidate,
  noBindings,
  standsBefore,
  weighEvidence,
  type Binding,
  type Bindings,
  type Candidate,
  type Choice,
  type EvidenceKind,
  type Evidences,
  type PaidTo,
} from '../rules/attribution.ts';
import type { ProgramRules, RememberedRules, TermsSnapshot } from '../rules/catalog.ts';
import {
  computeTarget,
  creditSummary,
  kindOf,
  noTarget,
  sharedOrganizations,
  type CommissionContext,
  type Credit,
  type OrderKind,
  type Target,
} from '../rules/commission.ts';
import type { FactSet } from '../rules/order-facts.ts';
import { groundOf, type Ground } from '../rules/review.ts';
import { planPostings, planTakingBack, type LedgerSum, type Targets } from '../rules/postings.ts';
import { summarize, type OrderSummary } from '../rules/summarize.ts';
import type { CapDecision, OrderRow } from '../rows/order-rows.ts';
import type { CreditedOrder, SettledOrder, WeighedOrder } from './credited-order.ts';
import { isBanned, mayBind, termsFor } from './terms.ts';
import { isPayment } from './who-is-first.ts';

/** Everything that an order's settlement depends on besides its own facts, once the batch has worked it out. */
export interface OrderContext {
  firstPaymentAt: string | null;
  holdsCpaSlot: boolean;
  cap: CapDecision | null;
  now: string;
}

/** An order with all that its credit follows from. */
type KnownOrder = Omit<CreditedOrder, 'credit' | 'bindsSubscription' | 'approvableAt'>;

/** Credits an order by its own evidence and what it is bound by. */
export function creditOrder(order: WeighedOrder, bindings: Bindings, boundAfterwards = false): CreditedOrder {
  const standing = bindingsBefore(order, boundAfterwards, bindings, order.summary, order.evidences);
  const { assumedCurrency, summary } = assumeCurrency(order, standing);
  const { own, ownTerms } = attributeByOwnEvidence(order, standing);
  const known = { ...order, own, ownTerms, bindings, boundAfterwards, assumedCurrency, summary };
  const credit = creditBy(known, standing, summary, order.kind, order.evidences);
  // `known` is new here and nobody else's: it becomes the credited order without another copy of its many fields.
  return Object.assign(known, {
    credit,
    bindsSubscription: bindsSubscription(known, credit),
    approvableAt: holdEnd(order, summary),
  });
}

/**
 * The bindings that speak for an order, or for a part of its facts: those that stand before it. What only a browser told of
 * is the lead's own, or nobody's.
 */
function bindingsBefore(
  { id, reference, facts }: WeighedOrder,
  boundAfterwards: boolean,
  { subscription, customer, lead }: Bindings,
  { countedAt, anonymous }: OrderSummary,
  { candidates }: Evidences,
): Bindings {
  if (anonymous) return { ...noBindings, lead: lead && facts.has(lead.boundBy) ? lead : null };
  const order = { orderId: id, occurredAt: countedAt, reference, hasEvidence: candidates.length > 0 };
  return {
    subscription: standsBefore(subscription, order) ? subscription : null,
    customer: boundAfterwards || standsBefore(customer, order) ? customer : null,
    lead: standsBefore(lead, order) ? lead : null,
  };
}

/** The order's own attribution: its strongest own evidence, if it may be paid for. A renewal has one where nothing binds it. */
function attributeByOwnEvidence(
  order: WeighedOrder,
  { subscription, customer }: Bindings,
): Pick<CreditedOrder, 'own' | 'ownTerms'> {
  const [candidate] = order.evidences.candidates;
  const bound = subscription !== null || customer !== null;
  if (!candidate || order.kind === null || (order.kind === 'renewal' && bound)) return { own: null, ownTerms: null };
  const ownTerms = termsFor(order, candidate, null);
  if (!ownTerms) return { own: null, ownTerms };
  const emails = [...order.summary.emails, ...order.buyerEmails];
  const binds = mayBind(ownTerms, emails, order.summary.countedAt, order.catalog);
  return { own: binds ? { candidate, terms: ownTerms } : null, ownTerms };
}

function bindsSubscription(order: KnownOrder, { kind, chosen, terms }: Credit): boolean {
  if (order.subscription === null || kind === null || !terms || !chosen || chosen.by === 'subscription') return false;
  // What a payout or a later fact about the customer decided of one order says nothing about the others.
  if (chosen.by === 'payout' || chosen.by === 'anonymous_lead' || (chosen.by === 'binding' && order.boundAfterwards))
    return false;
  if (chosen === order.evidences.expired) return false;
  return mayBind(terms, [...order.summary.emails, ...order.buyerEmails], order.summary.countedAt, order.catalog);
}

/**
 * Amounts without a currency, of an order that names no offer, are in that of the offer its customer is bound to. What the
 * binding itself was found by (when the order was, and of which subscription) does not change with it: else an amount that
 * only one of the two currencies can read would change who is first after that was decided.
 */
function assumeCurrency(
  { namesOffer, pinned, assumedCurrency, summary, facts }: WeighedOrder,
  { subscription, customer }: Bindings,
): Pick<WeighedOrder, 'assumedCurrency' | 'summary'> {
  const binding = customer ?? subscription;
  if (namesOffer || pinned || !binding) return { assumedCurrency, summary };
  const { currency } = binding.terms;
  if (currency === assumedCurrency) return { assumedCurrency, summary };
  const { occurredAt, countedAt, beganAt } = summary;
  return { assumedCurrency: currency, summary: { ...summarize(facts, currency), occurredAt, countedAt, beganAt } };
}

/** Credits what a summary of the order's facts, all of them or a part, says. */
function creditBy(
  order: KnownOrder,
  bindings: Bindings,
  summary: OrderSummary,
  kind: OrderKind | null,
  evidences: Evidences,
): Credit {
  const { catalog, paidTo, pinned } = order;
  const { assignedTo } = order.summary;
  const natural = chooseCandidate(evidences, bindings, {
    renewal: kind === 'renewal',
    couponFirst: catalog.program.couponFirst,
    assignedTo,
    paidTo: pinned ? [] : paidTo,
  });
  const choice = pinned && assignedTo === null ? stayWith(paidTo, natural) : natural;
  const credited = choice.chosen ?? evidences.expired;
  const terms = credited ? termsOf(order, credited, bindingBy(credited.by, bindings)) : null;
  const buyer = { id: order.customerId, emails: order.buyerEmails };
  const rules = rememberRules(catalog.program, evidences, bindings, terms, [...summary.emails, ...order.buyerEmails]);
  const banned = credited !== null && isBanned(credited.affiliateId, summary.countedAt, catalog);
  return creditSummary(summary, kind, choice, evidences, terms, buyer, rules, {
    banned,
    grounds: groundsAround(order, summary, choice),
  });
}

/** What was said without a key and is paid stays with whom it was paid and by what: nobody is asked about more of the same. */
function stayWith(paidTo: readonly PaidTo[], natural: Choice): Choice {
  const { chosen } = natural;
  const [payee] = paidTo;
  const isPaid = paidTo.some(
    ({ affiliateId, offerId, clickId }) =>
      chosen?.affiliateId === affiliateId && [null, offerId].includes(chosen.offerId) && chosen.clickId === clickId,
  );
  if (!payee || isPaid) return natural;
  const { affiliateId, offerId, clickId } = payee;
  return { ...natural, chosen: { by: 'payout', value: affiliateId, affiliateId, offerId, clickId }, outvoted: null };
}

/** The terms by which a payout paid it. */
function paidTerms({ paidTo, recorded }: LoadedOrder, { affiliateId }: Candidate): TermsSnapshot | null {
  const paid = paidTo.find((one) => one.affiliateId === affiliateId);
  if (!paid) return null;
  return recorded.terms.find((one) => one.affiliateId === affiliateId && one.offerId === paid.offerId) ?? null;
}

function bindingBy(by: EvidenceKind, { subscription, customer, lead }: Bindings): Binding | null {
  return by === 'subscription' ? subscription : by === 'anonymous_lead' ? lead : customer;
}

/** What a person has to decide, as far as it lies beside the facts: whom payouts paid, and orders joined by their amount. */
function groundsAround(
  { paidTo, joined, catalog, recorded }: LoadedOrder,
  summary: OrderSummary,
  { chosen, outvoted }: Choice,
): Ground[] {
  const keeper = chosen?.affiliateId ?? '';
  const others = new Set(paidTo.map(({ affiliateId }) => affiliateId).filter((one) => one !== keeper));
  // What a person assigned is taken back from all others.
  const grounds = summary.assignedTo === null ? [...others].map((one) => paidToAnother(keeper, 'paid', one)) : [];
  if (outvoted !== null) {
    grounds.push(paidToAnother(keeper, 'named', outvoted === 'nobody' ? outvoted : outvoted.affiliateId));
  }
  if (!joined) return grounds;
  const [own, theirs] = [false, true].map((other) => {
    const items = summary.evidence.filter(({ factId }) => joined.factIds.has(factId) === other);
    return weighEvidence(items, summary.beganAt ?? '', catalog, recorded.terms).candidates[0]?.affiliateId;
  });
  if (own !== undefined && theirs !== undefined && own !== theirs) {
    grounds.push(groundOf('joined_affiliates_differ', [own, theirs].sort()));
  }
  return grounds;
}

/** By affiliates alone: which of the orders that turned out to be one stands for them depends on what came first. */
function paidToAnother(keeper: string, why: 'paid' | 'named', other: string): Ground {
  return groundOf('paid_to_another', [keeper, why, other]);
}

/** The rules of the program that decided about an order: between several, by default, by calendar days. */
function rememberRules(
  program: ProgramRules,
  { candidates, passedOver, usedDefaultOffer }: Evidences,
  { subscription, customer }: Bindings,
  terms: TermsSnapshot | null,
  buyerEmails: string[],
): RememberedRules | null {
  const { attributionModel, couponFirst, defaultOfferId, timezone, sameDomain } = program;
  const several = candidates.length + passedOver.length + (customer ? 1 : 0) + (subscription ? 1 : 0) > 1;
  const shared = terms !== null && sharedOrganizations(terms, buyerEmails).length > 0;
  const lasts = terms?.commission.type === 'revshare' && terms.commission.durationMonths !== null;
  if (!several && !usedDefaultOffer && !lasts && !shared) return null;
  return {
    ...(several ? { attributionModel, couponFirst } : {}),
    ...(usedDefaultOffer ? { defaultOfferId } : {}),
    ...(lasts ? { timezone } : {}),
    ...(shared ? { sameDomain } : {}),
  };
}

function termsOf(order: KnownOrder, chosen: Candidate, binding: Binding | null): TermsSnapshot | null {
  const { own } = order;
  const paid = order.pinned ? paidTerms(order, chosen) : null;
  if (paid) return paid;
  if (own && own.terms.affiliateId === chosen.affiliateId && chosen.by !== 'binding' && chosen.by !== 'subscription') {
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
    holdDays: recorded.holdDays,
    pairingKey: pairing?.key ?? null,
    pairingAt: pairing?.at ?? null,
    joinedWithoutLink: false,
    review: target.review && { ...target.review, since: before?.review?.since ?? context.now },
    approvableAt: order.approvableAt,
    approvedAt: recorded.approvedAt ?? (approved ? context.now : null),
    rejectedAt: target.status === 'rejected' ? (before?.rejectedAt ?? context.now) : null,
    paidAt: recorded.paidAt,
    createdAt: before?.createdAt ?? context.now,
    updatedAt: context.now,
  };
}

/** The end of the hold; null: only a person approves. */
function holdEnd({ recorded }: LoadedOrder, { countedAt }: OrderSummary): string | null {
  return recorded.holdDays === null || countedAt === null ? null : addDays(countedAt, recorded.holdDays);
}
