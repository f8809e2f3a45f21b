import { CsvError, parseCsv } from './csv.ts';
import { readText } from './read-files.ts';
import type { Problem } from './records.ts';
import { rowsByColumns, type RowByColumns } from './rows-by-columns.ts';

export interface ReadTables {
  rows: RowByColumns[];
  /** What is wrong with the files. */
  problems: Problem[];
  /** What is no mistake, and may not be what was meant. */
  notes: Problem[];
}

/** The columns of a kind of rows. */
export interface TableColumns {
  isColumn: (name: string) => boolean;
  /** Those that there are, in words. */
  known: string;
  /** Whether one that means nothing is a mistake: a misspelt one would be overlooked. Else it is told of, and handed on. */
  isMistake: (name: string) => boolean;
}

/**
 * Reads CSV files of one kind of rows, separated by commas, semicolons or tabs. Throws only where a file cannot be opened.
 */
export async function readTables(paths: readonly string[], columns: TableColumns): Promise<ReadTables> {
  const read: ReadTables = { rows: [], problems: [], notes: [] };
  for (const file of paths) readTable(file, await readText(file), columns, read);
  return read;
}

function readTable(file: string, text: string, { isColumn, known, isMistake }: TableColumns, into: ReadTables): void {
  try {
    const [header, ...rows] = parseCsv(text);
    const at = { file, row: header?.line ?? 1 };
    if (!header) {
      into.problems.push({ at, field: null, message: 'is empty: a line of columns comes first' });
      return;
    }
    const columns = header.cells.map((cell) => cell.trim());
    if (!columns.some(isColumn)) {
      const message = `has none of the columns ${known}. Its first line is: ${columns.join(', ')}`;
      into.problems.push({ at, field: null, message });
      return;
    }
    for (const [index, column] of columns.entries()) {
      if (columns.indexOf(column) < index) into.problems.push({ at, field: column, message: 'comes twice' });
      else if (!isColumn(column)) {
        const list = isMistake(column) ? into.problems : into.notes;
        list.push({ at, field: column, message: `is no column that means something here; those are ${known}` });
      }
    }
    into.rows.push(...rowsByColumns(file, columns, rows, into.problems));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    into.problems.push({ at: { file, row: error.line }, field: null, message: error.message });
  }
}
