import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiClient } from './api-client.ts';
import { makeKey, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram();
});
after(() => api.stop());

test('a program has defaults, and what was set comes back', async () => {
  const bare = await api.admin.post('/programs', { name: '  Plain ' });
  assert.equal(bare.status, 201);
  const { id: _id, createdAt: _at, updatedAt: _then, ...rest } = bare.body.data;
  assert.deepEqual(rest, {
    name: 'Plain',
    currency: 'USD',
    timezone: 'UTC',
    defaultOfferId: null,
    attribution: { model: 'last_click', couponFirst: false },
    holdDays: 0,
    autoApprove: false,
    identifyByEmail: false,
    browserLeads: false,
    sameDomain: 'flag',
    clickRetentionDays: 400,
    companyName: null,
    contactEmail: null,
    status: 'approved',
  });
  const full = await api.admin.post('/programs', {
    name: 'Full',
    currency: 'eur',
    timezone: 'Europe/Berlin',
    attribution: { model: 'first_click' },
    holdDays: 30,
    autoApprove: true,
  });
  assert.equal(full.body.data.currency, 'EUR');
  assert.deepEqual(full.body.data.attribution, { model: 'first_click', couponFirst: false });
  assert.deepEqual((await api.admin.get(`/programs/${full.body.data.id}`)).body, full.body);
});

test('a change touches what it names alone', async () => {
  const made = await api.admin.post('/programs', { name: 'Before', attribution: { couponFirst: true } });
  const { id } = made.body.data;
  const changed = await api.admin.patch(`/programs/${id}`, {
    attribution: { model: 'first_click' },
    holdDays: 7,
  });
  assert.deepEqual(changed.body.data.attribution, { model: 'first_click', couponFirst: true });
  assert.deepEqual([changed.body.data.name, changed.body.data.holdDays], ['Before', 7]);
  assert.equal((await api.admin.patch(`/programs/${id}`, {})).status, 200);
});

test('a live write key reads and changes its own program, but for what is the admin’s alone', async () => {
  const { data: own } = (await api.admin.get(`/programs/${api.programId}`)).body;
  for (const client of [api.live, api.reader, api.test])
    assert.deepEqual((await client.get('/program')).body.data, own);
  const offer = await makeOffer(api.live);
  const wanted = {
    timezone: 'Europe/Berlin',
    defaultOfferId: offer.id,
    attribution: { model: 'first_click', couponFirst: true },
    holdDays: 14,
    autoApprove: true,
    browserLeads: true,
    sameDomain: 'review',
    companyName: 'Acme Ltd',
    contactEmail: 'partners@acme.example',
  };
  const { body } = await api.live.patch('/program', wanted);
  assert.partialDeepStrictEqual(body.data, { ...wanted, id: api.programId, name: own.name });
  assert.deepEqual((await api.admin.get(`/programs/${api.programId}`)).body, body);
  assert.equal((await api.stranger.get('/program')).body.data.timezone, 'UTC');
  for (const field of ['name', 'currency']) {
    const refused = await api.live.patch('/program', { [field]: 'EUR' });
    assert.deepEqual(refused.body.error.details, { [field]: 'is changed with the admin token alone' });
  }
  for (const client of [api.reader, api.test, api.admin]) {
    assert.equal((await client.patch('/program', { holdDays: 1 })).status, 403);
  }
  const theirs = await makeOffer(api.stranger);
  assert.equal((await api.live.patch('/program', { defaultOfferId: theirs.id })).status, 400);
  assert.equal((await api.live.get('/program')).body.data.holdDays, 14);
  const back = { timezone: 'UTC', attribution: { model: 'last_click', couponFirst: false }, holdDays: 0 };
  await api.live.patch('/program', { ...back, autoApprove: false, sameDomain: 'flag', defaultOfferId: null });
});

test('what is no currency, time zone or number of days is named', async () => {
  const answer = await api.admin.post('/programs', {
    name: '',
    currency: 'BTC',
    timezone: 'Mars/Base',
    holdDays: -1,
    autoApprove: 'yes',
    attribution: { model: 'magic' },
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(answer.body.error.details, {
    name: 'must not be empty',
    currency: 'must be an ISO 4217 currency such as USD',
    timezone: 'must be an IANA time zone such as Europe/Berlin',
    holdDays: 'must be at least 0',
    autoApprove: 'must be a boolean',
    'attribution.model': 'must be one of last_click, first_click',
  });
});

test('the first offer becomes the default, later ones do not; another program’s offer cannot be', async () => {
  const program = () => api.admin.get(`/programs/${api.programId}`).then(({ body }) => body.data);
  const first = await makeOffer(api.live);
  const second = await makeOffer(api.live);
  assert.equal((await program()).defaultOfferId, first.id);
  await api.admin.patch(`/programs/${api.programId}`, { defaultOfferId: second.id });
  assert.equal((await program()).defaultOfferId, second.id);
  const theirs = await makeOffer(api.stranger);
  const answer = await api.admin.patch(`/programs/${api.programId}`, { defaultOfferId: theirs.id });
  assert.equal(answer.status, 400);
  assert.ok('defaultOfferId' in answer.body.error.details);
});

test('a write key makes, lists and revokes the keys of its own program', async () => {
  const made = await api.live.post('/api-keys', {
    name: 'Backend',
    mode: 'test',
    access: 'read',
    rateLimits: { reads: 9 },
  });
  assert.equal(made.status, 201);
  assert.match(made.body.data.key, /^sk_test_[0-9A-Za-z]{36}$/);
  assert.deepEqual(made.body.data.rateLimits, { reads: 9 });
  const me = await new ApiClient(api.hub.url, made.body.data.key).get('/me');
  assert.deepEqual(me.body.data, { program: { id: api.programId, name: 'Acme' }, mode: 'test', access: 'read' });
  const listed = await api.live.get('/api-keys');
  assert.ok(listed.body.data.every((key: object) => !('key' in key)));
  assert.equal(listed.body.data[0].id, made.body.data.id);
  assert.equal((await api.stranger.delete(`/api-keys/${made.body.data.id}`)).status, 404);
  assert.equal((await api.live.delete(`/api-keys/${made.body.data.id}`)).status, 204);
  assert.equal((await api.live.delete(`/api-keys/${made.body.data.id}`)).status, 404);
});

test('the admin makes keys of programs that are there', async () => {
  const answer = await api.admin.post('/programs/prg_none/api-keys', { name: 'x', mode: 'live', access: 'read' });
  assert.equal(answer.status, 404);
  assert.equal((await api.admin.get('/programs/prg_none/api-keys')).status, 404);
  const key = await makeKey(api.admin, api.programId, 'live', 'write');
  const { body } = await api.admin.get(`/programs/${api.programId}/api-keys`);
  assert.ok(body.data.some(({ display }: { display: string }) => key.startsWith(display)));
});
