import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../src/cli/table.ts';
import { oneLine, printable } from '../../src/domain/printable.ts';

const escapes: [what: string, text: string, shown: string][] = [
  ['an escape sequence', '\u001b[2J\u001b]52;c;ZXZpbA==\u0007', '\\u001b[2J\\u001b]52;c;ZXZpbA==\\u0007'],
  ['its one-byte form', '\u009b31m', '\\u009b31m'],
  ['what goes back in the line', 'paid\r\bno\u007f', 'paid\\u000d\\u0008no\\u007f'],
  ['marks that turn the direction', 'a\u202eb\u2066c\u200f', 'a\\u202eb\\u2066c\\u200f'],
];

for (const [what, text, shown] of escapes) {
  test(`${what} is shown, never obeyed`, () => {
    assert.equal(printable(text), shown);
    assert.equal(oneLine(text), shown);
  });
}

test('what people write stays as it is, JSON stays the same JSON', () => {
  const text = 'Zoë\t日本語 👩‍👩‍👧 שלום\n';
  assert.equal(printable(text), text);
  const value = { name: 'a\u009bb\u007f\u202e\u001b' };
  assert.deepEqual(JSON.parse(printable(JSON.stringify(value))), value);
});

test('a value with line ends stays in its line, and in its cell', () => {
  assert.equal(oneLine('Acme\nequal: all'), 'Acme\\u000aequal: all');
  const table = formatTable([{ title: 'Name' }], [['Acme\u001b[1A\nprg_other']]);
  assert.ok(!table.includes('\u001b') && !/^prg_other/m.test(table), table);
});
