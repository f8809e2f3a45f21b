import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram({}, { currency: 'EUR' });
});
after(() => api.stop());

test('an offer has defaults, and the currency of its program', async () => {
  const answer = await api.live.post('/offers', {
    name: 'Plan',
    url: 'https://shop.example/',
    commission: { type: 'revshare', rateBps: 2000 },
  });
  assert.equal(answer.status, 201);
  const { id: _id, code, createdAt: _c, updatedAt: _u, ...rest } = answer.body.data;
  assert.match(code, /^[A-Z0-9]{10}$/);
  assert.deepEqual(rest, {
    livemode: true,
    name: 'Plan',
    url: 'https://shop.example/',
    description: null,
    commission: { type: 'revshare', rateBps: 2000, durationMonths: null },
    currency: 'EUR',
    attributionWindowDays: 30,
    dailyCap: 0,
    status: 'published',
  });
});

test('an offer is found by id and code, in its own program', async () => {
  const { id } = await makeOffer(api.live, { code: 'MYOFFER' });
  assert.equal((await api.live.get('/offers/MYOFFER')).body.data.id, id);
  assert.equal((await api.live.get(`/offers/${id}`)).body.data.code, 'MYOFFER');
  assert.equal((await api.stranger.get(`/offers/${id}`)).status, 404);
  assert.equal((await api.stranger.get('/offers/MYOFFER')).status, 404);
  const again = await api.live.post('/offers', {
    name: 'x',
    url: 'https://x.example/',
    code: 'MYOFFER',
    commission: { type: 'cps', rateBps: 1 },
  });
  assert.deepEqual([again.status, again.body.error.details], [409, { code: 'is taken in this program' }]);
  await makeOffer(api.stranger, { code: 'MYOFFER' });
});

test('terms are checked by their type', async () => {
  const refused: [object, string][] = [
    [{ type: 'cpa' }, 'commission.amountMinor'],
    [{ type: 'cpa', amountMinor: -1 }, 'commission.amountMinor'],
    [{ type: 'cpa', amountMinor: 1.5 }, 'commission.amountMinor'],
    [{ type: 'cps', rateBps: 10001 }, 'commission.rateBps'],
    [{ type: 'cps', rateBps: 1000, amountMinor: 5 }, 'commission.amountMinor'],
    [{ type: 'revshare', rateBps: 1, durationMonths: 0 }, 'commission.durationMonths'],
    [{ type: 'gift' }, 'commission.type'],
  ];
  for (const [commission, field] of refused) {
    const answer = await api.live.post('/offers', { name: 'x', url: 'https://x.example/', commission });
    assert.equal(answer.status, 400);
    assert.deepEqual(Object.keys(answer.body.error.details), [field]);
  }
});

test('a change touches what it names alone', async () => {
  const { id } = await makeOffer(api.live, { description: 'Flagship', dailyCap: 5 });
  const changed = await api.live.patch(`/offers/${id}`, {
    commission: { type: 'cpa', amountMinor: 3000 },
    status: 'paused',
    description: null,
  });
  assert.equal(changed.status, 200);
  const { commission, status, description, dailyCap, name } = changed.body.data;
  assert.deepEqual(
    [commission, status, description, dailyCap, name],
    [{ type: 'cpa', amountMinor: 3000 }, 'paused', null, 5, 'Offer'],
  );
  assert.equal((await api.stranger.patch(`/offers/${id}`, { name: 'Mine' })).status, 404);
  assert.deepEqual(
    (await api.live.get('/offers?status=paused')).body.data.map((offer: { id: string }) => offer.id),
    [id],
  );
});

test('of terms that are changed in part the rest stays, and what does not fit together is told in words', async () => {
  const commission = { type: 'revshare', rateBps: 2000, durationMonths: 12 };
  const { id } = await makeOffer(api.live, { commission });
  const change = (changes: object) => api.live.patch(`/offers/${id}`, { commission: changes });
  for (const [changes, after] of [
    [
      { type: 'revshare', rateBps: 1500 },
      { ...commission, rateBps: 1500 },
    ],
    [{ rateBps: 1000 }, { ...commission, rateBps: 1000 }],
    [{}, { ...commission, rateBps: 1000 }],
    [{ durationMonths: null }, { type: 'revshare', rateBps: 1000, durationMonths: null }],
    [{ durationMonths: 6 }, { type: 'revshare', rateBps: 1000, durationMonths: 6 }],
    [{ type: 'cps' }, { type: 'cps', rateBps: 1000 }],
    [
      { type: 'cpa', amountMinor: 500 },
      { type: 'cpa', amountMinor: 500 },
    ],
    [{ amountMinor: 700 }, { type: 'cpa', amountMinor: 700 }],
  ] as const) {
    const answer = await change(changes);
    assert.deepEqual([answer.status, answer.body.data?.commission], [200, after], JSON.stringify(changes));
  }
  for (const [changes, details] of [
    [{ rateBps: 5 }, { 'commission.rateBps': 'is no part of cpa, which has amountMinor' }],
    [{ type: 'cps' }, { 'commission.rateBps': 'is required of cps' }],
    [{ type: 'gift' }, { 'commission.type': 'must be one of cpa, cps, revshare' }],
    [{ rate: 5 }, { 'commission.rate': 'is not a known field' }],
  ] as const) {
    const answer = await change(changes);
    assert.deepEqual([answer.status, answer.body.error.details], [400, details], JSON.stringify(changes));
  }
  assert.deepEqual((await api.live.get(`/offers/${id}`)).body.data.commission, { type: 'cpa', amountMinor: 700 });
});

test('an error about a value that may have several forms names them', async () => {
  const offer = { name: 'x', url: 'https://x.example/' };
  for (const commission of [{ rateBps: 1000 }, { type: 'gift' }]) {
    const { body } = await api.live.post('/offers', { ...offer, commission });
    assert.deepEqual(body.error.details, {
      'commission.type':
        'must be {type: "cpa", amountMinor} or {type: "cps", rateBps} or {type: "revshare", rateBps, durationMonths?}',
    });
  }
  for (const decision of [{}, { status: 'approved', affiliateId: 'ann' }]) {
    const { body } = await api.live.patch('/commissions/com_none', decision);
    const status = 'must be given, with a reason if you like, or affiliateId instead of it';
    assert.deepEqual(body.error.details, { status });
  }
  const person = { displayName: 'x', email: 'x@example.com' };
  for (const commissionOverride of [{}, { rateBps: 1, amountMinor: 1 }, 5]) {
    const { body } = await api.live.post('/affiliates', { ...person, commissionOverride });
    assert.deepEqual(body.error.details, { commissionOverride: 'must be {rateBps} or {amountMinor}' });
  }
});

test('a change of nothing does not count as one', async () => {
  const [offer, affiliate] = [await makeOffer(api.live), await makeAffiliate(api.live)];
  const url = 'https://hooks.example.com/';
  const endpoint = (await api.live.post('/webhook-endpoints', { url })).body.data as { id: string };
  for (const path of [
    `/offers/${offer.id}`,
    `/affiliates/${affiliate.id}`,
    `/webhook-endpoints/${endpoint.id}`,
    '/program',
  ]) {
    const before = (await api.live.get(path)).body.data;
    assert.equal((await api.live.patch(path, {})).body.data.updatedAt, before.updatedAt, path);
  }
  const before = (await api.live.get(`/affiliates/${affiliate.id}`)).body.data;
  const { body } = await api.live.patch(`/affiliates/${affiliate.id}`, { couponCodes: ['NEW10'] });
  assert.ok(body.data.updatedAt > before.updatedAt);
});

test('a link names affiliate and offer by id or code, and leads to the custom URL, else to the offer’s', async () => {
  const affiliate = await makeAffiliate(api.live, { referralCode: 'linker' });
  const offer = await makeOffer(api.live, { code: 'LINKED', url: 'https://shop.example/a' });
  const plain = await api.live.post('/tracking-links', { affiliateId: 'LINKER', offerId: 'LINKED' });
  assert.equal(plain.status, 201);
  const { data } = plain.body;
  assert.deepEqual([data.affiliateId, data.offerId], [affiliate.id, offer.id]);
  assert.equal(data.trackingUrl, `${api.hub.url}/r/${data.code}`);
  assert.equal(data.destinationUrl, 'https://shop.example/a');
  const custom = await api.live.patch(`/tracking-links/${data.id}`, { customUrl: 'https://shop.example/b' });
  assert.equal(custom.body.data.destinationUrl, 'https://shop.example/b');
  assert.deepEqual((await api.live.get(`/tracking-links/${data.id}`)).body, custom.body);
  assert.equal((await api.stranger.get(`/tracking-links/${data.id}`)).status, 404);
  assert.equal((await api.stranger.patch(`/tracking-links/${data.id}`, { customUrl: null })).status, 404);
});

test('a link of what another program has is refused', async () => {
  const mine = { affiliateId: (await makeAffiliate(api.live)).id, offerId: (await makeOffer(api.live)).id };
  const theirs = {
    affiliateId: (await makeAffiliate(api.stranger)).id,
    offerId: (await makeOffer(api.stranger)).id,
  };
  for (const field of ['affiliateId', 'offerId'] as const) {
    const answer = await api.live.post('/tracking-links', { ...mine, [field]: theirs[field] });
    assert.equal(answer.status, 400);
    assert.deepEqual(Object.keys(answer.body.error.details), [field]);
  }
  const link = await makeLink(api.live, mine);
  const listed = await api.live.get(`/tracking-links?affiliateId=${mine.affiliateId}`);
  assert.deepEqual(
    listed.body.data.map(({ id }: { id: string }) => id),
    [link.id],
  );
  assert.deepEqual((await api.live.get('/tracking-links?affiliateId=nobody')).body.data, []);
});
