import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { everythingOf } from '../../src/domain/scope.ts';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { createProgram } from '../../src/program/programs.ts';
import {
  createSource,
  deleteSource,
  findSource,
  getSource,
  listSources,
  openStripeSecrets,
  postbackSettingsSchema,
  updateSource,
} from '../../src/program/sources.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const secrets = createSecretBox({ key: randomBytes(32) });
let t: TestDatabase;
let programId: string;

before(async () => {
  t = await openTestDatabase();
  programId = (await createProgram(t.db, { name: 'Acme' })).id;
});
after(() => t.close());

test('a source is found by an unguessable id, its secrets sealed at rest', async () => {
  const signingSecrets = ['whsec_one', 'whsec_two'];
  const made = await createSource(t.db, secrets, programId, {
    kind: 'stripe',
    settings: {},
    secrets: { signingSecrets },
  });
  assert.match(made.id, /^src_[0-9a-f]{64}$/);
  assert.match(made.ref, /^srr_[0-9a-f]{32}$/);
  assert.ok(!made.sealedSecrets?.includes('whsec'));
  assert.equal(await findSource(t.db, made.ref), null);
  assert.equal((await getSource(t.db, everythingOf(programId), made.ref))?.id, made.id);
  const found = await findSource(t.db, made.id);
  assert.ok(found?.kind === 'stripe');
  assert.equal(found.programId, programId);
  assert.deepEqual(await openStripeSecrets(secrets, found), { signingSecrets });
});

test('changed settings and secrets count at once in this process', async () => {
  const input = { kind: 'stripe', settings: {}, secrets: { signingSecrets: ['old'] } } as const;
  const { id } = await createSource(t.db, secrets, programId, { ...input, secrets: { signingSecrets: ['old'] } });
  await findSource(t.db, id);
  await updateSource(t.db, secrets, everythingOf(programId), id, {
    orderScope: 'source',
    secrets: { signingSecrets: ['new'] },
  });
  const found = await findSource(t.db, id);
  assert.ok(found?.kind === 'stripe');
  assert.equal(found.orderScope, 'source');
  assert.deepEqual(await openStripeSecrets(secrets, found), { signingSecrets: ['new'] });
});

test('a deleted source is a way in no more', async () => {
  const settings = postbackSettingsSchema.parse({ response: 'gif' });
  const { id } = await createSource(t.db, secrets, programId, { kind: 'postback', settings, secrets: null });
  assert.deepEqual((await findSource(t.db, id))?.settings, settings);
  assert.equal(await deleteSource(t.db, everythingOf(programId), id), true);
  assert.equal(await findSource(t.db, id), null);
  assert.equal(await getSource(t.db, everythingOf(programId), id), null);
  assert.equal(await deleteSource(t.db, everythingOf(programId), id), false);
});

test('another program neither sees, changes nor deletes a source', async () => {
  const settings = postbackSettingsSchema.parse({});
  const { id } = await createSource(t.db, secrets, programId, { kind: 'postback', settings, secrets: null });
  const other = (await createProgram(t.db, { name: 'Other' })).id;
  assert.equal(await getSource(t.db, everythingOf(other), id), null);
  assert.equal(await updateSource(t.db, secrets, everythingOf(other), id, { name: 'Mine' }), null);
  assert.equal(await deleteSource(t.db, everythingOf(other), id), false);
  assert.deepEqual((await listSources(t.db, everythingOf(other), {}, { limit: 5 })).items, []);
});
