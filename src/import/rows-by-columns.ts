import type { CsvRow } from './csv.ts';
import type { Problem, RowPosition } from './records.ts';

/** The cells of a row by their columns; those without a value are left out. */
export interface RowByColumns {
  at: RowPosition;
  cells: Record<string, string>;
}

/** Rows below a line of columns. One with more cells than there are columns is a problem, and left out. */
export function rowsByColumns(
  file: string,
  columns: readonly string[],
  rows: readonly CsvRow[],
  problems: Problem[],
): RowByColumns[] {
  return rows.flatMap(({ line, cells }) => {
    const at = { file, row: line };
    if (cells.length > columns.length) {
      const message = `has ${cells.length} cells, and the first line ${columns.length} columns`;
      problems.push({ at, field: null, message });
      return [];
    }
    const given = cells.flatMap((cell, index) =>
      cell.trim() === '' ? [] : [[columns[index] ?? '', cell.trim()] as const],
    );
    return [{ at, cells: Object.fromEntries(given) }];
  });
}
