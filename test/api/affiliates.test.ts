import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { emptyStatistics } from '../../src/statistics/statistics.ts';
import { make, makeAffiliate, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram();
});
after(() => api.stop());

test('what was set comes back, the rest has defaults, and a code is made of the name', async () => {
  const input = {
    displayName: 'Jürgen Österreich',
    email: 'j@example.com',
    type: 'internal',
    companyName: 'Acme',
    website: 'https://example.com/',
    paymentEmail: 'pay@example.com',
    couponCodes: ['VIP', 'Abc'],
    commissionOverride: { rateBps: 2500 },
    postbackUrl: 'https://tracker.example/pb?cid={sub1}',
    customFields: { tier: 'gold', nested: { a: [1] } },
  };
  const answer = await api.live.post('/affiliates', input);
  assert.equal(answer.status, 201);
  const { data } = answer.body;
  for (const [field, value] of Object.entries(input)) assert.deepEqual(data[field], value, field);
  assert.match(data.id, /^aff_[0-9a-f]{32}$/);
  assert.match(data.referralCode, /^jurgen-osterreich-[a-z0-9]{6}$/);
  assert.equal(data.status, 'active');
  assert.equal(data.activatedAt, data.createdAt);
});

test('an affiliate is found by id and by code, whatever its case, with statistics', async () => {
  const { id, referralCode } = await makeAffiliate(api.live, { referralCode: 'JOHNDOE10' });
  const byId = await api.live.get(`/affiliates/${id}`);
  assert.equal(byId.body.data.referralCode, 'JOHNDOE10');
  assert.deepEqual(byId.body.data.stats, emptyStatistics());
  assert.equal((await api.live.get(`/affiliates/${referralCode.toLowerCase()}`)).body.data.id, id);
  assert.equal((await api.test.get(`/affiliates/${id}`)).status, 200);
  assert.equal((await api.stranger.get(`/affiliates/${id}`)).status, 404);
  assert.equal((await api.stranger.get(`/affiliates/${referralCode}`)).status, 404);
});

test('codes are unique in their program without case, and free in another', async () => {
  await makeAffiliate(api.live, { referralCode: 'Taken', couponCodes: ['SALE'] });
  const again = await api.live.post('/affiliates', { displayName: 'x', email: 'x@y.z', referralCode: 'TAKEN' });
  assert.deepEqual([again.status, again.body.error.code], [409, 'CONFLICT']);
  assert.ok('referralCode' in again.body.error.details);
  const coupon = await api.live.post('/affiliates', {
    displayName: 'x',
    email: 'x@y.z',
    couponCodes: ['new', 'sale'],
  });
  assert.deepEqual([coupon.status, coupon.body.error.code], [409, 'CONFLICT']);
  assert.equal(
    (await api.stranger.post('/affiliates', { displayName: 'x', email: 'x@y.z', referralCode: 'TAKEN' })).status,
    201,
  );
  // The refused ones left nothing behind.
  const { body } = await api.live.get('/affiliates?email=X@y.z');
  assert.deepEqual(body.data, []);
});

test('of many who want one code at once one gets it', async () => {
  const tries = Array.from({ length: 8 }, (_, index) =>
    api.live.post('/affiliates', { displayName: `R${index}`, email: 'r@y.z', referralCode: 'race' }),
  );
  const statuses = (await Promise.all(tries)).map(({ status }) => status).sort((a, b) => a - b);
  assert.deepEqual(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
});

test('a change replaces what it names; null clears', async () => {
  const { id } = await makeAffiliate(api.live, {
    referralCode: 'old-code',
    couponCodes: ['c1', 'c2'],
    postbackUrl: 'https://t.example/',
    commissionOverride: { amountMinor: 500 },
    status: 'pending',
  });
  const changed = await api.live.patch(`/affiliates/${id}`, {
    referralCode: 'new-code',
    couponCodes: ['c2', 'c3'],
    postbackUrl: null,
    commissionOverride: null,
    status: 'active',
  });
  assert.equal(changed.status, 200);
  const { data } = changed.body;
  assert.deepEqual(data.couponCodes, ['c2', 'c3']);
  assert.deepEqual([data.postbackUrl, data.commissionOverride, data.referralCode], [null, null, 'new-code']);
  assert.ok(data.activatedAt);
  assert.equal((await api.live.get('/affiliates/old-code')).status, 404);
  // What was let go is free, the affiliate's own codes stay its own.
  await makeAffiliate(api.live, { referralCode: 'old-code', couponCodes: ['c1'] });
  assert.equal((await api.live.patch(`/affiliates/${id}`, { referralCode: 'NEW-CODE' })).status, 200);
  assert.equal((await api.live.patch(`/affiliates/${id}`, { couponCodes: ['C1'] })).status, 409);
  assert.equal((await api.stranger.patch(`/affiliates/${id}`, { displayName: 'x' })).status, 404);
});

test('every wrong field is named', async () => {
  const answer = await api.live.post('/affiliates', {
    email: 'nobody',
    type: 'alien',
    website: 'javascript:alert(1)',
    referralCode: 'has space',
    couponCodes: ['A', 'a'],
    status: 7,
    commissionOverride: { rateBps: 10001 },
    customFields: [],
    nonsense: true,
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(Object.keys(answer.body.error.details).sort(), [
    'commissionOverride.rateBps',
    'couponCodes',
    'customFields',
    'displayName',
    'email',
    'nonsense',
    'referralCode',
    'status',
    'type',
    'website',
  ]);
  const asId = await api.live.post('/affiliates', {
    displayName: 'x',
    email: 'x@y.z',
    referralCode: 'aff_01a1f8eac8f878debed261a6c397c928',
  });
  assert.equal(asId.status, 400);
});

test('lists are filtered, and their pages stay stable while rows are added', async () => {
  const stranger = api.stranger;
  const ids: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    ids.unshift((await makeAffiliate(stranger, { displayName: `P${index}`, status: 'paused' })).id);
  }
  const first = await stranger.get('/affiliates?status=paused&limit=2');
  assert.deepEqual(
    first.body.data.map(({ id }: { id: string }) => id),
    ids.slice(0, 2),
  );
  await makeAffiliate(stranger, { status: 'paused' });
  const cursor = first.body.pagination.nextCursor as string;
  const second = await stranger.get(`/affiliates?status=paused&limit=2&cursor=${cursor}`);
  assert.deepEqual(
    second.body.data.map(({ id }: { id: string }) => id),
    ids.slice(2, 4),
  );
  const third = await stranger.get(`/affiliates?status=paused&limit=2&cursor=${second.body.pagination.nextCursor}`);
  assert.deepEqual(
    third.body.data.map(({ id }: { id: string }) => id),
    ids.slice(4),
  );
  assert.deepEqual(third.body.pagination, { hasMore: false, nextCursor: null });
  const several = await stranger.get('/affiliates?status=paused,banned&type=external&limit=100');
  assert.equal(several.body.data.length, 6);
  assert.equal((await stranger.get('/affiliates?status=nonsense')).status, 400);
});

test('limits and cursors that are none are refused by name', async () => {
  for (const query of ['limit=0', 'limit=101', 'limit=1.5', 'limit=ten', 'limit=-1', 'cursor=abc', 'cursor=%F0%9F']) {
    const answer = await api.live.get(`/affiliates?${query}`);
    assert.equal(answer.status, 400, query);
    assert.deepEqual(Object.keys(answer.body.error.details), [query.split('=')[0]]);
  }
  await makeAffiliate(api.live);
  await makeAffiliate(api.live);
  const { body } = await api.live.get('/affiliates?limit=1');
  assert.equal((await api.live.get(`/offers?cursor=${body.pagination.nextCursor}`)).status, 400);
});

test('subscribers hear of what became of an affiliate, with the old values', async () => {
  const { id } = await make<{ id: string }>(api.live, '/affiliates', { displayName: 'Told', email: 't@y.z' });
  await api.live.patch(`/affiliates/${id}`, { status: 'banned' });
  await api.live.patch(`/affiliates/${id}`, { status: 'banned' });
  const { rows } = await api.hub.db.raw(
    `select type, body::jsonb as body from every_message where body::jsonb->'data'->>'id' = ? order by id`,
    [id],
  );
  assert.deepEqual(
    rows.map((row: { type: string }) => row.type),
    ['affiliate.created', 'affiliate.updated'],
  );
  assert.deepEqual(rows[1].body.previous, { status: 'active' });
  const shown = await api.live.get(`/affiliates/${id}`);
  const { stats: _stats, ...affiliate } = shown.body.data;
  assert.deepEqual({ ...rows[1].body.data, updatedAt: null }, { ...affiliate, updatedAt: null });
});
