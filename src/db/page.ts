import type { Db } from './db.ts';
import { runPositional } from './sql.ts';

/** A page, newest first: what comes after an id (stable while rows are added), or after so many rows. */
export interface PageRequest {
  limit: number;
  /** The last id of the page before. */
  beforeId?: string | null;
  /** Rows to skip, for callers whose pages are numbered. */
  offset?: number;
  /** Whether to count all rows of the list, too. */
  counted?: boolean;
}

export interface Page<T> {
  items: T[];
  hasMore: boolean;
  /** All rows of the list, where they were to be counted. */
  total?: number;
}

/** A condition of a query with its bindings: `sql` has a `?` for each. */
export interface Condition {
  sql: string;
  bindings: readonly unknown[];
}

/** `value` undefined or null is no condition. */
export function conditionOf(sql: string, value: unknown): Condition[] {
  return value === undefined || value === null ? [] : [{ sql, bindings: [value] }];
}

/**
 * Reads one page of `select … from …` (without `where`), newest id first. Asks for one row more than it gives, to know
 * whether there are more. `total` is a query of one number that knows the count of the list without counting it.
 */
export async function selectPage<T>(
  db: Db,
  select: string,
  idColumn: string,
  conditions: readonly Condition[],
  page: PageRequest,
  total?: Condition,
): Promise<Page<T>> {
  const all = [...conditions, ...conditionOf(`${idColumn} < ?`, page.beforeId)];
  if (page.counted) return await selectCountedPage(db, select, idColumn, all, page, total);
  const rows = await runPositional<T>(
    db,
    `${select} where ${joinConditions(all)} order by ${idColumn} desc limit ? offset ?`,
    [...all.flatMap(({ bindings }) => bindings), page.limit + 1, page.offset ?? 0],
  );
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** In one statement: a second one would cost a round trip, and see another moment. */
async function selectCountedPage<T>(
  db: Db,
  select: string,
  idColumn: string,
  conditions: readonly Condition[],
  page: PageRequest,
  known: Condition | undefined,
): Promise<Page<T>> {
  const offset = page.offset ?? 0;
  const where = joinConditions(conditions);
  const bindings = conditions.flatMap((condition) => condition.bindings);
  const total = known ?? { sql: `select count(*) from (${select} where ${where}) as counted`, bindings };
  const counting = select.replace(/^\s*select /, () => `select (${total.sql}) as total, `);
  const rows = await runPositional<T & { total: bigint }>(
    db,
    `${counting} where ${where} order by ${idColumn} desc limit ? offset ?`,
    [...total.bindings, ...bindings, page.limit + 1, offset],
  );
  const [first] = rows;
  const items = rows.slice(0, page.limit).map(dropTotal<T>);
  if (first) return { items, hasMore: rows.length > page.limit, total: Number(first.total) };
  // Past the end no row tells it.
  const [row] =
    offset === 0 ? [] : await runPositional<{ total: bigint }>(db, `select (${total.sql}) as total`, total.bindings);
  return { items, hasMore: false, total: Number(row?.total ?? 0n) };
}

function dropTotal<T>(row: T & { total: unknown }): T {
  const { total: _, ...item } = row;
  return item as unknown as T;
}

function joinConditions(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => sql).join(' and ') || 'true';
}
