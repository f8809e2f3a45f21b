import type { Trx } from '../../db/db.ts';
import type { Fact } from '../../domain/facts.ts';
import { weighEvidence, type Binding, type Candidate } from '../rules/attribution.ts';
import { readEarliestBindings, readOtherOrders, type BindingClaim } from '../rows/customer-rows.ts';
import type { Customers, CustomerWork } from '../orders/lock-customers.ts';
import { foldAll } from '../rules/order-facts.ts';
import { restates, type OrderWork } from '../orders/order-work.ts';
import { snapshotTerms, type TermsSnapshot, type World } from '../rules/catalog.ts';
import type { Worlds } from '../rows/load-catalog.ts';
import { isEarlier } from '../../domain/orderings.ts';
import { readCustomerFacts } from '../rows/fact-rows.ts';
import type { OwnAttribution } from '../rules/attribution.ts';

/**
 * Binds each customer of the batch: the earliest attributed order wins, or the earliest customer fact that names an
 * affiliate, by (occurredAt, reference). Gives the customers whose other orders the new binding concerns.
 */
export async function bindCustomers(
  trx: Trx,
  customers: Customers,
  affected: string[],
  worlds: Worlds,
): Promise<Set<string>> {
  if (customers.byId.size === 0) return new Set();
  const earliest = await readEarliestBindings(trx, customers.members, affected);
  const facts = await readCustomerFacts(trx, customers.members);
  const changed: string[] = [];
  for (const customer of customers.byId.values()) {
    const world = worlds.of(customer.scope.programId);
    const claims: BindingClaim[] = [];
    const earlier = earliest.get(customer.id);
    if (earlier) claims.push(earlier);
    for (const order of customer.orders) claims.push(...claimOf(order, customer.id));
    const arrived = customer.facts.map(({ fact, arrival }) => ({ fact, inboxId: arrival.event.id, posted: false }));
    // A message that is replayed may be understood otherwise than it was.
    const stored = (facts.get(customer.id) ?? []).filter(
      (one) => !arrived.some(({ fact, inboxId }) => fact.id === one.fact.id && restates(inboxId, fact, one)),
    );
    const known = foldAll([...stored, ...arrived]);
    for (const { fact } of arrived) {
      const stands = known.get(fact.id)?.fact ?? fact;
      const before = stored.find((one) => one.fact === stands)?.attribution ?? null;
      customer.attributions.set(fact.id, before ?? attributeByFact(stands, world));
    }
    for (const { fact } of known.values()) {
      const recorded = stored.find((one) => one.fact.id === fact.id)?.attribution ?? null;
      const own = customer.attributions.get(fact.id) ?? recorded;
      if (own) claims.push(...claimByFact(fact, own, customer));
    }
    const first = claims.reduce<BindingClaim | null>(
      (best, claim) => (best === null || isEarlier(claim, best) ? claim : best),
      null,
    );
    customer.binding = first && bindingOf(first, customer);
    if (movesOthers(customer)) changed.push(customer.id);
  }
  if (changed.length === 0) return new Set();
  const concerned = new Map([...customers.members].filter(([, root]) => changed.includes(root)));
  return readOtherOrders(trx, concerned, affected);
}

/** The order's own attribution: its strongest own evidence, if it may be paid for. A renewal has none. */
export function attributeByOwnEvidence(
  order: OrderWork,
  buyerEmails: string[],
): { own: OwnAttribution | null; terms: TermsSnapshot | null } {
  const candidate = order.evidences?.candidates[0];
  if (!candidate || order.kind === 'renewal' || order.kind === null) return { own: null, terms: null };
  const terms = termsFor(order, candidate, null);
  const binds = terms !== null && mayBind(terms, [...order.summary.emails, ...buyerEmails]);
  return { own: binds ? { candidate, terms } : null, terms };
}

/**
 * The terms that hold for an order and an affiliate: the customer's, as snapshotted when they were bound; those recorded
 * with the order before; else today's, which are recorded with it from now on. Null where no offer is known.
 */
export function termsFor(order: OrderWork, candidate: Candidate, binding: Binding | null): TermsSnapshot | null {
  const offerId = candidate.offerId ?? binding?.offerId ?? order.world.program.defaultOfferId;
  if (offerId === null) return null;
  const matches = (terms: TermsSnapshot): boolean =>
    terms.affiliateId === candidate.affiliateId && terms.offerId === offerId;
  if (binding && matches(binding.terms)) return binding.terms;
  return order.recorded.terms.find(matches) ?? snapshotFor(candidate.affiliateId, offerId, order.world);
}

function snapshotFor(affiliateId: string, offerId: string, world: World): TermsSnapshot | null {
  const affiliate = world.affiliate(affiliateId);
  const offer = world.offer(offerId);
  return affiliate && offer ? snapshotTerms(affiliate, offer) : null;
}

function mayBind(terms: TermsSnapshot, emails: string[]): boolean {
  return terms.affiliateActive && terms.offerActive && !terms.affiliateEmails.some((email) => emails.includes(email));
}

function claimOf(order: OrderWork, customerId: string): BindingClaim[] {
  if (!order.own || order.summary.occurredAt === null) return [];
  return [
    {
      customerId,
      orderId: order.id,
      occurredAt: order.summary.occurredAt,
      reference: order.reference,
      own: order.own,
    },
  ];
}

/** Whom a fact about a customer alone names, with the terms of today: metadata on the customer, a signup with a click. */
function attributeByFact(fact: Fact, world: World): OwnAttribution | null {
  if (Object.keys(fact.evidence).length === 0) return null;
  const item = { evidence: fact.evidence, occurredAt: fact.occurredAt, factId: fact.id };
  const [candidate] = weighEvidence([item], fact.occurredAt, world, []).candidates;
  const offerId = candidate?.offerId ?? world.program.defaultOfferId;
  if (!candidate || offerId === null) return null;
  const terms = snapshotFor(candidate.affiliateId, offerId, world);
  return terms && { candidate, terms };
}

/** Such a fact binds like an order. */
function claimByFact(fact: Fact, own: OwnAttribution, customer: CustomerWork): BindingClaim[] {
  const email = fact.customer?.email?.toLowerCase() ?? customer.email;
  if (!mayBind(own.terms, email === null ? [] : [email])) return [];
  return [{ customerId: customer.id, orderId: fact.id, occurredAt: fact.occurredAt, reference: fact.id, own }];
}

function bindingOf(claim: BindingClaim, customer: CustomerWork): Binding {
  const { candidate, terms } = claim.own;
  const before = [customer.before, ...customer.merged].find((row) => row?.binding?.boundBy === claim.orderId)?.binding;
  const same = before && before.affiliateId === terms.affiliateId && before.offerId === terms.offerId;
  return {
    affiliateId: terms.affiliateId,
    offerId: terms.offerId,
    clickId: candidate.clickId,
    boundAt: claim.occurredAt,
    boundRef: claim.reference,
    boundBy: claim.orderId,
    terms: same ? before.terms : terms,
  };
}

/** Whether what the customer's other orders depend on has changed: the binding, or who the customer is. */
function movesOthers(customer: CustomerWork): boolean {
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
