import type { Trx } from '../../db/db.ts';
import type { Fact } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import { readCustomers, type CustomerRow } from '../rows/customer-rows.ts';
import { readMergedCustomers } from '../rows/merged-rows.ts';
import { rowsBefore, type Arrival, type LoadedOrder } from './loaded-order.ts';
import { customerReferences, groupByReference, lockOwners } from './references.ts';

/** A customer under lock. */
export interface LockedCustomer {
  id: string;
  scope: Scope;
  /** The row as it was; null for a customer who is new. */
  before: CustomerRow | null;
  /** Customers who turn out to be this one. */
  merged: CustomerRow[];
  email: string | null;
  /** Facts about the customer alone that this batch brings. */
  arrivals: Arrival[];
}

export interface Customers<C extends LockedCustomer = LockedCustomer> {
  byId: Map<string, C>;
  /** Every id that one of them is known by, of merged customers too, to the customer. */
  rootOf: Map<string, string>;
  /** The customer of each order that has one. */
  ofOrder: Map<string, string>;
}

/** The customer of an order, if it has one. */
export function customerOf<C extends LockedCustomer>(customers: Customers<C>, orderId: string): C | null {
  return customers.byId.get(customers.ofOrder.get(orderId) ?? '') ?? null;
}

type Member = { order: LoadedOrder } | { arrival: Arrival };

/**
 * Finds, joins and locks the customers of a batch: those that orders and customer facts name, those whose orders are
 * settled again, and those that an order leaves for another. Ids identify; an e-mail only where there is no id.
 */
export async function lockCustomers(
  trx: Trx,
  orders: LoadedOrder[],
  customerArrivals: Arrival[],
  alsoLock: string[],
): Promise<Customers> {
  const items: { scope: Scope; refs: string[]; member: Member }[] = [];
  for (const order of orders) {
    const refs = identify(order.summary.customerRefs, order.summary.emails);
    if (refs.length > 0) items.push({ scope: order.scope, refs, member: { order } });
  }
  for (const arrival of customerArrivals) {
    const email = emailOf(arrival.fact);
    const refs = identify(arrival.fact.customer?.refs ?? [], email === null ? [] : [email]);
    if (refs.length > 0) items.push({ scope: arrival.event, refs, member: { arrival } });
  }
  const left = orders.flatMap(rowsBefore).flatMap(({ customerId }) => customerId ?? []);
  const customers: Customers = { byId: new Map(), rootOf: new Map(), ofOrder: new Map() };
  if (items.length === 0 && alsoLock.length === 0 && left.length === 0) return customers;
  const { groups, rootOf } = await lockOwners(
    trx,
    customerReferences,
    groupByReference(items),
    [...new Set([...alsoLock, ...left])],
    () => newId('cus'),
  );
  const existing = [...new Set([...rootOf.values(), ...groups.flatMap((group) => group.merged)])];
  const rows = await readCustomers(trx, existing);
  for (const { ownerId, scope, merged, members } of groups) {
    const emails: string[] = [];
    const arrivals: Arrival[] = [];
    for (const member of members) {
      if ('order' in member) {
        customers.ofOrder.set(member.order.id, ownerId);
        emails.push(...member.order.summary.emails);
      } else arrivals.push(member.arrival);
    }
    const mergedRows = merged.flatMap((id) => rows.get(id) ?? []);
    customers.byId.set(
      ownerId,
      lockedCustomer(ownerId, scope, rows.get(ownerId) ?? null, mergedRows, emails, arrivals),
    );
  }
  const absorbed = new Set(groups.flatMap((group) => group.merged));
  for (const row of rows.values()) {
    if (customers.byId.has(row.id) || absorbed.has(row.id)) continue;
    customers.byId.set(row.id, lockedCustomer(row.id, row, row));
  }
  customers.rootOf = await readMergedCustomers(
    trx,
    existing.filter((id) => !absorbed.has(id)),
  );
  for (const { ownerId, merged } of groups) {
    if (merged.length === 0) continue;
    for (const id of (await readMergedCustomers(trx, merged)).keys()) customers.rootOf.set(id, ownerId);
  }
  return customers;
}

/** A customer as the batch begins: the row, what it takes over, and what the batch brings. */
export function lockedCustomer(
  id: string,
  { programId, livemode }: Scope,
  before: CustomerRow | null,
  merged: CustomerRow[] = [],
  orderEmails: string[] = [],
  arrivals: Arrival[] = [],
): LockedCustomer {
  const emails = [
    before?.email ?? null,
    ...merged.map((row) => row.email),
    ...orderEmails,
    ...arrivals.map(({ fact }) => emailOf(fact)),
  ].filter((email) => email !== null);
  // Of several addresses the first, so that it does not depend on which message came first.
  const email = emails.sort()[0] ?? null;
  return { id, scope: { programId, livemode }, before, merged, email, arrivals };
}

/** The references that identify a customer: ids; without any, the (first) e-mail. */
export function identify(refs: string[], emails: string[]): string[] {
  if (refs.length > 0) return refs;
  const [email] = emails;
  return email === undefined ? [] : [`email:${email}`];
}

function emailOf(fact: Fact): string | null {
  return fact.customer?.email ? fact.customer.email.toLowerCase() : null;
}
