import type { Knex } from 'knex';
import { rowSource } from '../db/rows.ts';
import { runSql, toArray } from '../db/sql.ts';
import { compareText } from './fold.ts';
import { Groups } from './groups.ts';

/** A tenant's side, live or test: everything unique is unique within it. */
export interface Scope {
  programId: string;
  livemode: boolean;
}

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
 * Claims the references of all groups (the upsert locks those that exist, in one sorted order, so that two workers
 * never deadlock), follows them to their owners, and locks these, sorted, until no merge moves anything any more.
 * `alsoLock` are owners that are known without a reference.
 *
 * Unique constraints decide who owns a reference; nothing is checked first and inserted later.
 */
export async function lockOwners<T>(
  trx: Knex,
  table: ReferenceTable,
  groups: ReferenceGroup<T>[],
  alsoLock: string[],
  makeId: () => string,
  lock: (trx: Knex, ids: string[]) => Promise<LockedOwners> = (trx, ids) => lockRoots(trx, table, ids),
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

async function claimReferences<T>(
  trx: Knex,
  table: ReferenceTable,
  proposals: { group: ReferenceGroup<T>; id: string }[],
): Promise<Map<string, string>> {
  const flat = proposals.flatMap(({ group, id }) => group.refs.map((ref) => ({ ...group.scope, ref, id })));
  // Whose references are new: said here rather than sent back.
  const owners = new Map(flat.map((claim) => [keyOf(claim, claim.ref), claim.id]));
  if (flat.length === 0) return owners;
  const { sql, bindings } = rowSource('r', [
    { name: 'ref', type: 'text', values: flat.map(({ ref }) => ref) },
    { name: 'program_id', type: 'text', values: flat.map(({ programId }) => programId) },
    { name: 'livemode', type: 'boolean', values: flat.map(({ livemode }) => livemode) },
    { name: 'owner', type: 'text', values: flat.map(({ id }) => id) },
  ]);
  const rows = await runSql<{ program_id: string; livemode: boolean; ref: string; owner: string }>(
    trx,
    `with claimed as (
       insert into ${table.refs} (program_id, livemode, ref, ${table.owner})
       select program_id, livemode, ref, owner from ${sql}
       order by program_id, livemode, ref collate "C"
       on conflict (program_id, livemode, ref) do update set ${table.owner} = ${table.refs}.${table.owner}
       returning program_id, livemode, ref, ${table.owner} as owner, xmax = 0 as inserted)
     select program_id, livemode, ref, owner from claimed where not inserted`,
    bindings,
  );
  for (const row of rows) owners.set(keyOf({ programId: row.program_id, livemode: row.livemode }, row.ref), row.owner);
  return owners;
}

/**
 * Locks the owners that stand at the end of every chain of merges. A merge that committed between reading a chain and
 * locking its end is seen by the lock; then all locks are let go (by the savepoint) and taken again in sorted order.
 */
async function lockRoots(trx: Knex, table: ReferenceTable, ids: string[]): Promise<LockedOwners> {
  if (ids.length === 0) return { rootOf: new Map(), locked: [], heardOf: new Set() };
  for (;;) {
    const chains = await runSql<{ start: string; id: string }>(
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
    const locked = await runSql<{ id: string; merged_into: string | null }>(
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
  trx: Knex,
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
  await runSql(
    trx,
    `update ${table.refs} as r set ${table.owner} = move.owner
     from unnest(?::text[], ?::boolean[], ?::text[], ?::text[]) as move (program_id, livemode, ref, owner)
     where r.program_id = move.program_id and r.livemode = move.livemode and r.ref = move.ref`,
    [
      toArray(moves.map((move) => move.programId)),
      toArray(moves.map((move) => move.livemode)),
      toArray(moves.map((move) => move.ref)),
      toArray(moves.map((move) => move.ownerId)),
    ],
  );
}

export function scopeKey({ programId, livemode }: Scope): string {
  return `${programId} ${livemode ? 'live' : 'test'}`;
}

function keyOf(scope: Scope, ref: string): string {
  return `${scopeKey(scope)} ${ref}`;
}
