import { channel } from 'node:diagnostics_channel';
import type { Client, QueryResultRow } from 'pg';
import { submit, withConnection } from './connection.ts';
import type { Db } from './db.ts';
import { isStalePlan } from './pg-errors.ts';

/** Tells the name and the text of each statement that `runSql` sends. */
export const statementsSent = channel('tributary:statement');

/** What a statement's `:names` stand for. */
export type Bindings = Readonly<Record<string, unknown>>;

/**
 * Runs one statement and gives its rows. `name` is what logs and `pg_stat_activity` show of it; `text` names what is bound
 * (`where id = :id`), and `bindings` has exactly those names. Arrays of text, numbers, booleans, dates, bytes and nulls
 * bind as PostgreSQL arrays, which the set-based statements live on.
 *
 * On a transaction the statement is sent before this returns: those that do not wait for each other share a round trip.
 */
export async function runSql<Row>(db: Db, name: string, text: string, bindings: Bindings = {}): Promise<Row[]> {
  const statement = parseNames(name, text);
  const { values, few } = bindValues(name, statement, bindings);
  for (;;) {
    let prepared: string | undefined;
    if (statementsSent.hasSubscribers) statementsSent.publish({ name, text });
    try {
      const { rows } = await withConnection(db, (connection) => {
        prepared = few && mayPrepare(db, connection) ? preparedName(statement) : undefined;
        return submit<QueryResultRow>(connection, { text: statement.sql, values, name: prepared });
      });
      return rows as Row[];
    } catch (error) {
      const isStale = prepared !== undefined && isStalePlan(error);
      if (isStale) forgetPrepared(statement, prepared as string);
      // Within a transaction whoever began it tries again: the error counts as a collision.
      if (!isStale || db.isTransaction) throw named(error, name);
    }
  }
}

/** An error of PostgreSQL does not say which statement it is about. Values may be personal or secret, and are not quoted. */
function named(error: unknown, name: string): unknown {
  if (error instanceof Error && !error.message.startsWith(`${name}: `)) error.message = `${name}: ${error.message}`;
  return error;
}

function bindValues(
  name: string,
  { names, distinct }: ParsedStatement,
  bindings: Bindings,
): { values: unknown[]; few: boolean } {
  let few = true;
  for (const key in bindings) {
    if (bindings[key] === undefined) throw new Error(`statement ${name}: nothing is bound to :${key}`);
    if (!distinct.has(key)) throw new Error(`statement ${name}: it does not say :${key}, which is bound`);
  }
  // An array that is named twice is written once.
  const written = distinct.size < names.length ? new Map<string, unknown>() : null;
  const values = names.map((key) => {
    const value = bindings[key];
    if (value === undefined) throw new Error(`statement ${name}: nothing is bound to :${key}`);
    if (!Array.isArray(value)) return value;
    if (value.length > FEW) few = false;
    const array = written?.get(key) ?? toArray(value as Element[]);
    written?.set(key, array);
    return array;
  });
  return { values, few };
}

/**
 * Up to so many rows a statement is prepared, once a connection, and keeps its plan: planning it costs more than running it.
 * One with more rows is planned for as many as it has.
 */
export const FEW = 16;

/** Behind a transaction pooler the next statement may reach another connection, which knows no prepared ones. */
function mayPrepare(db: Db, connection: Client & { isPooled?: boolean }): boolean {
  const prepares = (db.userParams as { preparesStatements?: boolean } | undefined)?.preparesStatements === true;
  return prepares && connection.isPooled !== true;
}

/** A text that is seldom run, or one of many, is not worth the memory of a plan on each connection. */
const WORTH_PREPARING = 5;
const MOST_PREPARED = 250;
let preparedStatements = 0;

function preparedName(statement: ParsedStatement): string | undefined {
  statement.runs += 1;
  if (statement.prepared === undefined && statement.runs >= WORTH_PREPARING && preparedStatements < MOST_PREPARED) {
    preparedStatements += 1;
    statement.prepared = `s${preparedStatements}`;
    keptForGood.set(statement.text, statement);
  }
  return statement.prepared;
}

/** A migration changed what it reads, or the connection lost it: from now on it has another name everywhere. */
function forgetPrepared(statement: ParsedStatement, prepared: string): void {
  if (statement.prepared !== prepared) return;
  delete statement.prepared;
  statement.runs = 0;
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
  /** As it was written. */
  text: string;
  /** With `$1`, `$2`, … in place of the names. */
  sql: string;
  /** A name for each of them. */
  names: string[];
  distinct: ReadonlySet<string>;
  /** How often it was run with few rows. */
  runs: number;
  /** Its name on connections, once it is prepared there. */
  prepared?: string;
}

// The texts of statements that are put together from conditions are many, if few at a time: they must not pile up.
const KEPT_STATEMENTS = 1_000;
const parsed = new Map<string, ParsedStatement>();
/** Those that are prepared: one text has one name for as long as the process lives. */
const keptForGood = new Map<string, ParsedStatement>();

/** Names count outside of quotes; `::` is a cast. */
const quotedOrNamed = /'(?:[^']|'')*'|::|:([A-Za-z]\w*)/g;

function parseNames(name: string, text: string): ParsedStatement {
  const known = parsed.get(text) ?? keptForGood.get(text);
  if (known) return known;
  const names: string[] = [];
  const sql = text.replace(quotedOrNamed, (found, bound: string | undefined) => {
    if (bound === undefined) return found;
    names.push(bound);
    return `$${names.length}`;
  });
  if (parsed.size === KEPT_STATEMENTS) parsed.clear();
  const statement = { text, sql: `/* ${name} */ ${sql}`, names, distinct: new Set(names), runs: 0 };
  parsed.set(text, statement);
  return statement;
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
