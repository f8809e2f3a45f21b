import { CsvError as ParseError, parse } from 'csv-parse/sync';

/** A line of cells, with the line of the file on which it begins. */
export interface CsvRow {
  line: number;
  cells: string[];
}

export class CsvError extends Error {
  readonly line: number;

  constructor(line: number, message: string, options: ErrorOptions) {
    super(message, options);
    this.line = line;
  }
}

/**
 * Comma separated values by RFC 4180: cells in quotes may hold commas, line ends and doubled quotes. Line ends may be CRLF
 * or LF, a byte order mark is passed over, empty lines are no rows. Separated by semicolons or tabs, as spreadsheets write
 * them in many countries, where the first line is. Throws CsvError.
 */
export function parseCsv(text: string): CsvRow[] {
  const bytes = Buffer.from(text);
  const rows: CsvRow[] = [];
  let line = 1;
  let end = 0;
  for (const { record, info } of parseRecords(bytes, separatorOf(text))) {
    if (record.some((cell) => cell !== '')) rows.push({ line, cells: record });
    line += countLineEnds(bytes.subarray(end, info.bytes));
    end = info.bytes;
  }
  return rows;
}

interface ParsedRecord {
  record: string[];
  /** `bytes`: where the record ends. */
  info: { bytes: number };
}

/** What stands most often between the cells of the first line. */
function separatorOf(text: string): string {
  const [header = ''] = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text.trimStart()) ?? [];
  const between = header.replaceAll(/"(?:[^"]|"")*"/g, '');
  const count = (separator: string): number => between.split(separator).length - 1;
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best));
}

function parseRecords(bytes: Buffer, delimiter: string): ParsedRecord[] {
  try {
    return parse(bytes, { ...options, delimiter }) as unknown as ParsedRecord[];
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const line = 1 + countLineEnds(bytes.subarray(0, Number(error['bytes'])));
    throw new CsvError(line, explain(error), { cause: error });
  }
}

const options = {
  bom: true,
  info: true,
  record_delimiter: ['\r\n', '\n', '\r'],
  // A row with too many cells is a mistake that the reader of the file names.
  relax_column_count: true,
  trim: true,
};

/** Counted here: csv-parse 7.0.3 takes a CRLF within quotes for two lines. */
function countLineEnds(bytes: Buffer): number {
  return bytes.toString('utf8').match(/\r\n|\n|\r/g)?.length ?? 0;
}

function explain({ code }: ParseError): string {
  return code === 'INVALID_OPENING_QUOTE'
    ? 'has a quote within a cell: put the whole cell in quotes, and double those within'
    : 'has a quote that is not closed, or text behind the closing one';
}
