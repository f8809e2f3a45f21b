import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inTransaction } from '../../src/db/db.ts';
import { createAffiliate } from '../../src/program/affiliates.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { ApiClient } from './api-client.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let ann: { id: string; referralCode: string };
let bob: { id: string; referralCode: string };
let offer: { id: string };
let clickOfAnn: string;
before(async () => {
  api = await openApiProgram({ worker: true });
  offer = await makeOffer(api.live);
  const [annInput, bobInput] = [
    { displayName: 'Ann Lee', email: 'ann@partner.example', companyName: 'Lee & Søn' },
    { displayName: 'Bob', email: 'bob@agency.example', couponCodes: ['SPRING-9'] },
  ];
  ann = await makeAffiliate(api.live, annInput);
  bob = await makeAffiliate(api.live, bobInput);
  const click = (affiliateId: string, sub1: string) => make<{ id: string }>(api.live, '/clicks', { affiliateId, sub1 });
  clickOfAnn = (await click(ann.id, 'red')).id;
  await click(ann.id, 'blue');
  await click(bob.id, 'red');
});
after(() => api.stop());

interface Item {
  id: string;
}

async function ids(path: string, client: ApiClient = api.live): Promise<string[]> {
  const { status, body, text } = await client.get(path);
  assert.equal(status, 200, text);
  return (body.data as Item[]).map(({ id }) => id);
}

async function walk(path: string): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = '', pages = 0; pages < 20; pages += 1) {
    const { data, pagination } = (await api.live.get(`${path}${cursor && `&cursor=${cursor}`}`)).body;
    found.push(...(data as Item[]).map(({ id }) => id));
    if (!pagination.hasMore) return found;
    cursor = pagination.nextCursor as string;
  }
  throw new Error('a list without an end');
}

const sell = async (body: object): Promise<string> => {
  const { status, body: answer, text } = await api.live.post('/conversions', { amount: 100, ...body });
  assert.ok(status < 300, text);
  return answer.data.conversionId as string;
};
const commissionOf = (conversionId: string) => `com_${conversionId.slice(4)}`;

test('lists go by creation, whatever ids an import brought, and can be read from either end', async () => {
  const scope = { programId: api.programId, livemode: true };
  const imported = ['aff_ffffffffffffffffffffffffffffffff', 'aff_00000000000000000000000000000001'];
  for (const [index, id] of imported.entries()) {
    const input = { id, displayName: 'Zed', email: 'zed@import.example' };
    await inTransaction(api.hub.db, (trx) => createAffiliate(trx, scope, input));
    await runSql(api.hub.db, 'update affiliates set created_at = ?::timestamptz where id = ?', [
      `2020-01-0${index + 1}T00:00:00.000001Z`,
      id,
    ]);
  }
  const newestFirst = [bob.id, ann.id, imported[1], imported[0]];
  assert.deepEqual(await walk('/affiliates?limit=1'), newestFirst);
  assert.deepEqual(await walk('/affiliates?limit=1&sort=createdAt'), newestFirst.toReversed());
  const conversions = [await sell({ order_id: 'S-1', affiliate_id: ann.id }), await sell({ order_id: 'S-2' })];
  assert.deepEqual(await walk('/conversions?limit=1&sort=createdAt'), conversions);
});

test('affiliates are found by the beginnings of their words, and by a coupon', async () => {
  const found = async (q: string) => ids(`/affiliates?q=${encodeURIComponent(q)}`);
  assert.deepEqual(await found('lee'), [ann.id]);
  assert.deepEqual(await found('PARTN an'), [ann.id]);
  assert.deepEqual(await found('søn'), [ann.id]);
  assert.deepEqual(await found('bob@agen'), [bob.id]);
  assert.deepEqual(await found('spring'), [bob.id]);
  assert.deepEqual(await found(bob.referralCode.slice(0, 6)), [bob.id]);
  assert.deepEqual(await found('partn bob'), []);
  assert.deepEqual(await ids('/affiliates?q=lee', api.stranger), []);
  assert.equal((await api.live.get('/affiliates?q=%40')).status, 400);
  assert.deepEqual(await ids('/offers?q=off'), [offer.id]);
});

test('affiliates bring their figures and balances along, as they are told of one', async () => {
  await sell({ order_id: 'I-1', affiliate_id: ann.id, click_id: clickOfAnn });
  const { data } = (await api.live.get('/affiliates?include=stats,balance&q=ann')).body;
  const [listed] = data as { id: string; stats: unknown; balances: unknown }[];
  const one = (await api.live.get(`/affiliates/${ann.id}`)).body.data;
  const { data: balances } = (await api.live.get(`/balances?affiliateId=${ann.id}`)).body;
  assert.deepEqual([listed?.id, listed?.stats, listed?.balances], [ann.id, one.stats, balances]);
  assert.equal(one.stats.clicks, 2);
  const [bare] = (await api.live.get('/affiliates?limit=1')).body.data as object[];
  assert.deepEqual(
    ['stats', 'balances'].filter((name) => name in (bare ?? {})),
    [],
  );
});

test('funnel events are listed each once, and stand in the funnel of the statistics', async () => {
  const before = (await api.live.get(`/stats?affiliateId=${ann.id}`)).body.data.funnel;
  const tell = async (body: object): Promise<string> =>
    (await api.live.post('/events', body)).body.data.eventId as string;
  const view = await tell({ eventType: 'pageview', click_id: clickOfAnn, url: 'https://shop.example/a' });
  const registration = await tell({ eventType: 'registration', click_id: clickOfAnn, customer_id: 'u-1' });
  await tell({ eventType: 'registration', click_id: clickOfAnn, customer_id: 'u-1' });
  const lead = await tell({ eventType: 'lead', click_id: clickOfAnn });
  const stranger = await tell({ eventType: 'pageview', customer_id: 'nobody' });
  assert.deepEqual(await ids('/events'), [stranger, lead, registration, view]);
  assert.deepEqual(await walk('/events?limit=1&sort=createdAt'), [view, registration, lead, stranger]);
  assert.deepEqual(await ids('/events?eventType=lead,registration'), [lead, registration]);
  assert.deepEqual(await ids(`/events?affiliateId=${ann.referralCode}`), [lead, registration, view]);
  assert.deepEqual(await ids(`/events?clickId=${clickOfAnn}&eventType=pageview`), [view]);
  assert.deepEqual(await ids('/events?endDate=2020-01-01'), []);
  assert.deepEqual(await ids('/events', api.stranger), []);
  const { data } = (await api.live.get('/events?eventType=pageview,lead')).body;
  assert.deepEqual(
    (data as Record<string, unknown>[]).map(({ eventType, affiliateId, url }) => [eventType, affiliateId, url]),
    [
      ['pageview', null, null],
      ['lead', ann.id, null],
      ['pageview', ann.id, 'https://shop.example/a'],
    ],
  );
  const expected = { ...before, pageviews: 1, registrations: 1, leads: 1 };
  assert.deepEqual((await api.live.get(`/stats?affiliateId=${ann.id}`)).body.data.funnel, expected);
  assert.equal((await api.live.get('/stats')).body.data.funnel.pageviews, 2);
  // The same once the worker has added it up.
  await waitUntil('all is rolled up', async () => {
    const rows = await runSql(api.hub.db, 'select 1 from statistic_deltas limit 1');
    return rows.length === 0;
  });
  assert.deepEqual((await api.live.get(`/stats?affiliateId=${ann.id}`)).body.data.funnel, expected);
});

test('statistics break down by affiliate, offer, source and sub1: the first ones, and the others together', async () => {
  const { id: sourceId } = await make<{ id: string }>(api.live, '/sources', {
    kind: 'postback',
    purpose: 'primary',
    response: 'json',
  });
  const posted = await api.live.get(`//pb/${sourceId}?order_id=B-1&amount=500&affiliate_id=${bob.id}`);
  assert.equal(posted.body.data.tracked, true, posted.text);
  const breakDown = async (query: string) => {
    const { status, body, text } = await api.live.get(`/stats?${query}`);
    assert.equal(status, 200, text);
    const { items, other } = body.data.breakdown;
    type Figures = {
      key: string;
      name: string | null;
      clicks: number;
      conversions: number;
      amounts: { revenueMinor: number }[];
    };
    const told = ({ clicks, conversions, amounts }: Figures) => [clicks, conversions, amounts[0]?.revenueMinor ?? 0];
    return {
      items: (items as Figures[]).map((item) => [item.key, item.name, ...told(item)]),
      other: other && told(other as Figures),
      total: told(body.data as Figures),
    };
  };
  const { items, other, total } = await breakDown('breakdown=affiliate&limit=1');
  assert.deepEqual(items, [[bob.id, 'Bob', 1, 1, 50_000]]);
  assert.deepEqual(other, [2, 2, 20_000], 'two of Ann');
  assert.deepEqual(total, [3, 3, 70_000]);
  assert.deepEqual((await breakDown('breakdown=affiliate&sort=clicks')).items, [
    [ann.id, 'Ann Lee', 2, 2, 20_000],
    [bob.id, 'Bob', 1, 1, 50_000],
    [null, null, 0, 0, 0],
  ]);
  assert.deepEqual((await breakDown('breakdown=offer')).items, [
    [offer.id, 'Offer', 0, 3, 70_000],
    [null, null, 3, 0, 0],
  ]);
  assert.deepEqual((await breakDown('breakdown=source')).items, [
    [sourceId, null, 0, 1, 50_000],
    [null, null, 0, 2, 20_000],
  ]);
  assert.deepEqual((await breakDown('breakdown=sub1&sort=clicks')).items, [
    ['red', null, 2, 1, 10_000],
    ['blue', null, 1, 0, 0],
    [null, null, 0, 2, 60_000],
  ]);
  const [first] = (await api.live.get('/stats?breakdown=affiliate&sort=clicks')).body.data.breakdown.items as {
    conversionRate: number;
    buyerRate: number;
  }[];
  assert.deepEqual([first?.conversionRate, first?.buyerRate], [1, 1]);
});

test('conversions, commissions and payouts are filtered by what they tell', async () => {
  const [paid, euros] = [
    await sell({ order_id: 'P-1', affiliate_id: ann.id }),
    await sell({ order_id: 'P-2', affiliate_id: bob.id, currency: 'EUR' }),
  ];
  const unpaid = await sell({ order_id: 'P-3', affiliate_id: ann.id, customer_email: 'ann@partner.example' });
  assert.deepEqual(await ids('/conversions?reason=self_referral'), [unpaid]);
  assert.deepEqual(await ids('/conversions?currency=eur'), [euros]);
  assert.deepEqual(await ids(`/commissions?conversionId=${paid}`), [commissionOf(paid)]);
  assert.equal((await api.live.patch(`/commissions/${commissionOf(paid)}`, { status: 'approved' })).status, 200);
  const payout = await make<{ id: string }>(api.live, '/payouts', { affiliateId: ann.id, currency: 'USD' });
  assert.deepEqual(await ids(`/commissions?payoutId=${payout.id}`), [commissionOf(paid)]);
  assert.deepEqual(await ids(`/conversions?payoutId=${payout.id}`), [paid]);
  assert.deepEqual(await ids(`/payouts?conversionId=${paid}`), [payout.id]);
  assert.deepEqual(await ids(`/payouts?conversionId=${euros}`), []);
  assert.deepEqual(await ids('/payouts?startDate=2020-01-01'), [payout.id]);
  assert.deepEqual(await ids('/payouts?endDate=2020-01-01'), []);
  assert.deepEqual(await ids(`/commissions?payoutId=${payout.id}`, api.stranger), []);
});

test('affiliates tell when their newest conversion occurred that counts', async () => {
  const occurredAt = '2026-01-02T03:04:05.000Z';
  await sell({ order_id: 'L-1', affiliate_id: ann.id, occurred_at: occurredAt });
  const rejected = await sell({ order_id: 'L-2', affiliate_id: ann.id });
  await api.live.patch(`/commissions/${commissionOf(rejected)}`, { status: 'rejected' });
  const carl = await makeAffiliate(api.live, { displayName: 'Carl', email: 'carl@partner.example' });
  const { data } = (await api.live.get('/affiliates?include=lastConversion')).body;
  const last = new Map((data as { id: string; lastConversionAt: string }[]).map((each) => [each.id, each]));
  assert.equal(last.get(ann.id)?.lastConversionAt, occurredAt);
  assert.equal(last.get(carl.id)?.lastConversionAt, null);
});

test('offers tell how much of the cap of today is used', async () => {
  const [before] = (await api.live.get('/offers?include=capUsed')).body.data as { capUsedToday: number }[];
  assert.equal(before?.capUsedToday, 0);
  const capped = await makeOffer(api.live, { dailyCap: 2 });
  for (const n of [1, 2, 3]) await sell({ order_id: `C-${n}`, affiliate_id: bob.id, offer_id: capped.id });
  await sell({ order_id: 'C-4', affiliate_id: bob.id, offer_id: capped.id, occurred_at: '2026-01-02T03:04:05.000Z' });
  const one = (await api.live.get(`/offers/${capped.id}?include=capUsed`)).body.data;
  assert.deepEqual([one.dailyCap, one.capUsedToday], [2, 2]);
  assert.ok(!('capUsedToday' in (await api.live.get(`/offers/${capped.id}`)).body.data));
});

test('links are found by the beginning of their code and by status, and bring names along', async () => {
  const link = async (code: string, status: string) =>
    (await make<Item>(api.live, '/tracking-links', { affiliateId: ann.id, offerId: offer.id, code, status })).id;
  const [spring, summer] = [await link('Ann-Spring', 'active'), await link('ann-summer', 'paused')];
  assert.deepEqual(await ids('/tracking-links?q=ANN-'), [summer, spring]);
  assert.deepEqual(await ids('/tracking-links?q=ann-&status=paused'), [summer]);
  assert.deepEqual(await ids('/tracking-links?q=spring'), []);
  const [named] = (await api.live.get('/tracking-links?q=ann-sp&include=names')).body.data as object[];
  const one = (await api.live.get(`/tracking-links/${spring}?include=names`)).body.data;
  assert.deepEqual(named, one);
  assert.deepEqual([one.affiliateName, one.offerName], ['Ann Lee', 'Offer']);
  assert.ok(!('affiliateName' in (await api.live.get(`/tracking-links/${spring}`)).body.data));
});
