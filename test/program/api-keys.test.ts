import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { hasErrorCode } from '../support/errors.ts';
import { scopesOf } from '../../src/domain/key-scopes.ts';
import { authenticateKey } from '../../src/program/principals.ts';
import { createKey, listKeys, revokeKey } from '../../src/program/api-keys.ts';
import { generateKey } from '../../src/program/key-values.ts';
import { createDatabase } from '../../src/db/database.ts';
import { createProgram } from '../../src/program/programs.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let t: TestDatabase;
let programId: string;

before(async () => {
  t = await openTestDatabase();
  programId = (await createProgram(t.db, { name: 'Acme' })).id;
});
after(() => t.close());

test('a key is prefix, random and checksum, and only its hash is stored', async () => {
  const { apiKey, plaintext } = await createKey(t.db, programId, { name: 'Shop', mode: 'test', access: 'read' });
  assert.match(plaintext, /^sk_test_[0-9A-Za-z]{36}$/);
  assert.ok(hasChecksum(plaintext));
  const last = plaintext.at(-1) === 'a' ? 'b' : 'a';
  assert.ok(!hasChecksum(plaintext.slice(0, -1) + last));
  assert.ok(plaintext.startsWith(apiKey.display) && apiKey.display.length === 12);
  const { rows } = await t.db.raw('select key_hash, display from api_keys where id = ?', [apiKey.id]);
  assert.equal(rows[0].key_hash.length, 32);
  assert.ok(!JSON.stringify(rows).includes(plaintext));
});

/** As a scanner reads it: the last six characters are the CRC-32 of the others, in base62. */
function hasChecksum(key: string): boolean {
  const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const checksum = key
    .slice(-6)
    .split('')
    .reduce((sum, digit) => sum * 62 + base62.indexOf(digit), 0);
  return checksum === crc32(key.slice(0, -6));
}

test('a key authenticates as its program, mode and access', async () => {
  const input = { name: 'Shop', mode: 'live', access: 'write', rateLimits: { writes: 5 } } as const;
  const { apiKey, plaintext } = await createKey(t.db, programId, input);
  assert.deepEqual(await authenticateKey(t.db, plaintext), {
    keyId: apiKey.id,
    keyName: 'Shop',
    programId,
    mode: 'live',
    access: 'write',
    scopes: scopesOf('write'),
    expiresAt: null,
    allowedCidrs: null,
    rateLimits: { writes: 5 },
    lentLimits: [],
  });
});

test('an unknown key is nobody, and becomes somebody at once when its value is imported', async () => {
  const value = 'aff_a1b2c3d4e5f60718';
  assert.equal(await authenticateKey(t.db, value), null);
  await createKey(t.db, programId, { name: 'Old', mode: 'live', access: 'write', importedKey: value });
  assert.equal((await authenticateKey(t.db, value))?.programId, programId);
  await assert.rejects(
    createKey(t.db, programId, { name: 'Again', mode: 'live', access: 'write', importedKey: value }),
    hasErrorCode('CONFLICT'),
  );
  await assert.rejects(
    createKey(t.db, programId, { name: 'Bad', mode: 'live', access: 'write', importedKey: 'with a space' }),
    hasErrorCode('VALIDATION_ERROR'),
  );
});

test('a revoked key stops working here at once, and elsewhere within 5 s', async () => {
  const elsewhere = createDatabase({ url: t.url, role: 'test' });
  try {
    const { apiKey, plaintext } = await createKey(t.db, programId, { name: 'Gone', mode: 'live', access: 'read' });
    assert.ok(await authenticateKey(t.db, plaintext));
    assert.ok(await authenticateKey(elsewhere, plaintext));
    assert.equal(await revokeKey(t.db, programId, apiKey.id), true);
    const revokedAt = performance.now();
    assert.equal(await authenticateKey(t.db, plaintext), null);
    assert.equal(await revokeKey(t.db, programId, apiKey.id), false);
    while (await authenticateKey(elsewhere, plaintext)) {
      assert.ok(performance.now() - revokedAt < 5_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await elsewhere.destroy();
  }
});

test('a program sees and revokes its own keys only', async () => {
  const other = await createProgram(t.db, { name: 'Other' });
  const { apiKey, plaintext } = await createKey(t.db, other.id, { name: 'Theirs', mode: 'live', access: 'read' });
  assert.equal(await revokeKey(t.db, programId, apiKey.id), false);
  assert.ok(await authenticateKey(t.db, plaintext));
  const { items } = await listKeys(t.db, other.id, { limit: 10 });
  assert.deepEqual(
    items.map(({ id }) => id),
    [apiKey.id],
  );
});

test('keys do not repeat', () => {
  const keys = new Set(Array.from({ length: 1_000 }, () => generateKey('live')));
  assert.equal(keys.size, 1_000);
});
