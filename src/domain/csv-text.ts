/** What a cell may be made of; null and undefined are an empty cell. */
export type CsvValue = string | number | bigint | boolean | null | undefined;

/**
 * A row by RFC 4180, its line end included: cells with commas, quotes or line ends are quoted, and so are those that begin or
 * end with a space, which many readers would trim.
 *
 * A text that a spreadsheet would take for a formula gets an apostrophe before it; so does one that begins with apostrophes
 * and then such a character, so that whoever reads the file back takes one apostrophe away and has what was there. Numbers
 * stay numbers, negative ones too.
 *
 * (csv-stringify has the same switch, but it turns -500 into text, and cannot tell its own apostrophe from one of the text.)
 */
export function csvRow(values: readonly CsvValue[]): string {
  return `${values.map(toCell).join(',')}\r\n`;
}

function toCell(value: CsvValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = formula.test(value) && !number.test(value) ? `'${value}` : value;
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The wide forms of the four signs count as well (https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11). */
const formula = /^'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;
const number = /^[+-]?\d+(?:\.\d+)?$/;
const needsQuotes = /[",\r\n]|^\s|\s$/;
