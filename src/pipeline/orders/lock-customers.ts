import type { Trx } from '../../db/db.ts';
import { newId } from '../../domain/ids.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Binding } from '../rules/attribution.ts';
import type { CustomerRow } from '../rows/customer-rows.ts';
import { readCustomers, readMembers } from '../rows/customer-rows.ts';
import { rowsBefore, type Arrival, type OrderWork } from './order-work.ts';
import { customerReferences, groupByReference, lockOwners } from './references.ts';
import type { Scope } from '../../domain/scope.ts';
import type { OwnAttribution } from '../rules/attribution.ts';

/** One customer on their way through a batch. */
export interface CustomerWork {
  id: string;
  scope: Scope;
  before: CustomerRow | null;
  /** Ids of customers that turn out to be this one. */
  merged: CustomerRow[];
  email: string | null;
  orders: OrderWork[];
  /** Facts about the customer alone that this batch brings. */
  facts: { fact: Fact; arrival: Arrival }[];
  /** Whom each of them names, by fact. */
  attributions: Map<string, OwnAttribution | null>;
  binding: Binding | null;
}

export interface Customers {
  byId: Map<string, CustomerWork>;
  /** Every known customer id, merged ones too, to the root that it stands for. */
  members: Map<string, string>;
}

type Member = { order: OrderWork } | { arrival: Arrival };

/**
 * Finds, joins and locks the customers of a batch: those that orders and customer facts name, those whose orders are
 * settled anew, and those that an order leaves for another. Ids identify; an e-mail only where there is no id.
 */
export async function lockCustomers(
  trx: Trx,
  orders: OrderWork[],
  customerArrivals: Arrival[],
  alsoLock: string[],
): Promise<Customers> {
  const items: { scope: Scope; refs: string[]; member: Member }[] = [];
  for (const order of orders) {
    const refs = identify(order.summary.customerRefs, order.summary.emails);
    if (refs.length > 0) items.push({ scope: order.scope, refs, member: { order } });
  }
  for (const arrival of customerArrivals) {
    const { customer } = arrival.fact;
    const refs = identify(customer?.refs ?? [], customer?.email ? [customer.email.toLowerCase()] : []);
    if (refs.length > 0) items.push({ scope: arrival.event, refs, member: { arrival } });
  }
  const left = orders.flatMap(rowsBefore).flatMap(({ customerId }) => customerId ?? []);
  if (items.length === 0 && alsoLock.length === 0 && left.length === 0) return { byId: new Map(), members: new Map() };
  const { groups, rootOf } = await lockOwners(
    trx,
    customerReferences,
    groupByReference(items),
    [...new Set([...alsoLock, ...left])],
    () => newId('cus'),
  );
  const byId = new Map<string, CustomerWork>();
  const existing = [...new Set([...rootOf.values(), ...groups.flatMap((group) => group.merged)])];
  const rows = await readCustomers(trx, existing);
  for (const group of groups) {
    byId.set(group.ownerId, {
      id: group.ownerId,
      scope: { programId: group.scope.programId, livemode: group.scope.livemode },
      before: rows.get(group.ownerId) ?? null,
      merged: group.merged.flatMap((id) => rows.get(id) ?? []),
      email: rows.get(group.ownerId)?.email ?? null,
      orders: [],
      facts: [],
      attributions: new Map(),
      binding: null,
    });
    const customer = byId.get(group.ownerId);
    for (const member of group.members) {
      if ('order' in member) {
        member.order.customerId = group.ownerId;
        customer?.orders.push(member.order);
      } else customer?.facts.push({ fact: member.arrival.fact, arrival: member.arrival });
    }
  }
  const absorbed = new Set(groups.flatMap((group) => group.merged));
  for (const row of rows.values()) {
    if (byId.has(row.id) || absorbed.has(row.id)) continue;
    byId.set(row.id, {
      id: row.id,
      scope: { programId: row.programId, livemode: row.livemode },
      before: row,
      merged: [],
      email: row.email,
      orders: [],
      facts: [],
      attributions: new Map(),
      binding: null,
    });
  }
  for (const customer of byId.values()) customer.email = leastEmail(customer);
  const members = await readMembers(
    trx,
    existing.filter((id) => !absorbed.has(id)),
  );
  for (const group of groups) {
    if (group.merged.length === 0) continue;
    const absorbedMembers = await readMembers(trx, group.merged);
    for (const id of absorbedMembers.keys()) members.set(id, group.ownerId);
  }
  return { byId, members };
}

/** The references that identify a customer: ids; without any, the (first) e-mail. */
export function identify(refs: string[], emails: string[]): string[] {
  if (refs.length > 0) return refs;
  const [email] = emails;
  return email === undefined ? [] : [`email:${email}`];
}

/** Of several addresses the least, so that it does not depend on which message came first. */
function leastEmail(customer: CustomerWork): string | null {
  const emails = [
    customer.before?.email ?? null,
    ...customer.merged.map((row) => row.email),
    ...customer.orders.flatMap((order) => order.summary.emails),
    ...customer.facts.map(({ fact }) => fact.customer?.email?.toLowerCase() ?? null),
  ].filter((email): email is string => email !== null);
  return emails.sort()[0] ?? null;
}
