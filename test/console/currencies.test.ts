import assert from 'node:assert/strict';
import { test } from 'node:test';
import currencyCodes from 'currency-codes';
import { digitsOf, parseAmount } from '../../src/console/app/currencies.ts';
import { currencyExponent } from '../../src/domain/currency.ts';

test('the console knows the decimals of every currency as the hub does', () => {
  for (const code of [...currencyCodes.codes(), 'SLE', 'XCG', 'SLL', 'STD']) {
    assert.equal(digitsOf(code), currencyExponent(code) ?? 2, code);
  }
});

test('amounts are read as they are typed, and never rounded', () => {
  assert.deepEqual(
    ['49.90', '49,9', ' 50 ', '0.05', '1234567890.12'].map((text) => parseAmount(text, 'USD')),
    [4_990, 4_990, 5_000, 5, 123_456_789_012],
  );
  assert.deepEqual([parseAmount('500', 'JPY'), parseAmount('9.123', 'KWD')], [500, 9_123]);
  for (const text of ['', '1.234', '-5', '1e3', '1,234.00', 'ten', '.', '9'.repeat(16)]) {
    assert.equal(parseAmount(text, 'USD'), null, text);
  }
  assert.equal(parseAmount('1.5', 'JPY'), null);
});
