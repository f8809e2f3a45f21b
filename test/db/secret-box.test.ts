import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createSecretBox } from '../../src/db/secret-box.ts';

const newKey = () => new Uint8Array(randomBytes(32));

test('what was sealed comes back, and shows nothing of itself', async () => {
  const box = createSecretBox({ key: newKey() });
  const sealed = await box.seal('whsec_Zoë');
  assert.doesNotMatch(sealed, /whsec/);
  assert.equal(await box.open(sealed), 'whsec_Zoë');
  assert.notEqual(await box.seal('whsec_Zoë'), sealed);
});

test('after a rotation the former key still opens and the new one seals', async () => {
  const [former, present] = [newKey(), newKey()];
  const sealed = await createSecretBox({ key: former }).seal('text');
  const rotated = createSecretBox({ key: present, previousKeys: [former] });
  assert.equal(await rotated.open(sealed), 'text');
  assert.equal(await createSecretBox({ key: present }).open(await rotated.seal('new')), 'new');
});

test('another key, a changed text and foreign algorithms are refused', async () => {
  const box = createSecretBox({ key: newKey() });
  const sealed = await box.seal('text');
  await assert.rejects(createSecretBox({ key: newKey() }).open(sealed), /ENCRYPTION_KEY_PREVIOUS/);
  const parts = sealed.split('.');
  parts[3] = Buffer.from('changed').toString('base64url');
  await assert.rejects(box.open(parts.join('.')));
  await assert.rejects(box.open('no JWE at all'));
});
