import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRate, readTerms, termsInShort, termsInWords, typedTerms } from '../../src/console/app/terms.ts';

/** As people see it: Intl puts a space that does not break between a currency and its amount. */
const plain = (text: string): string => text.replaceAll('\u00A0', ' ');

test('a percentage is typed with a point or a comma, and has at most two decimals', () => {
  const read = ['20', '12.5', '12,5', '0.01', '100', '100.01', '12.345', '-1', '', 'ten'].map(parseRate);
  assert.deepEqual(read, [2_000, 1_250, 1_250, 1, 10_000, null, null, null, null, null]);
});

test('what is typed is read in the decimals of the currency, and typed again as it was', () => {
  const typed = { type: 'cpa', rate: '', amount: '12.345', months: '' };
  assert.deepEqual(readTerms(typed, 'KWD'), { type: 'cpa', amountMinor: 12_345 });
  assert.deepEqual(typedTerms({ type: 'cpa', amountMinor: 12_345 }, 'KWD'), typed);
  const problem = { field: 'commission.amountMinor', message: 'must be an amount in JPY such as 1250' };
  assert.deepEqual(readTerms(typed, 'JPY'), problem);
  const share = { type: 'revshare', rate: '20', amount: '', months: '12' };
  assert.deepEqual(readTerms(share, 'USD'), { type: 'revshare', rateBps: 2_000, durationMonths: 12 });
  assert.ok('message' in readTerms({ ...share, months: '1.5' }, 'USD'));
});

test('terms are said in words, with an example that needs no rounding', () => {
  const words = (...of: Parameters<typeof termsInWords>) => plain(termsInWords(...of));
  assert.match(
    words({ type: 'cps', rateBps: 1_250 }, 'USD'),
    /12\.5 %: of USD 100\.00 .* that is USD 12\.50\. Renewals/,
  );
  assert.match(words({ type: 'cps', rateBps: 1 }, 'JPY'), /of JPY 10,000 .* that is JPY 1\./);
  assert.match(words({ type: 'revshare', rateBps: 2_000, durationMonths: 1 }, 'KWD'), /for 1 month .* KWD 20\.000\.$/);
  assert.match(words({ type: 'cpa', amountMinor: 1_250 }, 'USD'), /USD 12\.50, once/);
  assert.equal(termsInShort({ type: 'revshare', rateBps: 2_000, durationMonths: null }, 'USD'), '20 % of all payments');
});
