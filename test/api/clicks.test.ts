import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliate: { id: string; referralCode: string };
let offer: { id: string; code: string };

before(async () => {
  api = await openApiProgram({}, { timezone: 'America/New_York' });
  affiliate = await makeAffiliate(api.live);
  offer = await makeOffer(api.live);
});
after(() => api.stop());

test('a click names a link, an affiliate or a referral code, and an offer where there is one', async () => {
  const link = await makeLink(api.live, { affiliateId: affiliate.id, offerId: offer.id });
  const who = { affiliateId: affiliate.id };
  const cases: [object, object][] = [
    [{ code: link.code }, { ...who, offerId: offer.id, linkId: link.id }],
    [
      { affiliateId: affiliate.id, offerId: offer.code },
      { ...who, offerId: offer.id, linkId: null },
    ],
    [{ affiliateId: affiliate.referralCode }, { ...who, offerId: null, linkId: null }],
    [{ referralCode: affiliate.referralCode.toUpperCase() }, { ...who, offerId: null, linkId: null }],
  ];
  for (const [body, expected] of cases) {
    const answer = await api.live.post('/clicks', body);
    assert.equal(answer.status, 201, answer.text);
    const { affiliateId, offerId, linkId } = answer.body.data;
    assert.deepEqual({ affiliateId, offerId, linkId }, expected);
    assert.deepEqual((await api.live.get(`/clicks/${answer.body.data.id}`)).body.data.id, answer.body.data.id);
  }
});

test('what the visitor’s server knows is kept, in UTC', async () => {
  const given = { sub1: 'a', sub5: 'e', ip: '2001:db8::1', userAgent: 'X', sourceUrl: 'https://blog.example/' };
  const { data } = (
    await api.live.post('/clicks', { affiliateId: affiliate.id, occurredAt: '2026-01-31T12:00:00+02:00', ...given })
  ).body;
  for (const [field, value] of Object.entries(given)) assert.equal(data[field], value);
  assert.equal(data.occurredAt, '2026-01-31T10:00:00.000Z');
});

test('clicks of a test key are test clicks, seen by test keys alone', async () => {
  const { id, livemode } = await make<{ id: string; livemode: boolean }>(api.test, '/clicks', {
    affiliateId: affiliate.id,
  });
  assert.equal(livemode, false);
  assert.equal((await api.live.get(`/clicks/${id}`)).status, 404);
  assert.equal((await api.test.get(`/clicks/${id}`)).status, 200);
  assert.deepEqual(
    (await api.test.get('/clicks')).body.data.map((click: { id: string }) => click.id),
    [id],
  );
});

test('wrong, missing, foreign and contradictory fields are named', async () => {
  const theirs = await makeAffiliate(api.stranger);
  const theirLink = await makeLink(api.stranger, {
    affiliateId: theirs.id,
    offerId: (await makeOffer(api.stranger)).id,
  });
  const cases: [object, string][] = [
    [{}, 'code'],
    [{ affiliateId: affiliate.id, referralCode: affiliate.referralCode }, 'referralCode'],
    [{ affiliateId: 'nobody' }, 'affiliateId'],
    [{ affiliateId: theirs.id }, 'affiliateId'],
    [{ referralCode: 'nobody' }, 'referralCode'],
    [{ code: theirLink.code }, 'code'],
    [{ affiliateId: affiliate.id, offerId: 'none' }, 'offerId'],
    [{ affiliateId: affiliate.id, occurredAt: 'yesterday' }, 'occurredAt'],
    [{ affiliateId: affiliate.id, occurredAt: '2030-01-01T00:00:00Z' }, 'occurredAt'],
    [{ affiliateId: affiliate.id, ip: '999.1.1.1' }, 'ip'],
    [{ affiliateId: affiliate.id, sub1: 'x'.repeat(1025) }, 'sub1'],
    [{ affiliateId: affiliate.id, sub1: 5 }, 'sub1'],
  ];
  for (const [body, field] of cases) {
    const answer = await api.live.post('/clicks', body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.deepEqual(Object.keys(answer.body.error.details), [field], answer.text);
  }
});

test('a period is days of the program’s time zone, or instants; both ends count', async () => {
  const { id } = await makeAffiliate(api.live);
  const at = async (occurredAt: string) =>
    (await make<{ id: string }>(api.live, '/clicks', { affiliateId: id, occurredAt })).id;
  const before = await at('2026-03-10T03:59:59.999Z');
  const first = await at('2026-03-10T04:00:00Z');
  const last = await at('2026-03-11T03:59:59.999Z');
  const later = await at('2026-03-11T04:00:00Z');
  const listed = async (query: string) =>
    (await api.live.get(`/clicks?affiliateId=${id}&${query}`)).body.data.map((click: { id: string }) => click.id);
  // New York is at UTC−4 in that week.
  assert.deepEqual(await listed('startDate=2026-03-10&endDate=2026-03-10'), [last, first]);
  assert.deepEqual(await listed('startDate=2026-03-11'), [later]);
  assert.deepEqual(await listed('endDate=2026-03-09'), [before]);
  assert.deepEqual(await listed('startDate=2026-03-10T04:00:00Z&endDate=2026-03-11T04:00:00Z'), [later, last, first]);
  assert.deepEqual(await listed('startDate=2026-03-11T06:00:00%2B02:00'), [later]);
  for (const bad of [
    'startDate=2026-02-30',
    'endDate=tomorrow',
    'startDate=2026-03-10T04:00:00',
    'endDate=10.03.2026',
  ]) {
    assert.equal((await api.live.get(`/clicks?${bad}`)).status, 400, bad);
  }
});
