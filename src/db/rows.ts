import type { Knex } from 'knex';
import type { Client } from 'pg';
import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { toArray } from './sql.ts';

type ColumnType = 'text' | 'boolean' | 'integer' | 'bigint' | 'timestamptz' | 'bytea' | 'json' | 'jsonb';

type Value = string | number | bigint | boolean | Buffer | null;

/** One column of many rows. JSON comes as text, bytes as a Buffer, times as ISO 8601. */
export interface Column {
  name: string;
  type: ColumnType;
  values: readonly Value[];
}

/** What a set-based statement reads from: `select … from ${sql}`, with the bindings of its placeholders. */
export interface RowSource {
  sql: string;
  bindings: unknown[];
}

/**
 * Many rows as a derived table `as name`, in a fixed number of bindings. A value that all rows share travels once and is
 * not unnested: most columns of a batch do (measured for orders: 41 columns at 11 µs a row, so at 4).
 */
export function rowSource(name: string, columns: readonly Column[]): RowSource {
  const selected: string[] = [];
  const constants: Value[] = [];
  const varying: Column[] = [];
  for (const [index, column] of columns.entries()) {
    const shared = sharedValue(column.values);
    // The first column tells how many rows there are.
    if (index === 0 || shared === undefined) {
      varying.push(column);
      selected.push(read(column));
    } else {
      constants.push(shared);
      selected.push(`?::${column.type} as ${column.name}`);
    }
  }
  const functions = varying.map((column) =>
    isJson(column) ? String.raw`string_to_table(?::text, E'\n', '')` : `unnest(?::${column.type}[])`,
  );
  return {
    sql: `(select ${selected.join(', ')} from rows from (${functions.join(', ')})
      as r (${varying.map((column) => column.name).join(', ')})) as ${name}`,
    bindings: [...constants, ...varying.map(bind)],
  };
}

/**
 * Appends rows by COPY, which fills whole pages at a time: for what never conflicts (measured for orders: a third less
 * than `insert … select`). `trx` must be a transaction: what fails half-way is rolled back with it.
 */
export async function copyRows(trx: Knex, table: string, columns: readonly Column[]): Promise<void> {
  const rows = columns[0]?.values.length ?? 0;
  if (rows === 0) return;
  const names = columns.map(({ name }) => name).join(', ');
  // In a transaction knex gives its own connection, which the transaction itself releases.
  const connection = (await (trx.client as Knex.Client).acquireConnection()) as Client;
  const stream = connection.query(copyFrom(`copy ${table} (${names}) from stdin`));
  for (const chunk of renderRows(columns, rows)) stream.write(chunk);
  stream.end();
  await finished(stream);
}

/** Text of about so many characters is made and sent at a time: memory of that size is used again, without the kernel. */
const CHUNK_LENGTH = 65_536;

/** The rows as COPY reads them. What all rows share is rendered once, with what stands beside it. */
function* renderRows(columns: readonly Column[], rows: number): Generator<string> {
  const pieces: (string | readonly Value[])[] = [];
  let fixed = '';
  for (const [index, { values }] of columns.entries()) {
    if (index > 0) fixed += '\t';
    const shared = sharedValue(values);
    if (shared === undefined) {
      pieces.push(fixed, values);
      fixed = '';
    } else {
      fixed += toCopyText(shared);
    }
  }
  pieces.push(`${fixed}\n`);
  let texts: string[] = [];
  let length = 0;
  for (let row = 0; row < rows; row += 1) {
    for (const piece of pieces) {
      const text = typeof piece === 'string' ? piece : toCopyText(piece[row] ?? null);
      texts.push(text);
      length += text.length;
    }
    if (length < CHUNK_LENGTH && row < rows - 1) continue;
    yield texts.join('');
    texts = [];
    length = 0;
  }
}

/** https://www.postgresql.org/docs/18/sql-copy.html, "Text Format" (read 2026-11). */
function toCopyText(value: Value): string {
  if (value === null) return String.raw`\N`;
  if (value instanceof Buffer) return String.raw`\\x${value.toString('hex')}`;
  if (typeof value !== 'string') return String(value);
  return needsEscape.test(value) ? value.replaceAll(escaped, (char) => escapes[char] as string) : value;
}

const needsEscape = /[\\\t\n\r]/;
const escaped = /[\\\t\n\r]/g;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function sharedValue(values: readonly Value[]): Value | undefined {
  const [first] = values;
  if (first === undefined || first instanceof Buffer) return undefined;
  for (const value of values) if (value !== first) return undefined;
  return first;
}

function read(column: Column): string {
  return isJson(column) ? `r.${column.name}::${column.type}` : `r.${column.name}`;
}

/** JSON text has no raw line feed, so it travels as one text, a line each; null is an empty line. */
function bind(column: Column): string {
  const { type, values } = column;
  if (isJson(column)) return values.map((value) => value ?? '').join('\n');
  if (type === 'bytea') return toArray(values.map((value) => (value === null ? null : toHex(value as Buffer))));
  return toArray(values as (string | number | bigint | boolean | null)[]);
}

function toHex(bytes: Buffer): string {
  return String.raw`\x${bytes.toString('hex')}`;
}

function isJson({ type }: Column): boolean {
  return type.startsWith('json');
}
