import { readFile } from 'node:fs/promises';
import { AppError } from '../domain/errors.ts';
import { parseJson } from '../domain/json-text.ts';
import { csvFormat } from './csv-format.ts';
import { CsvError, parseCsv } from './csv.ts';
import { rowsByColumns } from './rows-by-columns.ts';
import type { ImportFormat, ImportKind, RowPosition, Located, Problem, ReadContext } from './records.ts';

export interface ReadFiles {
  records: Located[];
  problems: Problem[];
  /** Rows that say nothing to import: orders without an id. */
  passedOver: number;
}

/**
 * Reads files by the format of the system that they come from; those named `.csv` by the columns of CSV. Whatever is wrong
 * with a row is a problem that names it; only a file that cannot be opened throws.
 */
export async function readFiles(
  paths: readonly string[],
  format: ImportFormat,
  context: ReadContext,
): Promise<ReadFiles> {
  const read: ReadFiles = { records: [], problems: [], passedOver: 0 };
  for (const path of paths) {
    const text = await readText(path);
    if (/\.csv$/i.test(path) || format === csvFormat) readCsv(path, text, context, read);
    else readJson(path, text, format, context, read);
  }
  return read;
}

/** The text of a file in UTF-8. Throws, naming the file, where it cannot be opened or is not that. */
export async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
          ? 'it is not UTF-8'
          : code;
    throw new Error(`${path} cannot be read: ${why ?? String(error)}`, { cause: error });
  }
}

function readCsv(file: string, text: string, context: ReadContext, into: ReadFiles): void {
  try {
    const [header, ...rows] = parseCsv(text);
    const at = { file, row: header?.line ?? 1 };
    if (!header)
      return void into.problems.push({ at, field: null, message: 'is empty: a line of columns comes first' });
    const columns = header.cells.map((cell) => cell.trim().toLowerCase());
    const kind = csvFormat.kinds.find(({ marks }) => isMarked(marks, columns));
    if (!kind) {
      const message = `has the columns of no kind of file. ${describeMarks(csvFormat.kinds)}`;
      return void into.problems.push({ at, field: null, message });
    }
    const unknown = columns.filter(
      (column, index) => !kind.columns.includes(column) || columns.indexOf(column) < index,
    );
    for (const field of unknown) {
      const known = `a file of ${kind.what}s has ${kind.columns.join(', ')}`;
      into.problems.push({
        at,
        field,
        message: columns.filter((each) => each === field).length > 1 ? 'comes twice' : `is no column: ${known}`,
      });
    }
    if (unknown.length > 0) return;
    for (const { at: place, cells } of rowsByColumns(file, columns, rows, into.problems)) {
      readItem(kind, cells, place, context, into);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    into.problems.push({ at: { file, row: error.line }, field: null, message: error.message });
  }
}

function readJson(file: string, text: string, format: ImportFormat, context: ReadContext, into: ReadFiles): void {
  const lines = /\.(jsonl|ndjson)$/i.test(file);
  const documents = lines
    ? text.split('\n').map((line, index) => ({ line, row: index + 1 }))
    : [{ line: text, row: 1 }];
  let row = 0;
  for (const document of documents) {
    if (lines && document.line.trim() === '') continue;
    let items: unknown[];
    try {
      items = itemsOf(parseJson(document.line));
    } catch (error) {
      const message = `is not JSON: ${(error as Error).message}`;
      into.problems.push({ at: { file, row: document.row }, field: null, message });
      continue;
    }
    for (const item of items) {
      row = lines ? document.row : row + 1;
      const at = { file, row };
      if (typeof item !== 'object' || item === null) {
        into.problems.push({ at, field: null, message: 'is no JSON object' });
        continue;
      }
      const fields = Object.entries(item).flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [name],
      );
      const kind = format.kinds.find(({ marks }) => isMarked(marks, fields));
      if (kind) readItem(kind, item, at, context, into);
      else
        into.problems.push({
          at,
          field: null,
          message: `is nothing that this system lists. ${describeMarks(format.kinds)}`,
        });
    }
  }
}

function readItem(kind: ImportKind, item: object, at: RowPosition, context: ReadContext, into: ReadFiles): void {
  try {
    const records = kind.read(item, context);
    if (records.length === 0) into.passedOver += 1;
    for (const record of records) into.records.push({ ...record, at, names: kind.names });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'VALIDATION_ERROR') throw error;
    const details = Object.entries(error.details ?? {});
    for (const [field, message] of details) into.problems.push({ at, field, message });
    if (details.length === 0) into.problems.push({ at, field: null, message: error.message });
  }
}

// The names under which the systems' answers carry their objects.
const envelopes = [
  'data',
  'affiliates',
  'affiliate',
  'offers',
  'offer',
  'links',
  'trackingLinks',
  'conversions',
  'commissions',
  'commission',
  'clicks',
  'customers',
  'leads',
  'sales',
];

/** A list, whole answers with pages of it, or a list of such answers, as the rows in them. */
function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(itemsOf);
  if (typeof value !== 'object' || value === null) return [value];
  const inside = Object.entries(value).filter(
    ([name, held]) => envelopes.includes(name) && typeof held === 'object' && held !== null,
  );
  return inside.length === 0 ? [value] : inside.flatMap(([, held]) => itemsOf(held));
}

function isMarked(marks: ImportKind['marks'], fields: readonly string[]): boolean {
  return marks.some((set) => set.every((mark) => fields.includes(mark)));
}

function describeMarks(kinds: readonly ImportKind[]): string {
  const told = kinds.map(({ what, marks }) => `${what} by ${marks.map((set) => set.join(' and ')).join(', or ')}`);
  return `What a row is shows by its fields: ${told.join('; ')}.`;
}
