import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { keepLocks, MAX_LOCK_TRIES, type LockedOwners } from './references.ts';

/** Where to look for orders that may be paired: those with this pairing key, around this time. */
export interface PairingSearch {
  scope: Scope;
  key: string;
  /** ISO 8601 UTC. */
  at: string;
}

/**
 * Locks orders, with all orders that may be paired with them or with the batch's facts (pair-unlinked.ts). Pairing keys come
 * before the orders, each a row, sorted: whoever changes which orders have a key holds its row, so no order gains or loses a
 * key unseen.
 * What moved between reading and locking shows afterwards; then all locks are released (by the savepoint) and taken again.
 *
 * `rootOf` leads to the order that a reference's owner was merged into for good; an order that was only joined without a link
 * stays its own. `locked` are all orders to be read.
 */
export async function lockOrders(trx: Trx, ids: string[], arriving: PairingSearch[]): Promise<LockedOwners> {
  if (ids.length === 0 && arriving.length === 0) {
    return { rootOf: new Map(), locked: [], knownToSubscribers: new Set() };
  }
  for (let tries = 0; tries < MAX_LOCK_TRIES; tries += 1) {
    const chains = await readChains(trx, ids);
    await runSql(trx, 'beforeLockingOrders', 'savepoint before_locks');
    const searches = [...arriving, ...chains.flatMap(({ search }) => search ?? [])];
    const keys = await lockPairingKeys(trx, searches);
    const candidates = await findPairingCandidates(trx, searches);
    const representatives = new Set([
      ...chains.map(({ representative }) => representative),
      ...candidates.map(({ id, representative }) => representative ?? id),
    ]);
    const rows = await runSql<LockedRow>(
      trx,
      'lockOrders',
      `select id, merged_into, program_id, livemode, hint, kind is not null as known
       from orders where id = any(:representatives) order by id for update`,
      { representatives: [...representatives] },
    );
    const stable =
      rows.every((row) => row.merged_into === null && (row.hint === null || keys.has(keyOf(scopeOf(row), row.hint)))) &&
      (searches.length === 0 || sameChains(chains, await readChains(trx, ids)));
    await keepLocks(trx, stable);
    if (!stable) continue;
    const locked = new Set([...representatives, ...candidates.map(({ id }) => id)]);
    const known = [...rows.filter((row) => row.known), ...candidates.filter((one) => one.known)];
    return {
      rootOf: new Map(chains.map(({ start, root }) => [start, root])),
      locked: [...locked].sort(),
      knownToSubscribers: new Set(known.map(({ id }) => id)),
    };
  }
  throw new Error(`orders kept being merged or paired: their locks were taken ${MAX_LOCK_TRIES} times`);
}

interface Chain {
  start: string;
  /** The order at which merges for good end. */
  root: string;
  /** The order at which joins without a link end, too: it stands for all of the chain. */
  representative: string;
  search: PairingSearch | null;
}

async function readChains(trx: Trx, ids: string[]): Promise<Chain[]> {
  if (ids.length === 0) return [];
  const rows = await runSql<ChainRow>(
    trx,
    'readOrderChains',
    `with recursive chain as (
       select id as start, 0 as depth, id, merged_into, joined_by_hint, program_id, livemode, hint, hint_at
       from orders where id = any(:ids)
       union all
       select chain.start, depth + 1, o.id, o.merged_into, o.joined_by_hint, o.program_id, o.livemode, o.hint, o.hint_at
       from chain join orders o on o.id = chain.merged_into)
     select start, id, program_id, livemode, hint, hint_at from chain
     where merged_into is null or joined_by_hint
     order by start, depth`,
    { ids },
  );
  const chains = new Map<string, Chain>();
  for (const row of rows) {
    const known = chains.get(row.start);
    if (known) known.representative = row.id;
    else chains.set(row.start, { start: row.start, root: row.id, representative: row.id, search: searchOf(row) });
  }
  return [...chains.values()];
}

/** Locks each pairing key once, making its row where there is none; gives the keys that are held. */
async function lockPairingKeys(trx: Trx, searches: PairingSearch[]): Promise<Set<string>> {
  const byKey = new Map(searches.map(({ scope, key }) => [keyOf(scope, key), { scope, key }]));
  if (byKey.size === 0) return new Set();
  const keys = [...byKey.values()];
  await runSql(
    trx,
    'lockPairingKeys',
    `insert into order_pools (program_id, livemode, hint)
     select program_id, livemode, hint
     from unnest(:programIds::text[], :livemodes::boolean[], :keys::text[]) as p (program_id, livemode, hint)
     order by program_id, livemode, hint collate "C"
     on conflict (program_id, livemode, hint) do update set hint = order_pools.hint`,
    {
      programIds: keys.map(({ scope }) => scope.programId),
      livemodes: keys.map(({ scope }) => scope.livemode),
      keys: keys.map(({ key }) => key),
    },
  );
  return new Set(byKey.keys());
}

/** All orders with the keys that lie within the window of a search, or of another order found. */
export async function findPairingCandidates(trx: Trx, searches: PairingSearch[]): Promise<PairingCandidate[]> {
  if (searches.length === 0) return [];
  return runSql(
    trx,
    'findPairingCandidates',
    `with recursive candidate as (
       select o.id, o.merged_into as representative, o.kind is not null as known, o.program_id, o.livemode, o.hint,
         o.hint_at
       from unnest(:programIds::text[], :livemodes::boolean[], :keys::text[], :times::timestamptz[])
         as search (program_id, livemode, hint, at)
       join orders o on o.program_id = search.program_id and o.livemode = search.livemode and o.hint = search.hint
         and o.hint_at between search.at - interval '1 hour' and search.at + interval '1 hour'
       union
       select o.id, o.merged_into, o.kind is not null, o.program_id, o.livemode, o.hint, o.hint_at
       from candidate c join orders o on o.program_id = c.program_id and o.livemode = c.livemode and o.hint = c.hint
         and o.hint_at between c.hint_at - interval '1 hour' and c.hint_at + interval '1 hour')
     select id, representative, known from candidate`,
    {
      programIds: searches.map(({ scope }) => scope.programId),
      livemodes: searches.map(({ scope }) => scope.livemode),
      keys: searches.map(({ key }) => key),
      times: searches.map(({ at }) => at),
    },
  );
}

function sameChains(before: Chain[], after: Chain[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

function searchOf(row: ChainRow): PairingSearch | null {
  if (row.hint === null || row.hint_at === null) return null;
  return { scope: scopeOf(row), key: row.hint, at: row.hint_at.toISOString() };
}

function keyOf(scope: Scope, pairingKey: string): string {
  return `${scopeKey(scope)} ${pairingKey}`;
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

export interface PairingCandidate {
  id: string;
  /** The order that it is joined to, and that stands for it. */
  representative: string | null;
  /** Whether a delivered event told of it. */
  known: boolean;
}

interface LockedRow {
  id: string;
  known: boolean;
  merged_into: string | null;
  program_id: string;
  livemode: boolean;
  hint: string | null;
}
