import type { Knex } from 'knex';
import type { Db } from './db.ts';

/** What a statement's `:names` stand for. */
export type Bindings = Readonly<Record<string, unknown>>;

/**
 * Runs one statement and gives its rows. `name` is what logs and `pg_stat_activity` show of it; `text` names what is bound
 * (`where id = :id`), and `bindings` has exactly those names. Arrays of text, numbers, booleans, dates, bytes and nulls
 * bind as PostgreSQL arrays, which the set-based statements live on and knex's own binding types do not admit.
 */
export async function runSql<Row>(db: Db, name: string, text: string, bindings: Bindings = {}): Promise<Row[]> {
  const { sql, names } = parseNames(name, text);
  const values = new Map(Object.entries(bindings).map(([key, value]) => [key, bindArray(value)]));
  for (const key of names) if (!values.has(key)) throw new Error(`statement ${name}: nothing is bound to :${key}`);
  for (const key of values.keys()) {
    if (!names.includes(key)) throw new Error(`statement ${name}: it does not say :${key}, which is bound`);
  }
  const { rows } = await db.raw<{ rows: Row[] }>(
    sql,
    names.map((key) => values.get(key)) as readonly Knex.RawBinding[],
  );
  return rows;
}

/** The name of a statement that is written once for several tables: of `readOwnersIn` and order_refs `readOwnersInOrderRefs`. */
export function nameFor(verb: string, table: string): string {
  return verb + table.replace(/(?:^|_)([a-z])/g, (_found, letter: string) => letter.toUpperCase());
}

/** The names in a part of a statement, each once. */
export function namesIn(part: string): string[] {
  return [...new Set([...part.matchAll(quotedOrNamed)].flatMap(([, name]) => (name === undefined ? [] : [name])))];
}

interface ParsedStatement {
  /** With knex's `?` in place of the names. */
  sql: string;
  /** A name for each `?`. */
  names: string[];
}

// The texts of statements that are put together from conditions are many, if few at a time: they must not pile up.
const KEPT_STATEMENTS = 1_000;
const parsed = new Map<string, ParsedStatement>();

/** Names count outside of quotes; `::` is a cast; a `?` is not knex's. */
const quotedOrNamed = /'(?:[^']|'')*'|::|:([A-Za-z]\w*)|\?/g;

function parseNames(name: string, text: string): ParsedStatement {
  const known = parsed.get(text);
  if (known) return known;
  const names: string[] = [];
  const sql = text.replace(quotedOrNamed, (found, bound: string | undefined) => {
    if (bound === undefined) return found.replaceAll('?', String.raw`\?`);
    names.push(bound);
    return '?';
  });
  if (parsed.size === KEPT_STATEMENTS) parsed.clear();
  const statement = { sql: `/* ${name} */ ${sql}`, names };
  parsed.set(text, statement);
  return statement;
}
function bindArray(binding: unknown): unknown {
  return Array.isArray(binding) ? toArray(binding as Element[]) : binding;
}

type Element = string | number | bigint | boolean | Date | Buffer | null | undefined;

/**
 * A PostgreSQL array literal. Several times faster than the driver's own, which escapes each element character by
 * character: most of what we bind are ids and numbers that need no quotes at all.
 */
function toArray(values: readonly Element[]): string {
  return `{${values.map(toElement).join(',')}}`;
}

function toElement(value: Element): string {
  if (value === null || value === undefined) return 'NULL';
  const text = toText(value);
  return needsNoQuotes.test(text) && !(text.length === 4 && meansNull.test(text)) ? text : quote(text);
}

function toText(value: NonNullable<Element>): string {
  if (typeof value !== 'object') return String(value);
  return value instanceof Date ? value.toISOString() : String.raw`\x${value.toString('hex')}`;
}

const needsNoQuotes = /^[A-Za-z0-9_.:+-]+$/;
const meansNull = /^null$/i;

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}
