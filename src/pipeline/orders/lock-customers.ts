import type { Trx } from '../../db/db.ts';
import { newId } from '../../domain/ids.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { readCustomers, type CustomerRow } from '../rows/customer-rows.ts';
import { changedFamilies, extendFamilies, lockFamilies, readFamilies, type Families } from './families.ts';
import { leadsOfOrders, type ArrivedLead } from './anonymous-leads.ts';
import {
  emailOf,
  emailRef,
  firstMessages,
  identify,
  isEmailRef,
  recordIntroductions,
  tellingsOfArrivals,
  tellingsOfOrders,
} from './introductions.ts';
import { rowsBefore, type Arrival, type LoadedOrder } from './loaded-order.ts';
import { customerReferences, groupByReference, lockOwners, type OwnedGroup } from './references.ts';

/** A record of a customer under lock, as the batch makes it. */
export interface LockedRecord {
  id: string;
  scope: Scope;
  /** It stands for an e-mail, and not for an id. */
  isEmail: boolean;
  /** The row as it was; null for a new one. */
  before: CustomerRow | null;
  /** Records that turn out to be this one, by a message that names both. */
  merged: CustomerRow[];
  /** Of several addresses the first, so that it does not depend on which message came first. */
  email: string | null;
}

/** A customer under lock: the record that stands for them, and the others that they are known by. */
export interface LockedCustomer extends LockedRecord {
  others: LockedRecord[];
  /** Addresses that the customer is known by. */
  emails: string[];
  /** Records came or went, so orders of theirs may be another customer's now, or another's theirs. */
  changed: boolean;
  /** Facts about the customer alone that this batch brings. */
  arrivals: Arrival[];
}

export interface Customers<C extends LockedCustomer = LockedCustomer> {
  byId: Map<string, C>;
  /** Every id that one of them is known by, of merged customers and of e-mails too, to the customer. */
  rootOf: ReadonlyMap<string, string>;
  /** The customer of each order that has one. */
  ofOrder: Map<string, string>;
  /** The record that a fact about a customer alone is kept with: its own, since an e-mail may stand for others later. */
  recordOf: Map<Arrival, string>;
  /** Anonymous leads that this batch brings, with the record of the reference that each names. */
  leads: (ArrivedLead & { customerId: string })[];
}

/** The customer of an order, if it has one. */
export function customerOf<C extends LockedCustomer>(customers: Customers<C>, orderId: string): C | null {
  return customers.byId.get(customers.ofOrder.get(orderId) ?? '') ?? null;
}

type Member = { order: LoadedOrder } | { arrival: Arrival } | null;

/**
 * Finds, joins and locks the customers of a batch: those that orders and customer facts name, those whose orders are
 * settled again, and those that an order leaves for another. Ids identify; an e-mail only where there is no id, and then it
 * stands for whoever was introduced with it first.
 */
export async function lockCustomers(
  trx: Trx,
  orders: LoadedOrder[],
  customerArrivals: Arrival[],
  alsoLock: string[],
): Promise<Customers> {
  const items = itemsOf(orders, customerArrivals);
  const left = orders.flatMap(rowsBefore).flatMap(({ customerId }) => customerId ?? []);
  const also = [...new Set([...alsoLock, ...left])];
  if (items.length === 0 && also.length === 0) {
    return { byId: new Map(), rootOf: new Map(), ofOrder: new Map(), recordOf: new Map(), leads: [] };
  }
  const tellings = [
    ...tellingsOfOrders(orders),
    ...tellingsOfArrivals(customerArrivals.length === 0 ? [] : await firstMessages(trx, customerArrivals)),
  ];
  for (const { scope, says } of tellings) if (says) items.push({ scope, refs: [emailRef(says.email)], member: null });
  const leads = leadsOfOrders(orders);
  for (const { scope, ref } of leads) items.push({ scope, refs: [ref], member: null });
  let before = await lockFamilies(trx, []);
  const { groups } = await lockOwners(
    trx,
    customerReferences,
    groupByReference(items),
    also,
    () => newId('cus'),
    async (_, ids) => {
      before = await lockFamilies(trx, ids);
      const open = [...new Set(before.mergedTo.values())];
      return { rootOf: new Map(before.mergedTo), locked: open, knownToSubscribers: new Set(open) };
    },
  );
  const owners = new Map(groups.flatMap(({ scope, refs, ownerId }) => refs.map((ref) => [keyOf(scope, ref), ownerId])));
  const ownerOf = (scope: Scope, ref: string): string => {
    const owner = owners.get(keyOf(scope, ref));
    if (owner === undefined) throw new Error(`no customer record for ${ref}`);
    return owner;
  };
  const introduced = await recordIntroductions(trx, tellings, before, ownerOf);
  const after = await familiesAfter(trx, before, groups, introduced);
  const customers = await gatherCustomers(trx, groups, before, after);
  return { ...customers, leads: leads.map((lead) => ({ ...lead, customerId: ownerOf(lead.scope, lead.ref) })) };
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}

function itemsOf(
  orders: readonly LoadedOrder[],
  arrivals: readonly Arrival[],
): { scope: Scope; refs: string[]; member: Member }[] {
  const items: { scope: Scope; refs: string[]; member: Member }[] = [];
  for (const order of orders) {
    const refs = identify(order.summary.customerRefs, order.summary.emails);
    if (refs.length > 0) items.push({ scope: order.scope, refs, member: { order } });
  }
  for (const arrival of arrivals) {
    const email = emailOf(arrival.fact);
    const refs = identify(arrival.fact.customer?.refs ?? [], email === null ? [] : [email]);
    if (refs.length > 0) items.push({ scope: arrival.event, refs, member: { arrival } });
  }
  return items;
}

/** The families with what the batch adds: new records, merges, and e-mails that stand for others now. */
async function familiesAfter(
  trx: Trx,
  before: Families,
  groups: readonly OwnedGroup<Member>[],
  introduced: boolean,
): Promise<Families> {
  const added = groups
    .filter(({ ownerId }) => !before.records.has(ownerId))
    .map(({ ownerId, refs }) => ({ id: ownerId, mergedInto: null, isEmail: refs.every(isEmailRef) }));
  const merges = groups.flatMap(({ ownerId, merged }) => merged.map((id) => ({ id, mergedInto: ownerId })));
  if (added.length === 0 && merges.length === 0 && !introduced) return before;
  const stored = introduced
    ? await readFamilies(trx, [...before.records.keys(), ...added.map(({ id }) => id)])
    : before;
  return extendFamilies(stored, { added, merges });
}

async function gatherCustomers(
  trx: Trx,
  groups: readonly OwnedGroup<Member>[],
  before: Families,
  after: Families,
): Promise<Customers> {
  const open = [...before.records.values()].filter(({ mergedInto }) => mergedInto === null);
  const rows = await readCustomers(
    trx,
    open.map(({ id }) => id),
  );
  const customers: Customers = {
    byId: new Map(),
    rootOf: after.rootOf,
    ofOrder: new Map(),
    recordOf: new Map(),
    leads: [],
  };
  const emails = new Map<string, string[]>();
  const scopes = new Map<string, Scope>();
  const arrivals = new Map<string, Arrival[]>();
  const mergedOf = Map.groupBy(
    groups.flatMap(({ ownerId, merged }) => merged.map((id) => ({ id, ownerId }))),
    ({ ownerId }) => ownerId,
  );
  for (const { ownerId, scope, refs, members } of groups) {
    const root = after.rootOf.get(ownerId) ?? ownerId;
    const found = refs.filter(isEmailRef).map((ref) => ref.slice(emailRef('').length));
    for (const member of members) {
      if (member === null) continue;
      if ('order' in member) {
        customers.ofOrder.set(member.order.id, root);
        found.push(...member.order.summary.emails);
        continue;
      }
      const { arrival } = member;
      const email = emailOf(arrival.fact);
      if (email !== null) found.push(email);
      customers.recordOf.set(arrival, ownerId);
      arrivals.set(root, [...(arrivals.get(root) ?? []), arrival]);
    }
    emails.set(ownerId, found);
    scopes.set(ownerId, scope);
  }
  const changed = changedFamilies(before, after);
  const families = Map.groupBy(
    [...after.records.values()].filter(({ mergedInto }) => mergedInto === null),
    ({ id }) => after.rootOf.get(id) ?? id,
  );
  for (const [root, records] of families) {
    const locked = records.flatMap(({ id, isEmail }): LockedRecord[] => {
      const row = rows.get(id) ?? null;
      const scope = row ?? scopes.get(id);
      if (!scope) return [];
      const merged = (mergedOf.get(id) ?? []).flatMap((loser) => rows.get(loser.id) ?? []);
      return [lockedRecord({ id, isEmail, scope, before: row, merged, emails: emails.get(id) ?? [] })];
    });
    const customer = lockedCustomer(root, locked, changed.has(root), arrivals.get(root));
    if (customer) customers.byId.set(root, customer);
  }
  return customers;
}

/** Customers as they are stored, with all records of theirs; nothing is locked. */
export async function readKnownCustomers(trx: Trx, families: Families): Promise<Customers> {
  return gatherCustomers(trx, [], families, families);
}

/** A record as the batch begins: the row, what it takes over, and what the batch brings. */
export function lockedRecord(
  record: Omit<LockedRecord, 'email' | 'merged'> & { merged?: CustomerRow[]; emails?: string[] },
): LockedRecord {
  const { id, isEmail, scope, before, merged = [], emails = [] } = record;
  const { programId, livemode } = scope;
  const known = [before?.email, ...merged.map((row) => row.email), ...emails].filter(
    (email) => typeof email === 'string',
  );
  return { id, isEmail, scope: { programId, livemode }, before, merged, email: known.sort()[0] ?? null };
}

/** The customer whom records are known of; `root` stands for them. Null where that is not among them. */
export function lockedCustomer(
  root: string,
  records: readonly LockedRecord[],
  changed = false,
  arrivals: Arrival[] = [],
): LockedCustomer | null {
  const first = records.find(({ id }) => id === root);
  if (!first) return null;
  const emails = [...new Set(records.flatMap(({ email }) => email ?? []))].sort();
  return { ...first, others: records.filter(({ id }) => id !== root), emails, changed, arrivals };
}
