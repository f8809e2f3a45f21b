import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deleteOldKeys, reserveKey } from '../../src/http/idempotency-keys.ts';
import { openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram();
});
after(() => api.stop());

const affiliate = { displayName: 'Jane', email: 'jane@example.com' };
const create = (key: string, body: unknown = affiliate, client = api.live, path = '/affiliates') =>
  client.post(path, body, { 'idempotency-key': key });
const age = (key: string, interval: string) =>
  api.hub.db.raw(`update idempotency_keys set claimed_at = claimed_at - ?::interval where key = ?`, [interval, key]);

test('the same key and body gets the first answer again, byte for byte, and makes nothing more', async () => {
  const first = await create('same');
  assert.equal(first.status, 201);
  const again = await create('same');
  assert.deepEqual([again.status, again.text], [201, first.text]);
  assert.deepEqual(
    [first, again].map(({ headers }) => headers.get('idempotent-replayed')),
    [null, 'true'],
  );
  const spaced = await create('same', '{ "email": "jane@example.com",\n "displayName": "Jane" }');
  assert.equal(spaced.text, first.text);
  const { body } = await api.live.get('/affiliates?email=jane@example.com');
  assert.equal(body.data.length, 1);
});

test('another body under a used key is a mismatch', async () => {
  await create('mismatch');
  const answer = await create('mismatch', { ...affiliate, displayName: 'Joan' });
  assert.deepEqual([answer.status, answer.body.error.code], [422, 'IDEMPOTENCY_MISMATCH']);
});

test('a key is known by program, livemode and path: elsewhere it is another', async () => {
  const answers = [
    await create('scoped'),
    await create('scoped', affiliate, api.test),
    await create('scoped', affiliate, api.stranger),
    await create('scoped', { name: 'k', mode: 'live', access: 'read' }, api.live, '/api-keys'),
    await create('scoped', { name: 'Program' }, api.admin, '/programs'),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [201, 201, 201, 201, 201],
  );
  assert.equal(new Set(answers.map(({ body }) => body.data.id)).size, 5);
});

test('refusals are kept like successes, with their request id', async () => {
  const body = { displayName: 'Taken', email: 'taken@example.com', referralCode: 'taken' };
  assert.equal((await create('takes', body)).status, 201);
  const first = await create('refused', body);
  assert.equal(first.status, 409);
  const again = await api.live
    .call('POST', '/affiliates', {
      body,
      headers: { 'idempotency-key': 'refused' },
    })
    .catch((error: Error) => error);
  // The envelope names the first request, so the check of the client, which compares it with the header, objects.
  assert.ok(again instanceof Error && again.message.includes(first.body.error.requestId));
});

test('of many at once one is run; the others are told that it is under way, or get its answer', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => create('at-once')));
  const made = answers.filter(({ status }) => status === 201);
  assert.ok(made.length >= 1);
  assert.equal(new Set(made.map(({ body }) => body.data.id)).size, 1);
  assert.ok(answers.every(({ status }) => status === 201 || status === 409));
});

test('a reservation under way is a conflict; one that a killed process left is free after 60 seconds', async () => {
  const call = {
    programId: api.programId,
    livemode: true,
    method: 'POST',
    path: '/api/v1/affiliates',
    key: 'left',
    requestHash: Buffer.alloc(32),
  };
  assert.equal((await reserveKey(api.hub.db, call)).kind, 'reserved');
  const mismatch = await create('left');
  assert.equal(mismatch.status, 422);
  await api.hub.db.raw(
    `update idempotency_keys set request_hash = (select request_hash from idempotency_keys where key = 'same') where key = 'left'`,
  );
  const underway = await create('left');
  assert.deepEqual([underway.status, underway.body.error.code], [409, 'CONFLICT']);
  assert.ok(underway.headers.get('retry-after'));
  await age('left', '59 seconds');
  assert.equal((await create('left')).status, 409);
  await age('left', '2 seconds');
  assert.equal((await create('left')).status, 201);
});

test('answers are kept for 24 hours', async () => {
  const first = await create('old');
  await age('old', '23 hours 59 minutes');
  assert.equal((await create('old')).text, first.text);
  await age('old', '2 minutes');
  assert.notEqual((await create('old')).body.data.id, first.body.data.id);
  await age('old', '25 hours');
  const before = (await api.hub.db.raw('select count(*) from idempotency_keys')).rows[0].count as bigint;
  assert.equal(await deleteOldKeys(api.hub.db), 1);
  const after = (await api.hub.db.raw('select count(*) from idempotency_keys')).rows[0].count as bigint;
  assert.equal(after, before - 1n);
});

test('an answer that holds a key is not kept in the clear, and is given again', async () => {
  const body = { name: 'k', mode: 'live', access: 'read' };
  const first = await create('holds-a-key', body, api.live, '/api-keys');
  const { rows } = await api.hub.db.raw('select response_body from idempotency_keys');
  assert.ok(!JSON.stringify(rows).includes(first.body.data.key));
  const again = await create('holds-a-key', body, api.live, '/api-keys');
  assert.equal(again.body.data.key, first.body.data.key);
});

test('keys that cannot be one are refused', async () => {
  for (const key of ['', 'x'.repeat(256), 'ü']) {
    const answer = await create(key).catch(() => null);
    if (answer) assert.equal(answer.status, 400, key);
  }
});
