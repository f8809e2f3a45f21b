import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CompactEncrypt } from 'jose';
import { BOUND_PREFIX, createSecretBox, type SealedPlace } from '../../src/db/secret-box.ts';

const place: SealedPlace = { table: 'sources', column: 'secrets', row: ['src_1'] };
const newKey = () => new Uint8Array(randomBytes(32));

test('what was sealed comes back, and shows nothing of itself', async () => {
  const box = createSecretBox({ key: newKey() });
  const sealed = await box.seal('whsec_Zoë', place);
  assert.doesNotMatch(sealed, /whsec/);
  assert.equal(await box.open(sealed, place), 'whsec_Zoë');
  assert.notEqual(await box.seal('whsec_Zoë', place), sealed);
});

test('after a rotation the former key still opens and the new one seals', async () => {
  const [former, present] = [newKey(), newKey()];
  const sealed = await createSecretBox({ key: former }).seal('text', place);
  const rotated = createSecretBox({ key: present, previousKeys: [former] });
  assert.equal(await rotated.open(sealed, place), 'text');
  assert.equal(await createSecretBox({ key: present }).open(await rotated.seal('new', place), place), 'new');
});

test('another key, a changed text and foreign algorithms are refused', async () => {
  const box = createSecretBox({ key: newKey() });
  const sealed = await box.seal('text', place);
  await assert.rejects(createSecretBox({ key: newKey() }).open(sealed, place), /ENCRYPTION_KEY_PREVIOUS/);
  const parts = sealed.split('.');
  parts[3] = Buffer.from('changed').toString('base64url');
  await assert.rejects(box.open(parts.join('.'), place));
  await assert.rejects(box.open('no JWE at all', place));
});

test('it opens where it was sealed for, and nowhere else', async () => {
  const box = createSecretBox({ key: newKey() });
  const sealed = await box.seal('text', place);
  assert.ok(sealed.startsWith(BOUND_PREFIX));
  const elsewhere: SealedPlace[] = [
    { ...place, row: ['src_2'] },
    { ...place, column: 'headers' },
    { ...place, table: 'webhook_endpoints' },
    { table: 'idempotency_keys', column: 'response_body', row: ['src_1', true] },
  ];
  for (const other of elsewhere) {
    await assert.rejects(box.open(sealed, other), /was moved/);
    await assert.rejects(box.reseal(sealed, other), /was moved/, 'nor does a rotation bind it there');
  }
  const [, ...rest] = sealed.split('.');
  const [otherHeader] = (await box.seal('text', elsewhere[0] ?? place)).split('.');
  await assert.rejects(box.open([otherHeader, ...rest].join('.'), elsewhere[0] ?? place), 'the place is authenticated');
});

test('what was sealed before values were bound opens only to be bound', async () => {
  const key = newKey();
  const unbound = await new CompactEncrypt(new TextEncoder().encode('text'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyIdOf(await createSecretBox({ key }).seal('', place)) })
    .encrypt(key);
  const box = createSecretBox({ key });
  await assert.rejects(box.open(unbound, place), /Run: tributary migrate/);
  assert.equal(await box.open(await box.reseal(unbound, place), place), 'text');
});

function keyIdOf(sealed: string): string {
  const header = JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  return header.kid;
}
