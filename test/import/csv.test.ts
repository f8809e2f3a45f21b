import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CsvError, parseCsv } from '../../src/import/csv.ts';

test('cells in quotes hold commas, quotes and line ends; rows know the line on which they begin', () => {
  const text = '\uFEFFname,email\r\n"Smith, Jane",jane@example.com\r\n\r\n"A ""B""\nC", c@example.com \nlast,';
  assert.deepEqual(parseCsv(text), [
    { line: 1, cells: ['name', 'email'] },
    { line: 2, cells: ['Smith, Jane', 'jane@example.com'] },
    { line: 4, cells: ['A "B"\nC', 'c@example.com'] },
    { line: 6, cells: ['last', ''] },
  ]);
});

test('what spreadsheets of many countries write, with semicolons or tabs, is read as it is meant', () => {
  for (const separator of [';', '\t']) {
    const text = `name${separator}email${separator}"a, b"\n"Smith; Jane, ""J""\t"${separator}j@example.com${separator}1,5\n`;
    assert.deepEqual(
      parseCsv(text).map(({ cells }) => cells),
      [
        ['name', 'email', 'a, b'],
        ['Smith; Jane, "J"\t', 'j@example.com', '1,5'],
      ],
    );
  }
  assert.deepEqual(parseCsv('a\tb\tc\n1\t\t3\n').at(1)?.cells, ['1', '', '3']);
  assert.deepEqual(
    parseCsv('"a;b;c","d\n;;;"\n1,2').map(({ cells }) => cells),
    [
      ['a;b;c', 'd\n;;;'],
      ['1', '2'],
    ],
  );
});

test('a quote that is not closed, or stands within a cell, is named by its line', () => {
  for (const [text, line] of [
    ['a\n"b', 2],
    ['a\nb\n"c"d', 3],
    ['a\nb "c" d', 2],
  ] as const) {
    assert.throws(
      () => parseCsv(text),
      (error) => error instanceof CsvError && error.line === line,
    );
  }
});

test('a line end within quotes is one line, also a CRLF', () => {
  const text = 'a,b\r\n"1\r\n2\r\n",x\r\nlast,y\r\n';
  assert.deepEqual(
    parseCsv(text).map(({ line }) => line),
    [1, 2, 5],
  );
  assert.throws(
    () => parseCsv(`${text}"open`),
    (error) => error instanceof CsvError && error.line === 6,
  );
});

test('whatever is written in quotes is read back', () => {
  const cell = fc.string({ minLength: 1 }).filter((text) => text.trim() === text && text !== '');
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (rows) => {
      const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
      const text = rows.map((row) => row.map(quote).join(',')).join('\r\n');
      assert.deepEqual(
        parseCsv(text).map(({ cells }) => cells),
        rows,
      );
    }),
  );
});
