import type { Trx } from '../../db/db.ts';
import type { Fact } from '../../domain/facts.ts';
import { isEarlier } from '../../domain/orderings.ts';
import type { Customers, LockedCustomer } from '../orders/lock-customers.ts';
import { restates, type LoadedOrder } from '../orders/loaded-order.ts';
import { weighEvidence, type Binding, type Candidate, type OwnAttribution } from '../rules/attribution.ts';
import { snapshotTerms, type Catalog, type TermsSnapshot } from '../rules/catalog.ts';
import { addFacts } from '../rules/order-facts.ts';
import { readCustomersWithOtherOrders, readEarliestBindings, type BindingCandidate } from '../rows/customer-rows.ts';
import { readCustomerFacts, type CustomerFact } from '../rows/fact-rows.ts';
import type { CatalogLoader } from '../rows/load-catalog.ts';
import type { BoundCustomer, WeighedOrder } from './credited-order.ts';

/**
 * Binds each customer of the batch: the earliest attributed order wins, or the earliest customer fact that names an
 * affiliate, by (occurredAt, reference). `moved` are the customers whose other orders the new binding concerns.
 */
export async function bindCustomers(
  trx: Trx,
  customers: Customers,
  orders: readonly WeighedOrder[],
  batchOrderIds: readonly string[],
  catalogs: CatalogLoader,
): Promise<{ customers: Customers<BoundCustomer>; moved: Set<string> }> {
  const { rootOf, ofOrder } = customers;
  const bound: Customers<BoundCustomer> = { byId: new Map(), rootOf, ofOrder };
  if (customers.byId.size === 0) return { customers: bound, moved: new Set() };
  const earliest = await readEarliestBindings(trx, rootOf, batchOrderIds);
  const facts = await readCustomerFacts(trx, rootOf);
  const offered = Map.groupBy(orders.flatMap(candidateOfOrder), ({ customerId }) => customerId);
  for (const customer of customers.byId.values()) {
    const stored = earliest.get(customer.id);
    const candidates = [...(stored ? [stored] : []), ...(offered.get(customer.id) ?? [])];
    const catalog = catalogs.of(customer.scope.programId);
    bound.byId.set(customer.id, bindCustomer(customer, candidates, facts.get(customer.id) ?? [], catalog));
  }
  const changed = new Set([...bound.byId.values()].filter(movesOthers).map(({ id }) => id));
  if (changed.size === 0) return { customers: bound, moved: new Set() };
  const concerned = new Map([...rootOf].filter(([, root]) => changed.has(root)));
  return { customers: bound, moved: await readCustomersWithOtherOrders(trx, concerned, batchOrderIds) };
}

/** `candidates` are the bindings that orders offer; those of the facts about the customer alone are worked out here. */
function bindCustomer(
  customer: LockedCustomer,
  candidates: BindingCandidate[],
  storedFacts: CustomerFact[],
  catalog: Catalog,
): BoundCustomer {
  const arrived = customer.arrivals.map(({ fact, event }) => ({ fact, inboxId: event.id, posted: false }));
  // A message that is replayed may be read otherwise than it was.
  const stored = storedFacts.filter(
    (one) => !arrived.some(({ fact, inboxId }) => fact.id === one.fact.id && restates(inboxId, fact, one)),
  );
  const known = addFacts([...stored, ...arrived]);
  const attributions = new Map<string, OwnAttribution | null>();
  for (const { fact } of arrived) {
    const stands = known.get(fact.id)?.fact ?? fact;
    const before = stored.find((one) => one.fact === stands)?.attribution ?? null;
    attributions.set(fact.id, before ?? attributeByFact(stands, catalog));
  }
  const all = [...candidates];
  for (const { fact } of known.values()) {
    const recorded = stored.find((one) => one.fact.id === fact.id)?.attribution ?? null;
    const own = attributions.get(fact.id) ?? recorded;
    if (own) all.push(...candidateOfFact(fact, own, customer));
  }
  const first = all.reduce<BindingCandidate | null>(
    (best, candidate) => (best === null || isEarlier(candidate, best) ? candidate : best),
    null,
  );
  return { ...customer, attributions, binding: first && bindingOf(first, customer) };
}

/** The order's own attribution: its strongest own evidence, if it may be paid for. A renewal has none. */
export function attributeByOwnEvidence(
  order: LoadedOrder & Pick<WeighedOrder, 'kind' | 'evidences'>,
  buyerEmails: string[],
): Pick<WeighedOrder, 'own' | 'ownTerms'> {
  const candidate = order.evidences.candidates[0];
  if (!candidate || order.kind === 'renewal' || order.kind === null) return { own: null, ownTerms: null };
  const ownTerms = termsFor(order, candidate, null);
  const binds = ownTerms !== null && mayBind(ownTerms, [...order.summary.emails, ...buyerEmails]);
  return { own: binds ? { candidate, terms: ownTerms } : null, ownTerms };
}

/**
 * The terms that hold for an order and an affiliate: the customer's, as snapshotted when they were bound; those recorded
 * with the order before; else today's, which are recorded with it from now on. Null where no offer is known.
 */
export function termsFor(order: LoadedOrder, candidate: Candidate, binding: Binding | null): TermsSnapshot | null {
  const offerId = candidate.offerId ?? binding?.offerId ?? order.catalog.program.defaultOfferId;
  if (offerId === null) return null;
  const matches = (terms: TermsSnapshot): boolean =>
    terms.affiliateId === candidate.affiliateId && terms.offerId === offerId;
  if (binding && matches(binding.terms)) return binding.terms;
  return order.recorded.terms.find(matches) ?? snapshotFor(candidate.affiliateId, offerId, order.catalog);
}

function snapshotFor(affiliateId: string, offerId: string, catalog: Catalog): TermsSnapshot | null {
  const affiliate = catalog.affiliate(affiliateId);
  const offer = catalog.offer(offerId);
  return affiliate && offer ? snapshotTerms(affiliate, offer) : null;
}

function mayBind(terms: TermsSnapshot, emails: string[]): boolean {
  return terms.affiliateActive && terms.offerActive && !terms.affiliateEmails.some((email) => emails.includes(email));
}

function candidateOfOrder(order: WeighedOrder): BindingCandidate[] {
  const { id, customerId, own, summary, reference } = order;
  if (!own || customerId === null || summary.occurredAt === null) return [];
  return [{ customerId, orderId: id, occurredAt: summary.occurredAt, reference, own }];
}

/** Whom a fact about a customer alone names, with the terms of today: metadata on the customer, a signup with a click. */
function attributeByFact(fact: Fact, catalog: Catalog): OwnAttribution | null {
  if (Object.keys(fact.evidence).length === 0) return null;
  const item = { evidence: fact.evidence, occurredAt: fact.occurredAt, factId: fact.id };
  const [candidate] = weighEvidence([item], fact.occurredAt, catalog, []).candidates;
  const offerId = candidate?.offerId ?? catalog.program.defaultOfferId;
  if (!candidate || offerId === null) return null;
  const terms = snapshotFor(candidate.affiliateId, offerId, catalog);
  return terms && { candidate, terms };
}

/** Such a fact binds like an order. */
function candidateOfFact(fact: Fact, own: OwnAttribution, customer: LockedCustomer): BindingCandidate[] {
  const email = fact.customer?.email?.toLowerCase() ?? customer.email;
  if (!mayBind(own.terms, email === null ? [] : [email])) return [];
  return [{ customerId: customer.id, orderId: fact.id, occurredAt: fact.occurredAt, reference: fact.id, own }];
}

function bindingOf({ orderId, occurredAt, reference, own }: BindingCandidate, customer: LockedCustomer): Binding {
  const { candidate, terms } = own;
  const before = [customer.before, ...customer.merged].find((row) => row?.binding?.boundBy === orderId)?.binding;
  const same = before && before.affiliateId === terms.affiliateId && before.offerId === terms.offerId;
  return {
    affiliateId: terms.affiliateId,
    offerId: terms.offerId,
    clickId: candidate.clickId,
    boundAt: occurredAt,
    boundRef: reference,
    boundBy: orderId,
    terms: same ? before.terms : terms,
  };
}

/** Whether what the customer's other orders depend on has changed: the binding, or who the customer is. */
function movesOthers(customer: BoundCustomer): boolean {
  if (customer.merged.length > 0) return true;
  const before = customer.before?.binding ?? null;
  const after = customer.binding;
  if (customer.before && customer.before.email !== customer.email) return true;
  if (before === null || after === null) return before !== after;
  return (
    before.affiliateId !== after.affiliateId ||
    before.offerId !== after.offerId ||
    before.clickId !== after.clickId ||
    before.boundAt !== after.boundAt ||
    before.boundBy !== after.boundBy
  );
}
