import { copyUnlessTaken } from '../../db/copy.ts';
import type { Trx } from '../../db/db.ts';
import { rowSource, type Column } from '../../db/rows.ts';
import { nameFor, runSql } from '../../db/sql.ts';
import { compareText } from '../../domain/orderings.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { DisjointSets } from './disjoint-sets.ts';

/** References that belong together, with what knows them. */
export interface ReferenceGroup<T> {
  scope: Scope;
  refs: string[];
  members: T[];
}

/** Whose references: the tables differ, the way to lock them does not. */
export type ReferenceTable =
  | { refs: 'order_refs'; owner: 'order_id'; owners: 'orders' }
  | { refs: 'customer_refs'; owner: 'customer_id'; owners: 'customers' };

export const orderReferences: ReferenceTable = { refs: 'order_refs', owner: 'order_id', owners: 'orders' };
export const customerReferences: ReferenceTable = {
  refs: 'customer_refs',
  owner: 'customer_id',
  owners: 'customers',
};

/** A group together with the owner that its references led to. */
export interface OwnedGroup<T> extends ReferenceGroup<T> {
  /** Whose the group is from now on: of the existing owners the oldest that subscribers know, else a new one. */
  ownerId: string;
  /** Existing owners that turn out to be the same; they are merged into `ownerId`. */
  merged: string[];
}

/** Owners under lock. */
export interface LockedOwners {
  /** Every id asked for, to the owner that it was merged into (itself, where it was not). */
  rootOf: Map<string, string>;
  locked: string[];
  /** The roots that subscribers were told of: they survive a merge with one that nobody was told of. */
  knownToSubscribers: Set<string>;
}

/** How often locks are taken at most: again after each concurrent merge. */
export const MAX_LOCK_TRIES = 20;

/** Joins what shares a reference within the batch. */
export function groupByReference<T>(items: { scope: Scope; refs: string[]; member: T }[]): ReferenceGroup<T>[] {
  const sets = new DisjointSets();
  for (const { scope, refs } of items) sets.join(refs.map((ref) => keyOf(scope, ref)));
  const groups = new Map<string, ReferenceGroup<T>>();
  for (const { scope, refs, member } of items) {
    const name = sets.find(keyOf(scope, refs[0] ?? ''));
    const group = groups.get(name);
    if (group) {
      group.refs.push(...refs);
      group.members.push(member);
    } else groups.set(name, { scope, refs: [...refs], members: [member] });
  }
  const joined = [...groups.values()];
  for (const group of joined) if (group.refs.length > 1) group.refs = [...new Set(group.refs)];
  return joined;
}

/**
 * Gives the references of all groups an owner each (in one sorted order, so that two workers never deadlock), follows them
 * to the end of their merges, and locks the owners there, sorted, until no merge moves anything any more.
 * `alsoLock` are owners that are known without a reference.
 *
 * The unique constraint decides whose a reference is: where a look-up found it free and another transaction stored it
 * meanwhile, the insert fails and the stored owner is taken.
 */
export async function lockOwners<T>(
  trx: Trx,
  table: ReferenceTable,
  groups: ReferenceGroup<T>[],
  alsoLock: string[],
  makeId: (group: ReferenceGroup<T>) => string,
  lock: (trx: Trx, ids: string[]) => Promise<LockedOwners>,
): Promise<{ groups: OwnedGroup<T>[] } & LockedOwners> {
  const proposals = groups.map((group) => ({ group, id: makeId(group) }));
  const ownerOf = await assignReferences(trx, table, proposals);
  const proposed = new Set(proposals.map(({ id }) => id));
  const existing = new Set(alsoLock);
  for (const owner of ownerOf.values()) if (!proposed.has(owner)) existing.add(owner);
  const owners = await lock(trx, [...existing]);
  const owned = joinByOwner(proposals, ownerOf, proposed, owners);
  await pointReferences(trx, table, owned, ownerOf, proposed);
  return { groups: owned, ...owners };
}

interface Proposal<T> {
  group: ReferenceGroup<T>;
  /** The owner that the group gets, if its references lead to none. */
  id: string;
}

/** Two groups of the batch that lead to one owner are one group. */
function joinByOwner<T>(
  proposals: Proposal<T>[],
  ownerOf: Map<string, string>,
  proposed: Set<string>,
  { rootOf, knownToSubscribers }: LockedOwners,
): OwnedGroup<T>[] {
  const sets = new DisjointSets();
  const joined = new Map<string, { whole: OwnedGroup<T>; owners: string[] }>();
  const existing = proposals.map(({ group }) => existingOwners(group, ownerOf, proposed, rootOf));
  for (const [index, { id }] of proposals.entries()) {
    const owners = existing[index] ?? [];
    if (owners.length > 0) sets.join([id, ...owners]);
  }
  for (const [index, { group, id }] of proposals.entries()) {
    const owners = existing[index] ?? [];
    // Most groups are new: they stand alone.
    const name = owners.length > 0 ? sets.find(id) : id;
    const known = joined.get(name);
    if (!known) {
      const { scope, refs, members } = group;
      joined.set(name, { whole: { scope, refs, members, ownerId: id, merged: [] }, owners });
      continue;
    }
    known.whole.refs = [...known.whole.refs, ...group.refs];
    known.whole.members = [...known.whole.members, ...group.members];
    known.owners = [...known.owners, ...owners];
  }
  const isKnown = (id: string): number => Number(knownToSubscribers.has(id));
  return [...joined.values()].map(({ whole, owners }) => {
    if (owners.length === 0) return whole;
    const [survivor, ...merged] = [...new Set(owners)].sort((a, b) => isKnown(b) - isKnown(a) || compareText(a, b));
    return { ...whole, ownerId: survivor ?? whole.ownerId, merged };
  });
}

/** The owners that a group's references had before, each at the end of its merges. */
function existingOwners<T>(
  { scope, refs }: ReferenceGroup<T>,
  ownerOf: Map<string, string>,
  proposed: Set<string>,
  rootOf: Map<string, string>,
): string[] {
  const owners: string[] = [];
  for (const ref of refs) {
    const owner = ownerOf.get(keyOf(scope, ref));
    if (owner !== undefined && !proposed.has(owner)) owners.push(rootOf.get(owner) ?? owner);
  }
  return owners;
}

interface ReferenceOwner extends Scope {
  ref: string;
  /** Whose it is from now on, unless it has an owner already. */
  owner: string;
}

/** Each reference's owner: the one that it has, else the proposed one, whose it is from now on. */
async function assignReferences<T>(
  trx: Trx,
  table: ReferenceTable,
  proposals: Proposal<T>[],
): Promise<Map<string, string>> {
  const wanted = proposals.flatMap(({ group, id }) => group.refs.map((ref) => ({ ...group.scope, ref, owner: id })));
  const ownerOf = new Map(wanted.map((one) => [keyOf(one, one.ref), one.owner]));
  if (wanted.length === 0) return ownerOf;
  const taken =
    wanted.length < MANY ? await upsertReferences(trx, table, wanted) : await appendReferences(trx, table, wanted);
  for (const one of taken) ownerOf.set(keyOf(one, one.ref), one.owner);
  return ownerOf;
}

/** From about so many on, a look-up and COPY cost less than an upsert (measured at 1,000: half). */
const MANY = 50;

/**
 * Stores the references that have no owner, and gives those that have one. A reference keeps the owner that it was committed
 * with, so a read tells it. If a concurrent transaction stored one of them, COPY fails and we fall back to the upsert.
 */
async function appendReferences(
  trx: Trx,
  table: ReferenceTable,
  wanted: readonly ReferenceOwner[],
): Promise<ReferenceOwner[]> {
  const { sql, bindings } = rowSource('r', columnsOf('owner', wanted));
  const taken = await runSql<ReferenceOwner>(
    trx,
    nameFor('findOwnersOf', table.owners),
    `select r.program_id as "programId", r.livemode, r.ref, known.owner
     from ${sql} cross join lateral (
       select ${table.owner} as owner from ${table.refs} k
       where k.program_id = r.program_id and k.livemode = r.livemode and k.ref = r.ref limit 1) known`,
    bindings,
  );
  const known = new Set(taken.map((one) => keyOf(one, one.ref)));
  const isFree = (one: ReferenceOwner): boolean => known.size === 0 || !known.has(keyOf(one, one.ref));
  const free = wanted.filter(isFree).sort(inLockOrder);
  const stored = await copyUnlessTaken(trx, table.refs, [
    ...columnsOf(table.owner, free),
    { name: 'listed', type: 'boolean', values: free.map(() => false) },
  ]);
  return stored ? taken : upsertReferences(trx, table, wanted);
}

async function upsertReferences(
  trx: Trx,
  table: ReferenceTable,
  wanted: readonly ReferenceOwner[],
): Promise<ReferenceOwner[]> {
  const { sql, bindings } = rowSource('r', columnsOf('owner', wanted));
  return runSql<ReferenceOwner>(
    trx,
    nameFor('assignReferencesOf', table.owners),
    `with assigned as (
       insert into ${table.refs} (program_id, livemode, ref, ${table.owner}, listed)
       select program_id, livemode, ref, owner, false from ${sql}
       order by program_id, livemode, ref collate "C"
       on conflict (program_id, livemode, ref) do update set ${table.owner} = ${table.refs}.${table.owner}
       returning program_id, livemode, ref, ${table.owner} as owner, xmax = 0 as inserted)
     select program_id as "programId", livemode, ref, owner from assigned where not inserted`,
    bindings,
  );
}

function columnsOf(owner: string, wanted: readonly ReferenceOwner[]): Column[] {
  return [
    { name: 'ref', type: 'text', values: wanted.map((one) => one.ref) },
    { name: 'program_id', type: 'text', values: wanted.map((one) => one.programId) },
    { name: 'livemode', type: 'boolean', values: wanted.map((one) => one.livemode) },
    { name: owner, type: 'text', values: wanted.map((one) => one.owner) },
  ];
}

function inLockOrder(a: ReferenceOwner, b: ReferenceOwner): number {
  return compareText(a.programId, b.programId) || Number(a.livemode) - Number(b.livemode) || compareText(a.ref, b.ref);
}

/** Ends the savepoint that was set before the locks: keeps them, or releases them to be taken again. */
export async function keepLocks(trx: Trx, stable: boolean): Promise<void> {
  const text = stable ? 'release savepoint before_locks' : 'rollback to savepoint before_locks';
  await runSql(trx, stable ? 'keepLocks' : 'releaseLocks', text);
}

/**
 * New references of an owner that existed were stored under a proposed id: they are pointed to the owner, and listed by it,
 * since its row has only those that it was made with.
 */
async function pointReferences<T>(
  trx: Trx,
  table: ReferenceTable,
  groups: OwnedGroup<T>[],
  ownerOf: Map<string, string>,
  proposed: Set<string>,
): Promise<void> {
  // A group whose owner is new has nothing to move.
  const known = groups.filter(({ ownerId }) => !proposed.has(ownerId));
  const moves = known.flatMap((group) =>
    group.refs
      .map((ref) => ({ ...group.scope, ref, owner: ownerOf.get(keyOf(group.scope, ref)) ?? '' }))
      .filter(({ owner }) => proposed.has(owner) && owner !== group.ownerId)
      .map(({ programId, livemode, ref }) => ({ programId, livemode, ref, ownerId: group.ownerId })),
  );
  if (moves.length === 0) return;
  await runSql(
    trx,
    nameFor('pointReferencesOf', table.owners),
    `update ${table.refs} as r set ${table.owner} = move.owner, listed = true
     from unnest(:programIds::text[], :livemodes::boolean[], :refs::text[], :ownerIds::text[])
       as move (program_id, livemode, ref, owner)
     where r.program_id = move.program_id and r.livemode = move.livemode and r.ref = move.ref`,
    {
      programIds: moves.map((move) => move.programId),
      livemodes: moves.map((move) => move.livemode),
      refs: moves.map((move) => move.ref),
      ownerIds: moves.map((move) => move.ownerId),
    },
  );
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}
