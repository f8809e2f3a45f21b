import { addDays } from '../../domain/calendar.ts';
import type { LoadedOrder } from '../orders/loaded-order.ts';
import {
  type Binding,
  type Bindings,
  type Choice,
  type PaidTo,
  chooseCandidate,
  STAYS_PAID,
  noBindings,
  reboundBefore,
  standsBefore,
} from '../rules/attribution.ts';
import { type Candidate, type EvidenceKind, type Evidences, pass, weighEvidence } from '../rules/evidence.ts';
import type { ProgramRules, RememberedRules, TermsSnapshot } from '../rules/catalog.ts';
import { type Credit, type OrderKind, creditSummary, noCredit, sharedOrganizations } from '../rules/credit.ts';
import type { Decided } from '../rules/payment.ts';
import { type Ground, groundOf } from '../rules/review.ts';
import { type OrderSummary, summarize } from '../rules/summarize.ts';
import type { CreditedOrder, WeighedOrder } from './credited-order.ts';
import { isBanned, mayBind, termsFor } from './terms.ts';

/** An order with all that its credit follows from. */
type KnownOrder = Omit<CreditedOrder, 'credit' | 'bindsSubscription' | 'approvableAt'>;

/** Credits an order by its own evidence and what it is bound by. */
export function creditOrder(order: WeighedOrder, bindings: Bindings, boundAfterwards = false): CreditedOrder {
  const standing = bindingsBefore(order, boundAfterwards, bindings, order.summary, order.evidences);
  const { assumedCurrency, summary } = assumeCurrency(order, standing);
  // Whom the customer's orders bind them to does not turn on what people decide about them.
  const unmoved =
    bindings.rebindings.length === 0
      ? standing
      : bindingsBefore(order, boundAfterwards, { ...bindings, rebindings: [] }, order.summary, order.evidences);
  const { own, ownTerms } = attributeByOwnEvidence(order, unmoved);
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
export function bindingsBefore(
  { id, reference, facts }: WeighedOrder,
  boundAfterwards: boolean,
  { subscription, customer, lead, rebindings }: Bindings,
  { countedAt, anonymous }: OrderSummary,
  { candidates }: Evidences,
): Bindings {
  if (anonymous) return { ...noBindings, lead: lead && facts.has(lead.boundBy) ? lead : null };
  const order = { orderId: id, occurredAt: countedAt, reference, hasEvidence: candidates.length > 0 };
  return {
    subscription: standsBefore(subscription, order) ? subscription : null,
    customer:
      reboundBefore(rebindings, countedAt) ?? (boundAfterwards || standsBefore(customer, order) ? customer : null),
    lead: standsBefore(lead, order) ? lead : null,
    rebindings: [],
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
export function creditBy(
  order: KnownOrder,
  bindings: Bindings,
  summary: OrderSummary,
  kind: OrderKind | null,
  evidences: Evidences,
): Credit {
  const { catalog, paidTo, pinned } = order;
  const { assignedTo, assignment, adjustment } = order.summary;
  if (adjustment !== null) return noCredit;
  const natural = chooseCandidate(evidences, bindings, {
    renewal: kind === 'renewal',
    couponFirst: catalog.program.couponFirst,
    assignedTo,
    assignedOffer: assignment?.offerId ?? null,
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
    decided: whoDecided(choice, bindings, order.summary),
  });
}

/** The person by whose word the order is whose it is. */
function whoDecided({ chosen }: Choice, { customer }: Bindings, { assignment }: OrderSummary): Decided | null {
  if (chosen?.by === 'binding') return customer?.decided ?? null;
  if (chosen?.by !== 'assignment' || !assignment) return null;
  const { by, reason, at, factId } = assignment;
  return { by, reason, at, factId };
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
  // The explanation is what remembers whom evidence named.
  const passedOver = chosen ? [...natural.passedOver, pass(chosen, STAYS_PAID)] : natural.passedOver;
  return {
    ...natural,
    chosen: { by: 'payout', value: affiliateId, affiliateId, offerId, clickId },
    passedOver,
    outvoted: null,
  };
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

/** The end of the hold; null: only a person approves. */
export function holdEnd({ recorded }: LoadedOrder, { countedAt }: OrderSummary): string | null {
  return recorded.holdDays === null || countedAt === null ? null : addDays(countedAt, recorded.holdDays);
}
