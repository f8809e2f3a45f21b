import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { Trx } from '../../db/db.ts';
import { copyUnlessTaken } from '../../db/copy.ts';
import { rowSource, type Column } from '../../db/rows.ts';
import { runPositional } from '../../db/sql.ts';
import { compareText } from '../../domain/orderings.ts';
import { Groups } from './disjoint-sets.ts';

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

/** A group together with the existing owners that its references led to; none: a new owner. */
export interface OwnedGroup<T> extends ReferenceGroup<T> {
  /** The id that the group's owner has from now on: of those that the world has heard of the oldest, else a new id. */
  ownerId: string;
  /** Existing owners that turn out to be the same; they are merged into `ownerId`. */
  merged: string[];
  isNew: boolean;
}

/** Owners under lock. */
export interface LockedOwners {
  /** Every id asked for, to the owner that it was merged into (itself, where it was not). */
  rootOf: Map<string, string>;
  locked: string[];
  /** Those of the roots that the world has heard of: they survive a merge with one that was only ever known inside. */
  heardOf: Set<string>;
}

/** Joins what shares a reference within the batch. */
export function groupByReference<T>(items: { scope: Scope; refs: string[]; member: T }[]): ReferenceGroup<T>[] {
  const sets = new Groups();
  for (const { scope, refs } of items) sets.join(refs.map((ref) => keyOf(scope, ref)));
  const groups = new Map<string, { scope: Scope; refs: Set<string>; members: T[] }>();
  for (const { scope, refs, member } of items) {
    const name = sets.find(keyOf(scope, refs[0] ?? ''));
    const group = groups.get(name) ?? { scope, refs: new Set(), members: [] };
    groups.set(name, group);
    for (const ref of refs) group.refs.add(ref);
    group.members.push(member);
  }
  return [...groups.values()].map((group) => ({ ...group, refs: [...group.refs] }));
}

/**
 * Claims the references of all groups (in one sorted order, so that two workers never deadlock), follows them to their
 * owners, and locks these, sorted, until no merge moves anything any more.
 * `alsoLock` are owners that are known without a reference.
 *
 * Unique constraints decide who owns a reference: what a look-up took for free and is not, fails and is claimed anew.
 */
export async function lockOwners<T>(
  trx: Trx,
  table: ReferenceTable,
  groups: ReferenceGroup<T>[],
  alsoLock: string[],
  makeId: () => string,
  lock: (trx: Trx, ids: string[]) => Promise<LockedOwners> = (trx, ids) => lockRoots(trx, table, ids),
): Promise<{ groups: OwnedGroup<T>[] } & LockedOwners> {
  const proposals = groups.map((group) => ({ group, id: makeId() }));
  const known = await claimReferences(trx, table, proposals);
  const proposed = new Set(proposals.map(({ id }) => id));
  const existing = new Set(alsoLock);
  for (const owner of known.values()) if (!proposed.has(owner)) existing.add(owner);
  const { rootOf, locked, heardOf } = await lock(trx, [...existing]);

  // Two groups of the batch that lead to one owner are one group.
  const sets = new Groups();
  for (const { group, id } of proposals) {
    const owners = group.refs.map((ref) => known.get(keyOf(group.scope, ref)) ?? id);
    sets.join([id, ...owners.map((owner) => rootOf.get(owner) ?? owner)]);
  }
  const joined = new Map<string, OwnedGroup<T> & { owners: Set<string> }>();
  for (const { group, id } of proposals) {
    const name = sets.find(id);
    const whole = joined.get(name) ?? {
      ...group,
      refs: [],
      members: [],
      ownerId: id,
      merged: [],
      isNew: true,
      owners: new Set<string>(),
    };
    joined.set(name, whole);
    whole.refs.push(...group.refs);
    whole.members.push(...group.members);
    for (const ref of group.refs) {
      const owner = known.get(keyOf(group.scope, ref));
      if (owner !== undefined && !proposed.has(owner)) whole.owners.add(rootOf.get(owner) ?? owner);
    }
  }
  const owned: OwnedGroup<T>[] = [];
  for (const { owners, ...group } of joined.values()) {
    const [survivor, ...others] = [...owners].sort(
      (a, b) => Number(heardOf.has(b)) - Number(heardOf.has(a)) || compareText(a, b),
    );
    owned.push({ ...group, ownerId: survivor ?? group.ownerId, merged: others, isNew: survivor === undefined });
  }
  await pointReferences(trx, table, owned, known, proposed);
  return { groups: owned, locked, rootOf, heardOf };
}

interface ReferenceClaim extends Scope {
  ref: string;
  /** Whose it is from now on, unless it is somebody's already. */
  owner: string;
}

/** Each reference's owner: the one that it has, else the proposed one, who has it from now on. */
async function claimReferences<T>(
  trx: Trx,
  table: ReferenceTable,
  proposals: { group: ReferenceGroup<T>; id: string }[],
): Promise<Map<string, string>> {
  const claims = proposals.flatMap(({ group, id }) => group.refs.map((ref) => ({ ...group.scope, ref, owner: id })));
  const owners = new Map(claims.map((claim) => [keyOf(claim, claim.ref), claim.owner]));
  if (claims.length === 0) return owners;
  const taken =
    claims.length < MANY ? await upsertReferences(trx, table, claims) : await appendReferences(trx, table, claims);
  for (const claim of taken) owners.set(keyOf(claim, claim.ref), claim.owner);
  return owners;
}

/** From about so many on, looking first and appending by COPY costs less than an upsert (measured at 1,000: half). */
const MANY = 50;

/**
 * Claims what is nobody's yet, and gives what is somebody's. A reference keeps the owner that it was committed with, so
 * reading tells it. What another worker claims at the same time makes the COPY fail: then all are claimed the other way.
 */
async function appendReferences(
  trx: Trx,
  table: ReferenceTable,
  claims: readonly ReferenceClaim[],
): Promise<ReferenceClaim[]> {
  const { sql, bindings } = rowSource('r', columnsOf('owner', claims));
  const taken = await runPositional<ReferenceClaim>(
    trx,
    `select r.program_id as "programId", r.livemode, r.ref, known.owner
     from ${sql} cross join lateral (
       select ${table.owner} as owner from ${table.refs} k
       where k.program_id = r.program_id and k.livemode = r.livemode and k.ref = r.ref limit 1) known`,
    bindings,
  );
  const known = new Set(taken.map((claim) => keyOf(claim, claim.ref)));
  const free = claims.filter((claim) => !known.has(keyOf(claim, claim.ref))).sort(inLockOrder);
  const stored = free.length === 0 || (await copyUnlessTaken(trx, table.refs, columnsOf(table.owner, free)));
  return stored ? taken : upsertReferences(trx, table, claims);
}

async function upsertReferences(
  trx: Trx,
  table: ReferenceTable,
  claims: readonly ReferenceClaim[],
): Promise<ReferenceClaim[]> {
  const { sql, bindings } = rowSource('r', columnsOf('owner', claims));
  return runPositional<ReferenceClaim>(
    trx,
    `with claimed as (
       insert into ${table.refs} (program_id, livemode, ref, ${table.owner})
       select program_id, livemode, ref, owner from ${sql}
       order by program_id, livemode, ref collate "C"
       on conflict (program_id, livemode, ref) do update set ${table.owner} = ${table.refs}.${table.owner}
       returning program_id, livemode, ref, ${table.owner} as owner, xmax = 0 as inserted)
     select program_id as "programId", livemode, ref, owner from claimed where not inserted`,
    bindings,
  );
}

function columnsOf(owner: string, claims: readonly ReferenceClaim[]): Column[] {
  return [
    { name: 'ref', type: 'text', values: claims.map((claim) => claim.ref) },
    { name: 'program_id', type: 'text', values: claims.map((claim) => claim.programId) },
    { name: 'livemode', type: 'boolean', values: claims.map((claim) => claim.livemode) },
    { name: owner, type: 'text', values: claims.map((claim) => claim.owner) },
  ];
}

function inLockOrder(a: ReferenceClaim, b: ReferenceClaim): number {
  return compareText(a.programId, b.programId) || Number(a.livemode) - Number(b.livemode) || compareText(a.ref, b.ref);
}

/**
 * Locks the owners that stand at the end of every chain of merges. A merge that committed between reading a chain and
 * locking its end is seen by the lock; then all locks are let go (by the savepoint) and taken again in sorted order.
 */
async function lockRoots(trx: Trx, table: ReferenceTable, ids: string[]): Promise<LockedOwners> {
  if (ids.length === 0) return { rootOf: new Map(), locked: [], heardOf: new Set() };
  for (;;) {
    const chains = await runPositional<{ start: string; id: string }>(
      trx,
      `with recursive chain as (
         select id as start, id, merged_into from ${table.owners} where id = any(?)
         union all
         select chain.start, owner.id, owner.merged_into
         from chain join ${table.owners} owner on owner.id = chain.merged_into)
       select start, id from chain where merged_into is null`,
      [ids],
    );
    const rootOf = new Map(chains.map((row) => [row.start, row.id]));
    await trx.raw('savepoint owners');
    const locked = await runPositional<{ id: string; merged_into: string | null }>(
      trx,
      `select id, merged_into from ${table.owners} where id = any(?) order by id for update`,
      [[...new Set(rootOf.values())]],
    );
    const stable = locked.every((row) => row.merged_into === null);
    await trx.raw(stable ? 'release savepoint owners' : 'rollback to savepoint owners');
    if (stable) return { rootOf, locked: [...new Set(rootOf.values())].sort(), heardOf: new Set(rootOf.values()) };
  }
}

/** New references of an owner that existed were claimed under a proposed id: they are pointed to the owner. */
async function pointReferences<T>(
  trx: Trx,
  table: ReferenceTable,
  groups: OwnedGroup<T>[],
  known: Map<string, string>,
  proposed: Set<string>,
): Promise<void> {
  const moves = groups.flatMap((group) =>
    group.refs
      .map((ref) => ({ ...group.scope, ref, owner: known.get(keyOf(group.scope, ref)) ?? '' }))
      .filter(({ owner }) => proposed.has(owner) && owner !== group.ownerId)
      .map(({ programId, livemode, ref }) => ({ programId, livemode, ref, ownerId: group.ownerId })),
  );
  if (moves.length === 0) return;
  await runPositional(
    trx,
    `update ${table.refs} as r set ${table.owner} = move.owner
     from unnest(?::text[], ?::boolean[], ?::text[], ?::text[]) as move (program_id, livemode, ref, owner)
     where r.program_id = move.program_id and r.livemode = move.livemode and r.ref = move.ref`,
    [
      moves.map((move) => move.programId),
      moves.map((move) => move.livemode),
      moves.map((move) => move.ref),
      moves.map((move) => move.ownerId),
    ],
  );
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}
