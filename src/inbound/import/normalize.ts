import { z } from 'zod';
import { amountSchema, evidenceSchema, type Fact, type FactCustomer, type Normalized } from '../../domain/facts.ts';
import { customerRef, digestId, orderRefs, subscriptionRef } from '../fields/references.ts';

const id = z.string().min(1).max(255);
const customer = z.strictObject({
  id: id.nullable(),
  email: z.string().max(254).nullable(),
  /** Payments of a Stripe subscription (`sub_…`) are this customer's. */
  subscriptionId: id.nullable(),
});

/** A customer of another system with whoever referred them there, as the import stores them. */
const importedCustomer = z.strictObject({
  kind: z.literal('customer'),
  customer,
  /** An affiliate or a click that exists here. */
  evidence: evidenceSchema,
  /** When they became that affiliate's customer; ISO 8601 UTC. */
  since: z.iso.datetime(),
});

/** An order that another system settled. */
const importedOrder = z.strictObject({
  kind: z.literal('order'),
  orderId: id,
  customer,
  evidence: evidenceSchema,
  /** Null where the system does not say. */
  amount: amountSchema.nullable(),
  occurredAt: z.iso.datetime(),
});

const importedMessage = z.discriminatedUnion('kind', [importedCustomer, importedOrder]);
export type ImportedMessage = z.output<typeof importedMessage>;
export type ImportedParty = z.output<typeof customer>;

/** What an imported customer or order says. The facts' ids tell only whom and what it is about: imported again, it adds nothing. */
export function normalizeImported(
  message: unknown,
  { livemode }: { livemode: boolean },
): Normalized & { kind: 'facts' } {
  const read = importedMessage.parse(message);
  return { kind: 'facts', livemode, facts: read.kind === 'customer' ? customerFacts(read) : orderFacts(read) };
}

function customerFacts({ customer: party, evidence, since }: z.output<typeof importedCustomer>): Fact[] {
  const known = toCustomer(party);
  const common = { occurredAt: since, customer: known, evidence };
  const binding: Fact = { ...common, type: 'customer', id: digestId('import-customer', known), refs: [] };
  if (party.subscriptionId === null) return [binding];
  // Its first payment was elsewhere: those that come here are renewals, and a revenue share has run since then.
  const subscription = subscriptionRef(party.subscriptionId);
  const refs = [`import:${subscription}`];
  const first: Fact = {
    ...common,
    type: 'imported',
    id: digestId('import', refs),
    refs,
    subscription,
    goal: GOAL,
  };
  return [binding, first];
}

function orderFacts({
  orderId,
  customer: party,
  evidence,
  amount,
  occurredAt,
}: z.output<typeof importedOrder>): Fact[] {
  const refs = orderRefs(orderId, null);
  const subscription = party.subscriptionId === null ? null : subscriptionRef(party.subscriptionId);
  const common = { refs, occurredAt, customer: toCustomer(party), evidence, subscription, goal: GOAL };
  const imported: Fact = { ...common, type: 'imported', id: digestId('import', refs) };
  if (amount === null) return [imported];
  const sale: Fact = {
    ...common,
    type: 'sale',
    id: digestId('import-sale', refs),
    document: 'api',
    gross: amount,
    net: amount,
    phase: subscription === null ? 'one_off' : 'subscription',
  };
  return [imported, sale];
}

const GOAL = 'purchase';

function toCustomer({ id: customerId, email, subscriptionId }: ImportedParty): FactCustomer | null {
  const subscription = subscriptionId === null ? null : subscriptionRef(subscriptionId);
  const refs = [
    ...(customerId === null ? [] : [customerRef(customerId)]),
    // Stripe's payments of a subscription name it beside the customer.
    ...(subscription?.startsWith('stripe:') ? [subscription] : []),
  ];
  return refs.length === 0 && email === null ? null : { refs, email: email?.toLowerCase() ?? null };
}
