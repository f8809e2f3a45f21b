import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSecretBox, type SealedPlace } from '../../src/db/secret-box.ts';
import { placeOf } from '../../src/outbound/endpoints/endpoint-rows.ts';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { resealSecrets } from '../../src/db/sealed-columns.ts';
import { openTestDatabase } from '../support/database.ts';

const oldKey = new Uint8Array(32).fill(1);
const newKey = new Uint8Array(32).fill(2);
const ofSource: SealedPlace = { table: 'sources', column: 'secrets', row: ['src_1'] };

test('after rotating, the new key alone opens every secret, and the values are the same', async () => {
  const database = await openTestDatabase();
  const { db } = database;
  const before = createSecretBox({ key: oldKey });
  await db('programs').insert({ id: 'prg_1', name: 'Program' });
  const sealed = async (id: string) => ({
    secret: await before.seal('whsec_1', placeOf('secret', id)),
    previous_secret: await before.seal('whsec_0', placeOf('previous_secret', id)),
    previous_secret_expires_at: new Date(),
    headers: await before.seal('{"a":"b"}', placeOf('headers', id)),
  });
  for (let n = 0; n < 250; n += 1) {
    const id = newId('whe');
    const columns = n === 0 ? await sealed(id) : { secret: await before.seal('whsec_1', placeOf('secret', id)) };
    await db('webhook_endpoints').insert({
      id,
      program_id: 'prg_1',
      kind: 'webhook',
      url: 'x',
      ...columns,
    });
  }
  await db('sources').insert({
    id: 'src_1',
    program_id: 'prg_1',
    kind: 'stripe',
    settings: '{}',
    secrets: await before.seal('{"signingSecrets":["s"]}', ofSource),
  });

  assert.equal(await resealSecrets(db, createSecretBox({ key: newKey, previousKeys: [oldKey] })), 253);

  const alone = createSecretBox({ key: newKey });
  const rows = await runSql<{ id: string; secret: string; previous: string | null; headers: string | null }>(
    db,
    'select id, secret, previous_secret as previous, headers from webhook_endpoints order by id',
  );
  for (const row of rows) assert.equal(await alone.open(row.secret, placeOf('secret', row.id)), 'whsec_1');
  const [first] = rows;
  assert.ok(first);
  assert.equal(await alone.open(first.previous ?? '', placeOf('previous_secret', first.id)), 'whsec_0');
  assert.equal(await alone.open(first.headers ?? '', placeOf('headers', first.id)), '{"a":"b"}');
  const [source] = await runSql<{ secrets: string }>(db, 'select secrets from sources');
  assert.equal(await alone.open(source?.secrets ?? '', ofSource), '{"signingSecrets":["s"]}');
  await database.close();
});

test('a secret of a key that nobody has any more stops it, and nothing is lost', async () => {
  const database = await openTestDatabase();
  const { db } = database;
  await db('programs').insert({ id: 'prg_1', name: 'Program' });
  const secret = await createSecretBox({ key: oldKey }).seal('whsec_1', placeOf('secret', 'whe_1'));
  await db('webhook_endpoints').insert({ id: 'whe_1', program_id: 'prg_1', kind: 'webhook', url: 'x', secret });
  await assert.rejects(resealSecrets(db, createSecretBox({ key: newKey })), /ENCRYPTION_KEY_PREVIOUS/);
  const [row] = await runSql<{ secret: string }>(db, 'select secret from webhook_endpoints');
  assert.equal(row?.secret, secret);
  await database.close();
});
