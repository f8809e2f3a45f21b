import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { csvRow } from '../../src/domain/csv-text.ts';

/** What was there before a spreadsheet had to be kept from reading it as a formula. */
function plain(cell: string): string {
  return /^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(cell) ? cell.slice(1) : cell;
}

test('what a spreadsheet would reckon with is text, numbers stay numbers', () => {
  const row = [
    '=1+1',
    '+cmd',
    '-x',
    '@SUM(A1)',
    '\tx',
    '\rx',
    '＝1',
    "'=x",
    "it's",
    '-5',
    '+49.50',
    -500,
    10n,
    true,
    null,
  ];
  assert.equal(csvRow(row), `'=1+1,'+cmd,'-x,'@SUM(A1),'\tx,"'\rx",'＝1,''=x,it's,-5,+49.50,-500,10,true,\r\n`);
});

test('every text comes back as it was, by a parser of the field', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.stringMatching(/^[=+\-@\t\r\n'",; שלום]{0,8}$/),
    fc.constantFrom('שלום, "עולם"', 'a\r\nb', ' x ', "''=1", '‏اشتراك\n', '""'),
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 2, maxLength: 6 }), (cells) => {
      const [parsed = []] = parse(csvRow(cells), { record_delimiter: '\r\n' });
      assert.deepEqual(parsed.map(plain), cells);
    }),
  );
});
