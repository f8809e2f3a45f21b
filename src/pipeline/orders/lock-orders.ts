import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import { type LockedOwners } from './references.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';

/** A hint that a batch brings, or that a stored order gives: its pool of orders is matched anew. */
export interface PoolSeed {
  scope: Scope;
  key: string;
  /** ISO 8601 UTC. */
  at: string;
}

/**
 * Locks orders, with all orders of the pools that they or the batch's facts belong to. Pools come first, each as one row,
 * sorted: whoever changes a pool holds it, so an order cannot enter or leave one unseen. What moved between reading and
 * locking shows afterwards; then all locks are let go (by the savepoint) and taken again.
 *
 * `rootOf` leads to the order that a reference's owner was merged into for good; an order that was only joined by a hint
 * stays its own. `locked` are all orders to be read.
 */
export async function lockOrders(trx: Trx, ids: string[], arriving: PoolSeed[]): Promise<LockedOwners> {
  if (ids.length === 0 && arriving.length === 0) return { rootOf: new Map(), locked: [], heardOf: new Set() };
  for (;;) {
    const chains = await readChains(trx, ids);
    await trx.raw('savepoint owners');
    const seeds = [...arriving, ...chains.flatMap((row) => row.seed ?? [])];
    const keys = await lockPools(trx, seeds);
    const members = await findMembers(trx, seeds);
    const faces = new Set([...chains.map(({ face }) => face), ...members.map(({ id, face }) => face ?? id)]);
    const rows = await runPositional<LockedRow>(
      trx,
      `select id, merged_into, program_id, livemode, hint, kind is not null as heard
       from orders where id = any(?) order by id for update`,
      [[...faces]],
    );
    const stable =
      rows.every((row) => row.merged_into === null && (row.hint === null || keys.has(keyOf(scopeOf(row), row.hint)))) &&
      (seeds.length === 0 || sameChains(chains, await readChains(trx, ids)));
    await trx.raw(stable ? 'release savepoint owners' : 'rollback to savepoint owners');
    if (!stable) continue;
    const locked = new Set([...faces, ...members.map(({ id }) => id)]);
    const heardOf = [...rows.filter(({ heard }) => heard), ...members.filter(({ heard }) => heard)].map(({ id }) => id);
    return {
      rootOf: new Map(chains.map(({ start, root }) => [start, root])),
      locked: [...locked].sort(),
      heardOf: new Set(heardOf),
    };
  }
}

interface Chain {
  start: string;
  /** Where merges for good end. */
  root: string;
  /** Where joins by a hint end, too: the order that stands for it. */
  face: string;
  seed: PoolSeed | null;
}

async function readChains(trx: Trx, ids: string[]): Promise<Chain[]> {
  if (ids.length === 0) return [];
  const rows = await runPositional<ChainRow>(
    trx,
    `with recursive chain as (
       select id as start, 0 as depth, id, merged_into, joined_by_hint, program_id, livemode, hint, hint_at
       from orders where id = any(?)
       union all
       select chain.start, depth + 1, o.id, o.merged_into, o.joined_by_hint, o.program_id, o.livemode, o.hint, o.hint_at
       from chain join orders o on o.id = chain.merged_into)
     select start, id, program_id, livemode, hint, hint_at from chain
     where merged_into is null or joined_by_hint
     order by start, depth`,
    [ids],
  );
  const chains = new Map<string, Chain>();
  for (const row of rows) {
    const known = chains.get(row.start);
    if (known) known.face = row.id;
    else chains.set(row.start, { start: row.start, root: row.id, face: row.id, seed: seedOf(row) });
  }
  return [...chains.values()];
}

/** Locks each pool once, making its row where there is none. */
async function lockPools(trx: Trx, seeds: PoolSeed[]): Promise<Set<string>> {
  const pools = new Map(seeds.map(({ scope, key }) => [keyOf(scope, key), { scope, key }]));
  if (pools.size === 0) return new Set();
  const list = [...pools.values()];
  await runPositional(
    trx,
    `insert into order_pools (program_id, livemode, hint)
     select program_id, livemode, hint from unnest(?::text[], ?::boolean[], ?::text[]) as p (program_id, livemode, hint)
     order by program_id, livemode, hint collate "C"
     on conflict (program_id, livemode, hint) do update set hint = order_pools.hint`,
    [list.map(({ scope }) => scope.programId), list.map(({ scope }) => scope.livemode), list.map(({ key }) => key)],
  );
  return new Set(pools.keys());
}

/** All orders of the pools that lie within the window of a seed, or of another one found. */
export async function findMembers(trx: Trx, seeds: PoolSeed[]): Promise<Member[]> {
  if (seeds.length === 0) return [];
  return runPositional(
    trx,
    `with recursive member as (
       select o.id, o.merged_into as face, o.kind is not null as heard, o.program_id, o.livemode, o.hint, o.hint_at
       from unnest(?::text[], ?::boolean[], ?::text[], ?::timestamptz[]) as seed (program_id, livemode, hint, at)
       join orders o on o.program_id = seed.program_id and o.livemode = seed.livemode and o.hint = seed.hint
         and o.hint_at between seed.at - interval '1 hour' and seed.at + interval '1 hour'
       union
       select o.id, o.merged_into, o.kind is not null, o.program_id, o.livemode, o.hint, o.hint_at
       from member join orders o on o.program_id = member.program_id and o.livemode = member.livemode
         and o.hint = member.hint
         and o.hint_at between member.hint_at - interval '1 hour' and member.hint_at + interval '1 hour')
     select id, face, heard from member`,
    [
      seeds.map(({ scope }) => scope.programId),
      seeds.map(({ scope }) => scope.livemode),
      seeds.map(({ key }) => key),
      seeds.map(({ at }) => at),
    ],
  );
}

function sameChains(before: Chain[], after: Chain[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

function seedOf(row: ChainRow): PoolSeed | null {
  if (row.hint === null || row.hint_at === null) return null;
  return { scope: scopeOf(row), key: row.hint, at: row.hint_at.toISOString() };
}

function keyOf(scope: Scope, hint: string): string {
  return `${scopeKey(scope)} ${hint}`;
}

function scopeOf(row: { program_id: string; livemode: boolean }): Scope {
  return { programId: row.program_id, livemode: row.livemode };
}

interface ChainRow {
  start: string;
  id: string;
  program_id: string;
  livemode: boolean;
  hint: string | null;
  hint_at: Date | null;
}

export interface Member {
  id: string;
  /** The order that it is joined to. */
  face: string | null;
  heard: boolean;
}

interface LockedRow {
  id: string;
  heard: boolean;
  merged_into: string | null;
  program_id: string;
  livemode: boolean;
  hint: string | null;
}
