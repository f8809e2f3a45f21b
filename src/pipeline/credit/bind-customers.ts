import type { Trx } from '../../db/db.ts';
import type { Fact, FactOf } from '../../domain/facts.ts';
import { compareInstants, isEarlier } from '../../domain/orderings.ts';
import type { Customers, LockedCustomer } from '../orders/lock-customers.ts';
import { restates } from '../orders/loaded-order.ts';
import { boundWhen, type Binding, type OwnAttribution } from '../rules/attribution.ts';
import { weighEvidence } from '../rules/evidence.ts';
import type { Catalog } from '../rules/catalog.ts';
import { addFacts } from '../rules/order-facts.ts';
import { readCustomersWithOtherOrders, readEarliestBindings, type BindingCandidate } from '../rows/customer-rows.ts';
import { readCustomerFacts, type CustomerFact } from '../rows/fact-rows.ts';
import type { CatalogLoader } from '../rows/load-catalog.ts';
import { noLeads, type BoundCustomer } from './credited-order.ts';
import { mayBind, snapshotFor } from './terms.ts';

/**
 * Binds each customer of the batch by what is known beside the batch's orders: the earliest stored order that was credited
 * by evidence of its own, or the earliest customer fact that names an affiliate, by (countedAt, reference). The batch's
 * orders are then read in that order, and an earlier one takes the binding over (credit-orders.ts).
 */
export async function bindCustomers(
  trx: Trx,
  customers: Customers,
  batchOrderIds: readonly string[],
  catalogs: CatalogLoader,
): Promise<Customers<BoundCustomer>> {
  const { storedRootOf } = customers;
  const bound: Customers<BoundCustomer> = { ...customers, byId: new Map() };
  if (customers.byId.size === 0) return bound;
  const [earliest, facts] = await Promise.all([
    readEarliestBindings(trx, storedRootOf, batchOrderIds),
    readCustomerFacts(trx, storedRootOf),
  ]);
  // Whom they named then may have been banned when they were said.
  const named = [...facts].flatMap(([root, stated]) => {
    const programId = customers.byId.get(root)?.scope.programId;
    if (programId === undefined) return [];
    return stated.flatMap(({ attribution }) =>
      attribution ? [{ programId, text: attribution.terms.affiliateId }] : [],
    );
  });
  await catalogs.loadByIds(trx, named, []);
  for (const customer of customers.byId.values()) {
    const catalog = catalogs.of(customer.scope);
    const stored = earliest.get(customer.id) ?? null;
    bound.byId.set(customer.id, bindCustomer(customer, stored, facts.get(customer.id) ?? [], catalog));
  }
  return bound;
}

/** The customers whose other orders a binding concerns that is not what it was. */
export async function findMovedCustomers(
  trx: Trx,
  { byId, storedRootOf }: Customers<BoundCustomer>,
  batchOrderIds: readonly string[],
): Promise<Set<string>> {
  const changed = new Set([...byId.values()].filter(movesOthers).map(({ id }) => id));
  if (changed.size === 0) return new Set();
  const concerned = new Map([...storedRootOf].filter(([, root]) => changed.has(root)));
  return readCustomersWithOtherOrders(trx, concerned, batchOrderIds);
}

/** `offered` is the binding that the customer's stored orders offer; those of facts about the customer are worked out here. */
function bindCustomer(
  customer: LockedCustomer,
  offered: BindingCandidate | null,
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
    attributions.set(fact.id, before ?? attributeByEvidence(stands, catalog));
  }
  const candidates = offered ? [offered] : [];
  const rebindings: { fact: FactOf<'binding'>; own: OwnAttribution }[] = [];
  for (const { fact } of known.values()) {
    const recorded = stored.find((one) => one.fact.id === fact.id)?.attribution ?? null;
    const own = attributions.get(fact.id) ?? recorded;
    if (own && fact.type === 'binding') rebindings.push({ fact, own });
    else if (own) candidates.push(...candidateOfFact(fact, own, customer, catalog));
  }
  // What a person decides about them is nothing that was known of them.
  const times = [...known.values()].flatMap(({ fact }) => (fact.type === 'binding' ? [] : fact.occurredAt)).sort();
  const bound: BoundCustomer = {
    ...customer,
    ...noLeads,
    attributions,
    rebindings: rebindings.sort((a, b) => compareInstants(b.fact, a.fact)).map(rebindingOf),
    binding: null,
    firstFactAt: times[0] ?? null,
  };
  return candidates.reduce(withCandidate, bound);
}

function rebindingOf({ fact, own }: { fact: FactOf<'binding'>; own: OwnAttribution }): Binding {
  const { id, since, by, reason, occurredAt: at } = fact;
  return {
    affiliateId: own.terms.affiliateId,
    offerId: own.terms.offerId,
    clickId: null,
    boundAt: since,
    boundRef: id,
    boundBy: id,
    terms: own.terms,
    decided: { by, reason, at, factId: id },
  };
}

/** The customer as they are bound once a candidate is known: the earliest binds. */
export function withCandidate(customer: BoundCustomer, candidate: BindingCandidate): BoundCustomer {
  const { binding } = customer;
  return binding && !isEarlier(candidate, boundWhen(binding))
    ? customer
    : { ...customer, binding: bindingOf(candidate, customer) };
}

/** Whom a fact about a customer alone names, with the terms of today: metadata on the customer, a signup with a click. */
export function attributeByEvidence(
  fact: Pick<Fact, 'id' | 'occurredAt' | 'evidence'>,
  catalog: Catalog,
): OwnAttribution | null {
  if (Object.keys(fact.evidence).length === 0) return null;
  const item = { evidence: fact.evidence, occurredAt: fact.occurredAt, factId: fact.id };
  const [candidate] = weighEvidence([item], fact.occurredAt, catalog, []).candidates;
  const offerId = candidate?.offerId ?? catalog.program.defaultOfferId;
  if (!candidate || offerId === null) return null;
  const terms = snapshotFor(candidate.affiliateId, offerId, catalog);
  return terms && { candidate, terms };
}

/** Such a fact binds like an order. */
function candidateOfFact(
  fact: Fact,
  own: OwnAttribution,
  customer: LockedCustomer,
  catalog: Catalog,
): BindingCandidate[] {
  const email = fact.customer?.email?.toLowerCase();
  const occurredAt = fact.receivedAt ?? fact.occurredAt;
  if (!mayBind(own.terms, email === undefined ? customer.emails : [email], occurredAt, catalog)) return [];
  return [{ customerId: customer.id, orderId: fact.id, occurredAt, reference: fact.id, own }];
}

function bindingOf({ orderId, occurredAt, reference, own }: BindingCandidate, customer: LockedCustomer): Binding {
  const { candidate, terms } = own;
  const records = [customer, ...customer.others];
  const rows = records.flatMap(({ before, merged }) => [before, ...merged]);
  const before = rows.find((row) => row?.binding?.boundBy === orderId)?.binding;
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
  const records = [customer, ...customer.others];
  const isRebound = customer.arrivals.some(({ fact }) => fact.type === 'binding');
  if (isRebound || customer.changed || customer.leadMoved || records.some(({ merged }) => merged.length > 0))
    return true;
  // An address of theirs that is new may be the affiliate's own, also where it comes with a record of its own.
  const known = new Set(records.flatMap(({ before, isKeyless }) => (isKeyless ? [] : (before?.email ?? []))));
  const existed = records.some(({ before }) => before !== null);
  if (existed && (known.size !== customer.emails.length || !customer.emails.every((one) => known.has(one))))
    return true;
  return !isSameBinding(customer.before?.binding ?? null, customer.binding);
}

/** Whether two bindings credit the same orders to the same affiliate. */
export function isSameBinding(a: Binding | null, b: Binding | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.affiliateId === b.affiliateId &&
    a.offerId === b.offerId &&
    a.clickId === b.clickId &&
    a.boundAt === b.boundAt &&
    a.boundRef === b.boundRef &&
    a.boundBy === b.boundBy
  );
}
