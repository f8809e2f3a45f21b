import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { compareText } from '../../domain/orderings.ts';
import { readFamilyRows, type CustomerRecord } from '../rows/family-rows.ts';
import { DisjointSets } from './disjoint-sets.ts';
import { keepLocks, MAX_LOCK_TRIES } from './references.ts';

/**
 * Customers, each with all records of theirs: of ids, merged where a message named two, and of e-mails that stand for an id.
 * Of those that are not merged away, the oldest that is known by an id stands for the customer; without any, the e-mail's.
 */
export interface Families {
  records: ReadonlyMap<string, CustomerRecord>;
  /** Each record, to the one at the end of its merges. */
  mergedTo: ReadonlyMap<string, string>;
  /** Each record, to the one that stands for the customer. */
  rootOf: ReadonlyMap<string, string>;
}

export const noFamilies: Families = { records: new Map(), mergedTo: new Map(), rootOf: new Map() };

/** What a batch adds to the records that are stored: new ones, and merges. */
export interface FamilyChanges {
  added: readonly CustomerRecord[];
  merges: readonly { id: string; mergedInto: string }[];
}

/** Reads the families of records as they are stored. */
export async function readFamilies(trx: Trx, ids: readonly string[]): Promise<Families> {
  const rows = await readFamilyRows(trx, ids);
  return gatherFamilies(
    rows,
    rows.map(({ start, id }) => [start, id]),
  );
}

/** Families with what the batch adds to the records that are stored. */
export function extendFamilies({ records, rootOf }: Families, { added, merges }: FamilyChanges): Families {
  const survivorOf = new Map(merges.map(({ id, mergedInto }) => [id, mergedInto]));
  const all = new Map([...records.values(), ...added].map((record) => [record.id, record]));
  const links = [...rootOf, ...survivorOf];
  return gatherFamilies(
    [...all.values()].map((one) => ({ ...one, mergedInto: survivorOf.get(one.id) ?? one.mergedInto })),
    links,
  );
}

function gatherFamilies(all: readonly CustomerRecord[], links: readonly (readonly [string, string])[]): Families {
  const records = new Map(
    all.map(({ id, mergedInto, isEmail, isKeyless, hasLeads }) => [
      id,
      { id, mergedInto, isEmail, isKeyless, hasLeads },
    ]),
  );
  const sets = new DisjointSets();
  for (const link of links) sets.join(link);
  const first = new Map<string, CustomerRecord>();
  for (const record of records.values()) {
    if (record.mergedInto !== null) continue;
    const name = sets.find(record.id);
    const known = first.get(name);
    if (!known || standsBefore(record, known)) first.set(name, record);
  }
  const rootOf = new Map([...records.keys()].map((id) => [id, first.get(sets.find(id))?.id ?? id]));
  const mergedTo = new Map([...records.values()].map((record) => [record.id, endOfMerges(record, records)]));
  return { records, rootOf, mergedTo };
}

function standsBefore(a: CustomerRecord, b: CustomerRecord): boolean {
  return (Number(a.isEmail) - Number(b.isEmail) || compareText(a.id, b.id)) < 0;
}

function endOfMerges({ id, mergedInto }: CustomerRecord, records: ReadonlyMap<string, CustomerRecord>): string {
  let end = id;
  for (let next = mergedInto; next !== null; next = records.get(next)?.mergedInto ?? null) end = next;
  return end;
}

/**
 * Locks all records of the customers that the given ones belong to, sorted. What a concurrent batch merged, or introduced
 * otherwise, between reading and locking shows afterwards; then all locks are released (by the savepoint) and taken again.
 */
export async function lockFamilies(trx: Trx, ids: string[]): Promise<Families> {
  if (ids.length === 0) return noFamilies;
  for (let tries = 0; tries < MAX_LOCK_TRIES; tries += 1) {
    const seen = await readFamilies(trx, ids);
    const open = [...seen.records.values()].filter(({ mergedInto }) => mergedInto === null).map(({ id }) => id);
    await runSql(trx, 'beforeLockingCustomers', 'savepoint before_locks');
    await runSql(trx, 'lockCustomers', 'select 1 from customers where id = any(:ids) order by id for update', {
      ids: open,
    });
    const locked = await readFamilies(trx, ids);
    const stable = isSame(seen, locked);
    await keepLocks(trx, stable);
    if (stable) return locked;
  }
  throw new Error(`customers kept being merged or introduced: their locks were taken ${MAX_LOCK_TRIES} times`);
}

function isSame(a: Families, b: Families): boolean {
  if (a.records.size !== b.records.size) return false;
  for (const [id, { mergedInto }] of a.records) {
    if (b.records.get(id)?.mergedInto !== mergedInto || b.rootOf.get(id) !== a.rootOf.get(id)) return false;
  }
  return true;
}

/** The customers whose records, or the one that stands for them, are not what they were. */
export function changedFamilies(before: Families, after: Families): Set<string> {
  const changed = new Set<string>();
  const leftOf = new Map<string, string>();
  for (const [id, root] of after.rootOf) {
    const rootBefore = before.rootOf.get(id);
    if (rootBefore === undefined) continue;
    if (rootBefore !== root) changed.add(root);
    const other = leftOf.get(rootBefore);
    if (other !== undefined && other !== root) changed.add(root).add(other);
    else leftOf.set(rootBefore, root);
  }
  return changed;
}
