import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import { isKeylessRef } from '../../domain/keyless.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { readCustomers, type CustomerRow } from '../rows/customer-rows.ts';
import { changedFamilies, extendFamilies, lockFamilies, noFamilies, readFamilies, type Families } from './families.ts';
import { leadsOfOrders, type ArrivedLead } from './anonymous-leads.ts';
import {
  emailOf,
  emailOfRef,
  emailRef,
  identify,
  isEmailRef,
  recordIntroductions,
  tellingOf,
  tellingsOfArrivals,
  tellingsOfOrders,
  type Telling,
} from './introductions.ts';
import { rowsBefore, type Arrival, type LoadedOrder } from './loaded-order.ts';
import { customerReferences, groupByReference, lockOwners, MAX_LOCK_TRIES, type OwnedGroup } from './references.ts';

/** A record of a customer under lock, as the batch makes it. */
export interface LockedRecord {
  id: string;
  scope: Scope;
  /** It stands for an e-mail, and not for an id. */
  isEmail: boolean;
  /** It is known to a source that asks for no key, and to nobody else: its e-mail is shown and compared with nothing. */
  isKeyless: boolean;
  /** The row as it was; null for a new one. */
  before: CustomerRow | null;
  /** The references that it is made with, or was. */
  refs: string[] | null;
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
  /** The same of ids that were stored before: what this batch made has no orders, facts or leads to be read. */
  storedRootOf: ReadonlyMap<string, string>;
  /** The customer of each order that has one. */
  ofOrder: Map<string, string>;
  /** The record that a fact about a customer alone is kept with: its own, since an e-mail may stand for others later. */
  recordOf: Map<Arrival, string>;
  /** Anonymous leads that this batch brings, with the record of the reference that each names. */
  leads: (ArrivedLead & { customerId: string })[];
  /** Anonymous leads of some of them were known before. */
  hadLeads: boolean;
}

/** The customer of an order, if it has one. */
export function customerOf<C extends LockedCustomer>(customers: Customers<C>, orderId: string): C | null {
  return customers.byId.get(customers.ofOrder.get(orderId) ?? '') ?? null;
}

type Member = { order: LoadedOrder } | { arrival: Arrival } | null;

function noCustomers(): Customers {
  return {
    byId: new Map(),
    rootOf: new Map(),
    storedRootOf: new Map(),
    ofOrder: new Map(),
    recordOf: new Map(),
    leads: [],
    hadLeads: false,
  };
}

/** References of one customer, with what names them; without: the e-mail of somebody who is known by an id. */
interface Item {
  scope: Scope;
  refs: string[];
  member: Member;
}

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
  const also = new Set([...alsoLock, ...left]);
  if (items.length === 0 && also.size === 0) {
    return noCustomers();
  }
  const ofOrders = tellingsOfOrders(orders);
  const ofArrivals = customerArrivals.map(({ event, fact }) => tellingOf(event, fact, false));
  for (const { scope, says } of [...ofOrders, ...ofArrivals]) {
    if (says) items.push({ scope, refs: [emailRef(says.email)], member: null });
  }
  const leads = leadsOfOrders(orders);
  for (const { scope, ref } of leads) items.push({ scope, refs: [ref], member: null });
  const mayWithdraw = customerArrivals.length > 0 || ofOrders.some(({ restated }) => restated);
  for (let tries = 0; tries < MAX_LOCK_TRIES; tries += 1) {
    if (mayWithdraw) await runSql(trx, 'beforeIntroducing', 'savepoint before_introducing');
    const locked = await lockAndIntroduce(trx, items, ofOrders, customerArrivals, [...also]);
    const { groups, before, after, ownerOf } = locked;
    // An e-mail that stands for somebody no more may stand for one who is not locked yet: then all is begun again with them.
    const strangers = findStrangers(groups, before, after);
    if (strangers.length === 0) {
      const customers = await gatherCustomers(trx, groups, before, after);
      for (const root of customers.ofOrder.values()) {
        if (!customers.byId.has(root)) throw new Error(`the record ${root} stands for a customer, and is not locked`);
      }
      return { ...customers, leads: leads.map((lead) => ({ ...lead, customerId: ownerOf(lead.scope, lead.ref) })) };
    }
    if (!mayWithdraw) throw new Error('who is one customer changed while they were locked: settle again');
    await runSql(trx, 'undoIntroducing', 'rollback to savepoint before_introducing');
    for (const id of strangers) also.add(id);
  }
  throw new Error(`e-mails kept standing for others: customers were locked ${MAX_LOCK_TRIES} times`);
}

interface Locked {
  groups: OwnedGroup<Member>[];
  /** The families as they were stored, under lock. */
  before: Families;
  after: Families;
  /** The record of a reference. */
  ownerOf: (scope: Scope, ref: string) => string;
}

async function lockAndIntroduce(
  trx: Trx,
  items: readonly Item[],
  ofOrders: readonly Telling[],
  customerArrivals: readonly Arrival[],
  alsoLock: string[],
): Promise<Locked> {
  let before = noFamilies;
  const { groups } = await lockOwners(
    trx,
    customerReferences,
    groupByReference([...items]),
    alsoLock,
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
  // Only under the locks: another batch may have brought an earlier message of the same fact just now.
  const tellings = [...ofOrders, ...(await tellingsOfArrivals(trx, customerArrivals))];
  const introduced = await recordIntroductions(trx, tellings, before, ownerOf);
  return { groups, before, after: await familiesAfter(trx, before, groups, introduced), ownerOf };
}

/** Records of the families that are stored, and not locked. */
function findStrangers(groups: readonly OwnedGroup<Member>[], before: Families, after: Families): string[] {
  if (after === before) return [];
  const own = new Set(groups.map(({ ownerId }) => ownerId));
  return [...after.records.keys()].filter((id) => !before.records.has(id) && !own.has(id));
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}

function itemsOf(orders: readonly LoadedOrder[], arrivals: readonly Arrival[]): Item[] {
  const items: Item[] = [];
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
    .map(({ ownerId, refs }) => ({
      id: ownerId,
      mergedInto: null,
      isEmail: refs.every(isEmailRef),
      isKeyless: refs.every(isKeylessRef),
      hasLeads: false,
    }));
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
  const customers: Customers = {
    ...noCustomers(),
    rootOf: after.rootOf,
    storedRootOf: after === before ? after.rootOf : new Map([...after.rootOf].filter(([id]) => before.records.has(id))),
    hadLeads: [...after.records.values()].some(({ hasLeads }) => hasLeads),
  };
  const arrivals: Arrival[] = [];
  for (const { ownerId, members } of groups) {
    for (const member of members) {
      if (member === null) continue;
      if ('order' in member) customers.ofOrder.set(member.order.id, after.rootOf.get(ownerId) ?? ownerId);
      else {
        customers.recordOf.set(member.arrival, ownerId);
        arrivals.push(member.arrival);
      }
    }
  }
  const rows = await readCustomers(trx, openRecords(before));
  const groupOf = new Map(groups.map((group) => [group.ownerId, group]));
  const records = openRecords(after).flatMap((id) => lockRecord(id, after, rows, groupOf.get(id)) ?? []);
  const rootOf = (id: string): string => after.rootOf.get(id) ?? id;
  const changed = changedFamilies(before, after);
  const arrivalsOf = Map.groupBy(arrivals, (arrival) => rootOf(customers.recordOf.get(arrival) ?? ''));
  for (const [root, theirs] of Map.groupBy(records, ({ id }) => rootOf(id))) {
    const first = theirs.find(({ id }) => id === root);
    if (!first) continue; // A proof finds what is missing.
    customers.byId.set(root, {
      ...first,
      others: theirs.filter((one) => one !== first),
      emails: [...new Set(theirs.flatMap(({ email, isKeyless }) => (isKeyless ? [] : (email ?? []))))].sort(),
      changed: changed.has(root),
      arrivals: arrivalsOf.get(root) ?? [],
    });
  }
  return customers;
}

/** Records that are not merged away. */
function openRecords({ records }: Families): string[] {
  return [...records.values()].flatMap(({ id, mergedInto }) => (mergedInto === null ? id : []));
}

/** A record as the batch begins: the row, what it takes over, and what the batch brings. */
function lockRecord(
  id: string,
  { records }: Families,
  rows: ReadonlyMap<string, CustomerRow>,
  group: OwnedGroup<Member> | undefined,
): LockedRecord | null {
  const before = rows.get(id) ?? null;
  const scope = before ?? group?.scope;
  if (!scope) return null;
  const { programId, livemode } = scope;
  const merged = (group?.merged ?? []).flatMap((loser) => rows.get(loser) ?? []);
  const known = [before, ...merged].flatMap((row) => row?.email ?? []);
  const { isEmail, isKeyless } = records.get(id) ?? { isEmail: false, isKeyless: false };
  const [email = null] = [...known, ...(group ? emailsOf(group, isKeyless) : [])].sort();
  const refs = before ? before.refs : (group?.refs ?? []);
  return { id, isEmail, isKeyless, scope: { programId, livemode }, before, refs, merged, email };
}

/** Addresses that the batch tells of: of a customer whom others know, only what has a key tells. */
function emailsOf({ refs, members }: OwnedGroup<Member>, isKeyless: boolean): string[] {
  const told = members.flatMap((member) => {
    if (member === null) return [];
    const facts = 'order' in member ? [...member.order.facts.values()].map(({ fact }) => fact) : [member.arrival.fact];
    return facts.flatMap((fact) => (isKeyless || fact.receivedAt === undefined ? (emailOf(fact) ?? []) : []));
  });
  return [...refs.filter(isEmailRef).map(emailOfRef), ...told];
}

/** Customers as they are stored, with all records of theirs; nothing is locked. */
export async function readKnownCustomers(trx: Trx, families: Families): Promise<Customers> {
  return gatherCustomers(trx, [], families, families);
}
