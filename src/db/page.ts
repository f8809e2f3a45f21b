import { joinBindings, joinConditions, type Condition } from './conditions.ts';
import type { Db } from './db.ts';
import { runSql, type Bindings } from './sql.ts';

/** A page, newest first: what comes after an id (stable while rows are added), or after so many rows. */
export interface PageRequest {
  limit: number;
  /** The last id of the page before. */
  beforeId?: string | null;
  /** Rows to skip, for callers whose pages are numbered. */
  offset?: number;
  /** Whether to count all rows of the list, too. */
  counted?: boolean;
  /** The other way round: `beforeId` is then what the page comes after. */
  oldestFirst?: boolean | undefined;
}

export interface Page<T> {
  items: T[];
  hasMore: boolean;
  /** All rows of the list, where they were to be counted. */
  total?: number;
}

/** A list that is read by pages. */
export interface PagedList {
  /** Of the statement. */
  name: string;
  /** `select … from …`, without `where`. */
  select: string;
  /** The id in it, as a condition has to call it. */
  id: string;
  /** Where ids do not tell what is newer (imports bring their own): the time of creation that rows are sorted by before their id. */
  createdAt?: { column: string; /** SQL that gives it of the row `:beforeId`. */ ofBefore: string };
}

/**
 * Reads one page, newest first. Asks for one row more than it gives, to know whether there are more. `total` is a query
 * of one number that knows the count of the list without counting it.
 */
export async function selectPage<T>(
  db: Db,
  list: PagedList,
  conditions: readonly Condition[],
  page: PageRequest,
  total?: Condition,
): Promise<Page<T>> {
  const where = joinConditions([...conditions, ...afterCursor(list, page)]);
  if (page.counted) return await selectCountedPage(db, list, where, page, total);
  const rows = await runSql<T>(db, list.name, pageOf(list, where, page), { ...where.bindings, ...cutOf(page) });
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** In one statement: a second one would cost a round trip, and see another moment. */
async function selectCountedPage<T>(
  db: Db,
  list: PagedList,
  where: Condition,
  page: PageRequest,
  known: Condition | undefined,
): Promise<Page<T>> {
  const total = known ?? {
    sql: `select count(*) from (${list.select} where ${where.sql}) as counted`,
    bindings: where.bindings,
  };
  const counting = list.select.replace(/^\s*select /, () => `select (${total.sql}) as total, `);
  const rows = await runSql<T & { total: bigint }>(
    db,
    `${list.name}Counted`,
    pageOf({ ...list, select: counting }, where, page),
    { ...joinBindings([total.bindings, where.bindings]), ...cutOf(page) },
  );
  const [first] = rows;
  const items = rows.slice(0, page.limit).map(dropTotal<T>);
  if (first) return { items, hasMore: rows.length > page.limit, total: Number(first.total) };
  // Past the last page no row brings the total along.
  const [row] =
    (page.offset ?? 0) === 0
      ? []
      : await runSql<{ total: bigint }>(db, `${list.name}Total`, `select (${total.sql}) as total`, total.bindings);
  return { items, hasMore: false, total: Number(row?.total ?? 0n) };
}

/** The time of the row is asked of the database, which has it to the microsecond; a cursor stays an id. */
function afterCursor({ id, createdAt }: PagedList, { beforeId, oldestFirst }: PageRequest): Condition[] {
  if (beforeId === undefined || beforeId === null) return [];
  const follows = oldestFirst ? '>' : '<';
  const sql = createdAt
    ? `(${createdAt.column}, ${id}) ${follows} ((${createdAt.ofBefore}), :beforeId)`
    : `${id} ${follows} :beforeId`;
  return [{ sql, bindings: { beforeId } }];
}

function pageOf({ select, id, createdAt }: PagedList, where: Condition, { oldestFirst }: PageRequest): string {
  const direction = oldestFirst ? 'asc' : 'desc';
  const order = [...(createdAt ? [createdAt.column] : []), id].map((column) => `${column} ${direction}`).join(', ');
  return `${select} where ${where.sql} order by ${order} limit :rowsWanted offset :rowsSkipped`;
}

function cutOf({ limit, offset = 0 }: PageRequest): Bindings {
  return { rowsWanted: limit + 1, rowsSkipped: offset };
}

function dropTotal<T>(row: T & { total: unknown }): T {
  const { total: _, ...item } = row;
  return item as unknown as T;
}
