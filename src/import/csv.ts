/** A line of cells, with the line of the file on which it begins. */
export interface CsvRow {
  line: number;
  cells: string[];
}

export class CsvError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/**
 * Comma separated values by RFC 4180: cells in quotes may hold commas, line ends and doubled quotes. Line ends may be CRLF
 * or LF, a byte order mark is passed over, empty lines are no rows. Throws CsvError.
 */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  const cell = /"([^"]*(?:""[^"]*)*)"(?=[,\r\n]|$)|([^",\r\n]*)(?=[,\r\n]|$)/y;
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  for (;;) {
    cell.lastIndex = at;
    const match = cell.exec(text);
    if (!match) throw new CsvError(line, explain(text, at));
    const [whole, quoted, plain = ''] = match;
    row.cells.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'));
    line += quoted === undefined ? 0 : countLines(quoted);
    at += whole.length;
    if (text[at] === ',') {
      at += 1;
      continue;
    }
    if (row.cells.some((each) => each !== '')) rows.push(row);
    if (at >= text.length) return rows;
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line += 1;
    row = { line, cells: [] };
  }
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

function explain(text: string, at: number): string {
  return text[at] === '"'
    ? 'has a quote that is not closed, or text behind the closing one'
    : 'has a quote within a cell: put the whole cell in quotes, and double those within';
}
