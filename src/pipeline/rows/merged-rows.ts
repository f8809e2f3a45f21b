import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';

/** Each of the orders, to the one at the end of its chain of merges (itself, where it was not merged). */
export async function readRoots(trx: Trx, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await runSql<{ start: string; id: string }>(
    trx,
    'readRootsOfOrders',
    `with recursive chain as (
       select id as start, id, merged_into from orders where id = any(:ids)
       union all
       select chain.start, next.id, next.merged_into from chain join orders next on next.id = chain.merged_into)
     select start, id from chain where merged_into is null`,
    { ids },
  );
  return new Map(rows.map(({ start, id }) => [start, id]));
}
