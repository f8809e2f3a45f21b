import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findKeyIn, holdsKey, isApiKey, maskKeys, maskKeysIn } from '../../src/domain/keys.ts';
import { newId } from '../../src/domain/ids.ts';
import { generateKey } from '../../src/program/key-values.ts';

const key = generateKey('live');
const percent = (text: string): string =>
  Array.from(text, (each) => `%${each.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
const entities = (text: string): string => Array.from(text, (each) => `&#${each.charCodeAt(0)};`).join('');
const hexEntities = (text: string): string =>
  Array.from(text, (each) => `&#x${each.charCodeAt(0).toString(16)};`).join('');
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const spellings: [what: string, text: string][] = [
  ['as it is', key],
  ['of test mode', generateKey('test')],
  ['restricted', key.replace('sk_', 'rk_')],
  ['within other text', `id-${key}-x`],
  ['URL-encoded', percent(key)],
  ['URL-encoded in part', key.replaceAll('_', '%5F')],
  ['URL-encoded twice', encodeURIComponent(percent(key))],
  ['in entities', entities(key)],
  ['in hexadecimal entities', hexEntities(key)],
  ['with a named entity', key.replaceAll('_', '&lowbar;')],
  ['in entities with zeros before', key.replaceAll('_', '&#0000095;').replaceAll('k', '&#x00006b;')],
  ['in entities of entities', key.replaceAll('_', '&amp;#95;')],
  ['in base64', base64(key)],
  ['in base64url', Buffer.from(key).toString('base64url')],
  ['in base64 of Basic authentication', base64(`user:${key}`)],
  ['in base64 in the middle of a word', `x${base64(key)}`],
  ['in base64, URL-encoded', percent(base64(key))],
  ['URL-encoded, in base64', base64(percent(key))],
];

for (const [what, text] of spellings) {
  test(`a key ${what} is found and masked`, () => {
    assert.ok(holdsKey(text));
    const masked = maskKeys(`before ${text} after`);
    assert.ok(!holdsKey(masked), masked);
    assert.match(masked, /^before .*\[redacted\].* after$/);
    assert.deepEqual(findKeyIn({ a: [{ b: text }] }), { path: 'a.0.b' });
    assert.deepEqual(maskKeysIn({ a: 1, b: text }).a, 1);
    assert.equal(findKeyIn(maskKeysIn({ a: [text], b: text, c: [{ [text]: 1 }] })), null);
  });
}

test('what is no key is left alone', () => {
  const texts = [
    newId('clk'),
    `src_${'0'.repeat(64)}`,
    'sk_live_',
    'sk_live_short',
    'task_live_video',
    'a%20b&c',
    'https://shop.example/?a=%7Bclick%7D&b=1',
    base64('a text without any key in it, long enough to be looked into'),
    'ORDER-1 &amp; more',
  ];
  for (const text of texts) {
    assert.ok(!holdsKey(text), text);
    assert.equal(maskKeys(text), text);
  }
});

test("Stripe's and our API keys are known by how they begin", () => {
  for (const text of ['sk_live_1', ' sk_test_1', 'rk_live_1', 'pk_test_1', 'sk_org_live_1'])
    assert.ok(isApiKey(text), text);
  for (const text of ['whsec_1', 'skilive', 'my sk_live_1']) assert.ok(!isApiKey(text), text);
});

test('texts that are encoded again and again take no long time', () => {
  const start = performance.now();
  for (const text of [
    '%25'.repeat(20_000),
    'c2tfbGl2ZV8x'.repeat(20_000),
    '&#38;#35;'.repeat(20_000),
    `${'a'.repeat(37)}-`.repeat(5_000),
  ]) {
    assert.ok(!holdsKey(text));
  }
  assert.ok(performance.now() - start < 2_000);
});

test('a key in base64 that is broken into lines is found, and all of its text masked', () => {
  const broken = base64(`user:${key}`).replace(/^(.{24})/, '$1\r\n  ');
  assert.deepEqual(findKeyIn({ note: `see ${broken}` }), { path: 'note' });
  assert.equal(maskKeys(`see ${broken}`), '[redacted]');
});
