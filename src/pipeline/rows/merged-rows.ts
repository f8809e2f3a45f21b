import type { Trx } from '../../db/db.ts';
import { nameFor, runSql } from '../../db/sql.ts';

/** What turned out to be another one points to it (`merged_into`), which may point on. */
export type MergingTable = 'orders' | 'customers';

/** Each of the ids, to the one at the end of its chain of merges (itself, where it was not merged). */
export async function readRoots(trx: Trx, table: MergingTable, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await runSql<{ start: string; id: string }>(
    trx,
    nameFor('readRootsOf', table),
    `with recursive chain as (
       select id as start, id, merged_into from ${table} where id = any(:ids)
       union all
       select chain.start, next.id, next.merged_into from chain join ${table} next on next.id = chain.merged_into)
     select start, id from chain where merged_into is null`,
    { ids },
  );
  return new Map(rows.map(({ start, id }) => [start, id]));
}

/** Every customer that was merged into one of the roots, to its root; the roots to themselves. */
export async function readMergedCustomers(trx: Trx, roots: readonly string[]): Promise<Map<string, string>> {
  const rootOf = new Map(roots.map((root) => [root, root]));
  if (roots.length === 0) return rootOf;
  const rows = await runSql<{ id: string; root: string }>(
    trx,
    'readMergedCustomers',
    `with recursive tree as (
       select id, id as root from customers where id = any(:roots)
       union all
       select child.id, tree.root from tree join customers child on child.merged_into = tree.id)
     select id, root from tree`,
    { roots },
  );
  for (const row of rows) rootOf.set(row.id, row.root);
  return rootOf;
}
