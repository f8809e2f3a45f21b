import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitUntil } from '../support/wait-until.ts';
import { make, makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliate: { id: string; referralCode: string };
let offer: { id: string; code: string };

before(async () => {
  api = await openApiProgram({ worker: true });
  affiliate = await makeAffiliate(api.live, { couponCodes: ['SAVE10'] });
  offer = await makeOffer(api.live);
});
after(() => api.stop());

const click = (client = api.live) =>
  make<{ id: string }>(client, '/clicks', { affiliateId: affiliate.id, offerId: offer.id }).then(({ id }) => id);

test('a conversion counts, a repeat of its order does not, in whichever spelling', async () => {
  const clickId = await click();
  const first = await api.live.post('/conversions', {
    click_id: clickId,
    amount: '149.90',
    txid: 'A-1',
    customer_id: 'u1',
  });
  assert.equal(first.status, 201);
  const { conversionId, ...rest } = first.body.data;
  assert.deepEqual(rest, {
    tracked: true,
    status: 'pending',
    kind: 'sale',
    livemode: true,
    commission: { amountMinor: 1499, currency: 'USD', status: 'pending' },
  });
  for (const body of [
    { clickid: clickId, sum: '149.90', action_id: 'A-1', user_id: 'u1' },
    { CLICK_ID: clickId, Revenue: 149.9, orderId: 'A-1', customerKey: 'u1', anything: { of: ['their', 'own'] } },
    { cid: clickId, amount_cents: 14990, external_id: 'A-1' },
  ]) {
    const again = await api.live.post('/conversions', body);
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(
      [again.body.data.tracked, again.body.data.reason, again.body.data.conversionId],
      [false, 'duplicate_order', conversionId],
    );
  }
  const shown = (await api.live.get(`/conversions/${conversionId}`)).body.data;
  assert.deepEqual(
    [shown.amountMinor, shown.orderId, shown.clickId, shown.affiliateId, shown.offerId, shown.commission.amountMinor],
    [14990, 'A-1', clickId, affiliate.id, offer.id, 1499],
  );
  assert.deepEqual(shown.references, ['order:A-1']);
  assert.equal(shown.facts[0].type, 'sale');
  assert.equal(shown.explanation.chosen.affiliateId, affiliate.id);
});

test('without evidence it is parked, by a coupon it is attributed', async () => {
  const parked = await api.live.post('/conversions', { order_id: 'P-1', amount: 5 });
  assert.deepEqual([parked.status, parked.body.data.tracked, parked.body.data.reason], [200, false, 'no_attribution']);
  const { data } = (await api.live.get(`/conversions/${parked.body.data.conversionId}`)).body;
  assert.deepEqual([data.status, data.commission, data.affiliateId], ['parked', null, null]);
  const coupon = await api.live.post('/conversions', { order_id: 'P-2', amount: 5, coupon_code: 'save10' });
  assert.deepEqual([coupon.status, coupon.body.data.commission.amountMinor], [201, 50]);
});

test('an unknown referral code is parked and named; a later message with a known code, or a replay, credits it', async () => {
  const body = { order_id: 'R-1', amount: 5, referral_code: 'typo-1' };
  const parked = await api.live.post('/conversions', body);
  const { data } = parked.body;
  assert.deepEqual([parked.status, data.tracked, data.reason], [200, false, 'no_attribution']);
  assert.match(data.message, /referral code 'typo-1'/);
  const told = (await api.live.get('/inbox-events?outcome=parked')).body.data;
  assert.match(told[0].error, /'typo-1'/);
  const credited = async (id: string) => (await api.live.get(`/conversions/${id}`)).body.data.affiliateId;

  const known = await api.live.post('/conversions', { ...body, referral_code: affiliate.referralCode });
  assert.deepEqual(
    [known.status, known.body.data.tracked, await credited(data.conversionId)],
    [200, true, affiliate.id],
  );

  // Making the code credits nobody, whatever else is then said of the order.
  const other = await api.live.post('/conversions', { order_id: 'R-2', amount: 5, referral_code: 'typo-2' });
  const { conversionId } = other.body.data;
  const late = await makeAffiliate(api.live, { referralCode: 'typo-2' });
  await api.live.post(`/conversions/${conversionId}/refunds`, { amountMinor: 100 });
  assert.equal(await credited(conversionId), null);
  const event = (await api.live.get('/inbox-events?outcome=parked')).body.data.find(
    (one: { conversionId: string }) => one.conversionId === conversionId,
  );
  assert.equal((await api.live.post(`/inbox-events/${event.id}/replay`, {})).status, 202);
  await waitUntil('it is credited', async () => (await credited(conversionId)) === late.id);
  assert.equal((await api.live.get(`/inbox-events/${event.id}`)).body.data.outcome, 'updated');
  // A funnel event without money has nothing to keep.
  const lead = await api.live.post('/events', { event_type: 'lead', customer_id: 'r', referral_code: 'nobody' });
  assert.deepEqual([lead.status, lead.body.error.details.reason], [400, 'affiliate_not_found']);
});

test('what has no amount and names nobody who is known is parked, too, whatever its offer would need', async () => {
  for (const [index, who] of [
    { referral_code: 'typo-3' },
    { coupon_code: 'typo-4' },
    { referral_code: 'typo-5', coupon_code: 'typo-6' },
  ].entries()) {
    const { status, body } = await api.live.post('/conversions', { order_id: `N-${index}`, goal: 'install', ...who });
    const said = [status, body.data?.tracked, body.data?.reason];
    assert.deepEqual(said, [200, false, 'no_attribution'], JSON.stringify(who));
    const { data } = (await api.live.get(`/conversions/${body.data.conversionId}`)).body;
    assert.deepEqual([data.kind, data.status, data.affiliateId], ['action', 'parked', null]);
    // Each code that nobody has is named.
    for (const code of Object.values(who)) assert.ok(body.data.message.includes(`'${code}'`), body.data.message);
  }
  for (const who of [
    { referral_code: affiliate.referralCode },
    { coupon_code: 'save10' },
    { click_id: await click() },
  ]) {
    const { status, body } = await api.live.post('/conversions', { order_id: 'N-9', goal: 'install', ...who });
    assert.deepEqual([status, body.error?.details.reason], [400, 'amount_required'], JSON.stringify(who));
  }
});

test('beside an unknown code whatever else is known credits', async () => {
  const body = { click_id: await click(), referral_code: 'nobody-at-all', amount: 5, txid: 'R-3' };
  const answer = await api.live.post('/conversions', body);
  assert.deepEqual([answer.status, answer.body.data.commission.amountMinor], [201, 50]);
});

test('a misspelt name is hinted at where nothing was tracked', async () => {
  const misspelt = await api.live.post('/conversions', { order_id: 'D-2', amount: 5, refferal_code: 'jane' });
  assert.match(misspelt.body.data.message, /'refferal_code' is no field: was referral_code meant\?/);
  const refused = await api.live.post('/conversions', { amount: 5, refferal_code: 'jane' });
  assert.match(refused.body.error.message, /click_id is required.*'refferal_code' is no field/);
  const event = { event_type: 'lead', refferal_code: 'jane' };
  const lead = await api.live.post('/events', { ...event, customer_id: 'misspelt' });
  assert.match(lead.body.data.message, /It is kept\. 'refferal_code' is no field: was referral_code meant\?$/);
  assert.match((await api.live.post('/events', event)).body.error.message, /'refferal_code' is no field/);
});

test('guests of one placeholder are not one customer', async () => {
  const [ann, bob] = [await makeAffiliate(api.live), await makeAffiliate(api.live)];
  const sold = async (txid: string, more: object) =>
    (await api.live.post('/conversions', { txid, amount: 10, customer_id: 'guest', ...more })).body.data.conversionId;
  const ids = [
    await sold('G-1', { affiliate_id: ann.id, customer_email: 'one@example.com' }),
    await sold('G-2', { affiliate_id: bob.id, customer_email: 'two@example.com' }),
    await sold('G-3', { customer_email: 'one@example.com' }),
    await sold('G-4', { customer_email: 'three@example.com' }),
  ];
  const credited = [];
  for (const id of ids) credited.push((await api.live.get(`/conversions/${id}`)).body.data.affiliateId);
  assert.deepEqual(credited, [ann.id, bob.id, ann.id, null]);
});

test('renewals follow their subscription, and commission leaves tax and shipping out', async () => {
  const first = await api.live.post('/conversions', {
    txid: 'SUB-1',
    amount: '119.00',
    currency: 'USD',
    tax: '19.00',
    subscription_id: 'plan-1',
    affiliate_id: affiliate.id,
    product_id: 'pro',
  });
  assert.deepEqual([first.body.data.kind, first.body.data.commission.amountMinor], ['sale', 1000]);
  const shown = (await api.live.get(`/conversions/${first.body.data.conversionId}`)).body.data;
  assert.deepEqual([shown.grossMinor, shown.amountMinor], [11900, 10000]);
  const renewal = async (body: object) =>
    (await api.live.post('/conversions', { amount: '119.00', currency: 'USD', ...body })).body.data;
  for (const body of [
    { txid: 'SUB-2', subscription_id: 'plan-1' },
    { txid: 'SUB-3', subscription_id: 'plan-1', is_recurring: true },
  ]) {
    const { reason, conversionId } = await renewal(body);
    const { kind, affiliateId } = (await api.live.get(`/conversions/${conversionId}`)).body.data;
    assert.deepEqual([reason, kind, affiliateId], ['renewal_not_paid', 'renewal', affiliate.id]);
  }
});

test('what it names must be there: the answer tells what is not', async () => {
  for (const [body, reason] of [
    [{ click_id: 'clk_none', amount: 1, txid: 'x' }, 'click_not_found'],
    [{ affiliate_id: 'nobody', amount: 1, txid: 'x' }, 'affiliate_not_found'],
    [{ affiliate_id: affiliate.id, offer_id: 'none', amount: 1, txid: 'x' }, 'offer_not_found'],
    [{ affiliate_id: affiliate.id, txid: 'x' }, 'amount_required'],
    [{ affiliate_id: (await makeAffiliate(api.stranger)).id, amount: 1, txid: 'x' }, 'affiliate_not_found'],
  ] as const) {
    const answer = await api.live.post('/conversions', body);
    assert.deepEqual(
      [answer.status, answer.body.error.code, answer.body.error.details.reason],
      [400, 'VALIDATION_ERROR', reason],
    );
  }
  const macro = await api.live.post('/conversions', { click_id: '{clickid}', amount: '1,234', txid: 'x' });
  assert.equal(macro.status, 400);
  assert.deepEqual(Object.keys(macro.body.error.details).sort(), ['amount', 'click_id', 'reason']);
});

test('test keys make and see test rows', async () => {
  const made = await api.test.post('/conversions', { click_id: await click(api.test), amount: 1, txid: 'A-1' });
  assert.deepEqual([made.status, made.body.data.livemode], [201, false]);
  const { conversionId } = made.body.data;
  assert.equal((await api.live.get(`/conversions/${conversionId}`)).status, 404);
  assert.equal((await api.stranger.get(`/conversions/${conversionId}`)).status, 404);
  assert.deepEqual(
    (await api.test.get('/conversions')).body.data.map(({ id }: { id: string }) => id),
    [conversionId],
  );
});

test('a call without an order id is an order of its own, but its retry under one Idempotency-Key is not', async () => {
  const body = { affiliate_id: affiliate.id, amount: 7 };
  const headers = { 'idempotency-key': 'no-order-id' };
  const one = await api.live.post('/conversions', body, headers);
  const two = await api.live.post('/conversions', body);
  assert.notEqual(one.body.data.conversionId, two.body.data.conversionId);
  assert.deepEqual((await api.live.post('/conversions', body, headers)).body, one.body);
  // The process died after the order was recorded and before the answer was kept: the reservation expires, the order stays one.
  await api.hub.db.raw('delete from idempotency_keys');
  const retry = await api.live.post('/conversions', body, headers);
  assert.deepEqual([retry.status, retry.body.data.conversionId], [200, one.body.data.conversionId]);
});

test('keys are replaced in what is stored', async () => {
  const answer = await api.live.post('/conversions', {
    affiliate_id: affiliate.id,
    amount: 1,
    txid: 'secret',
    secure: api.liveKey,
    metadata: { note: api.liveKey },
  });
  assert.equal(answer.status, 201);
  const { rows } = await api.hub.db.raw(`select convert_from(raw, 'utf8') as raw, headers from inbox_events`);
  assert.ok(!JSON.stringify(rows).includes(api.liveKey));
});

test('lists are filtered, and leave out what was merged unless asked', async () => {
  const other = await makeAffiliate(api.live);
  const post = async (body: object) =>
    (await api.live.post('/conversions', { affiliate_id: other.id, amount: 10, ...body })).body.data.conversionId;
  const early = await post({ txid: 'L-1', occurred_at: '2026-01-10T10:00:00Z', customer_id: 'list' });
  const late = await post({ txid: 'L-2', occurred_at: '2026-02-10T10:00:00Z' });
  const ids = async (query: string) =>
    (await api.live.get(`/conversions?affiliateId=${other.referralCode}&${query}`)).body.data.map(
      ({ id }: { id: string }) => id,
    );
  assert.deepEqual(await ids(''), [late, early]);
  assert.deepEqual(await ids('startDate=2026-02-01'), [late]);
  assert.deepEqual(await ids('endDate=2026-01-31&kind=sale'), [early]);
  assert.deepEqual(await ids('orderId=L-2&status=pending,approved'), [late]);
  assert.deepEqual(await ids('status=rejected'), []);
  assert.deepEqual(await ids(`offerId=${offer.code}`), [late, early]);
  assert.deepEqual(await ids('offerId=none'), []);
  await api.hub.db.raw(`update orders set status = 'merged', merged_into = ? where id = ?`, [late, early]);
  assert.deepEqual(await ids(''), [late]);
  assert.deepEqual(await ids('status=merged'), [early]);
  assert.equal((await api.live.get(`/conversions/${early}`)).body.data.mergedInto, late);
});

test('funnel events count, leads become conversions of their kind, repeats and strangers are told', async () => {
  const clickId = await click();
  const view = await api.live.post('/events', { eventType: 'pageview', clickId, url: 'https://shop.example/' });
  assert.deepEqual([view.status, view.body.data.tracked, view.body.data.conversionId], [201, true, null]);
  const lead = await api.live.post('/events', { event_type: 'lead', click_id: clickId, customer_id: 'lead-1' });
  assert.equal(lead.status, 201);
  const { data } = (await api.live.get(`/conversions/${lead.body.data.conversionId}`)).body;
  assert.deepEqual([data.kind, data.status, data.commission.amountMinor], ['lead', 'pending', 0]);
  const again = await api.live.post('/events', { event_type: 'lead', click_id: clickId, customer_id: 'lead-1' });
  assert.deepEqual([again.status, again.body.data.tracked, again.body.data.reason], [200, false, 'duplicate_event']);
  const unknown = await api.live.post('/events', { event_type: 'lead', click_id: 'clk_none' });
  assert.deepEqual([unknown.status, unknown.body.error.details.reason], [400, 'click_not_found']);
  for (const body of [{ event_type: 'purchase', click_id: clickId }, { event_type: 'lead' }, {}]) {
    assert.equal((await api.live.post('/events', body)).status, 400);
  }
});

test('a customer shows who bound them and what they did, by whichever id', async () => {
  const { conversionId } = (
    await api.live.post('/conversions', { click_id: await click(), amount: 20, txid: 'C-1', customer_id: 'cust-7' })
  ).body.data;
  const { data } = (await api.live.get('/customers/cust-7')).body;
  assert.deepEqual(data.references, ['id:cust-7']);
  assert.deepEqual(
    [data.binding.affiliateId, data.binding.offerId, data.binding.boundBy],
    [affiliate.id, offer.id, conversionId],
  );
  assert.deepEqual(
    data.conversions.map(({ id }: { id: string }) => id),
    [conversionId],
  );
  assert.equal((await api.live.get(`/customers/${data.id}`)).body.data.id, data.id);
  assert.equal((await api.test.get('/customers/cust-7')).status, 404);
  assert.equal((await api.stranger.get(`/customers/${data.id}`)).status, 404);
});

test('the inbox tells what came and what became of it; a replay adds nothing', async () => {
  const { conversionId } = (await api.live.post('/conversions', { affiliate_id: affiliate.id, amount: 3, txid: 'I-1' }))
    .body.data;
  const { data } = (await api.live.get(`/inbox-events?conversionId=${conversionId}`)).body;
  assert.equal(data.length, 1);
  const [{ id, status, outcome, sourceId, livemode }] = data;
  assert.deepEqual(
    { status, outcome, sourceId, livemode },
    { status: 'processed', outcome: 'recorded', sourceId: null, livemode: true },
  );
  const one = (await api.live.get(`/inbox-events/${id}`)).body.data;
  assert.deepEqual(JSON.parse(one.raw), { affiliate_id: affiliate.id, amount: 3, txid: 'I-1' });
  assert.equal((await api.stranger.get(`/inbox-events/${id}`)).status, 404);
  assert.equal((await api.stranger.post(`/inbox-events/${id}/replay`)).status, 404);
  const before = (await api.live.get(`/conversions/${conversionId}`)).body;
  assert.equal((await api.live.post(`/inbox-events/${id}/replay`)).status, 202);
  await waitUntil('the event is settled again', async () => {
    const event = (await api.live.get(`/inbox-events/${id}`)).body.data;
    return event.status === 'processed' && event.outcome === 'duplicate';
  });
  assert.deepEqual((await api.live.get(`/conversions/${conversionId}`)).body, before);
  assert.equal((await api.live.get('/inbox-events?outcome=nonsense')).status, 400);
});

test('statistics are exact, by day of the program and by currency', async () => {
  const other = await makeAffiliate(api.live);
  const who = { affiliateId: other.id, offerId: offer.id };
  for (const occurredAt of ['2026-05-01T10:00:00Z', '2026-05-01T11:00:00Z', '2026-05-09T10:00:00Z']) {
    await make(api.live, '/clicks', { ...who, occurredAt });
  }
  const sell = (txid: string, occurredAt: string, more: object) =>
    api.live.post('/conversions', { affiliate_id: other.id, txid, occurred_at: occurredAt, ...more });
  await sell('S-1', '2026-05-01T12:00:00Z', { amount: '10.00' });
  await sell('S-2', '2026-05-09T12:00:00Z', { amount: '20.00', currency: 'EUR' });
  const refunded = await sell('S-3', '2026-05-09T12:00:00Z', { amount: '30.00' });
  await api.live.post(`/conversions/${refunded.body.data.conversionId}/refunds`, { amountMinor: 1000 });
  const query = `/stats?affiliateId=${other.id}`;
  const usd = { currency: 'USD', revenueMinor: 3000, commissionMinor: 300 };
  const eur = { currency: 'EUR', revenueMinor: 2000, commissionMinor: 200 };
  const funnelOf = (clicks: number, sales: number) => ({ clicks, pageviews: 0, registrations: 0, leads: 0, sales });
  const funnel = funnelOf(3, 3);
  const totals = { clicks: 3, conversions: 3, conversionRate: 1, buyerRate: 1, amounts: [eur, usd], funnel };
  assert.deepEqual((await api.live.get(query)).body.data, totals);
  const weekly = (await api.live.get(`${query}&groupBy=week&startDate=2026-05-01`)).body.data;
  assert.deepEqual(weekly.series, [
    {
      date: '2026-04-27',
      clicks: 2,
      conversions: 1,
      conversionRate: 0.5,
      buyerRate: 0.5,
      amounts: [{ currency: 'USD', revenueMinor: 1000, commissionMinor: 100 }],
      funnel: funnelOf(2, 1),
    },
    {
      date: '2026-05-04',
      clicks: 1,
      conversions: 2,
      conversionRate: 2,
      buyerRate: 2,
      amounts: [eur, { currency: 'USD', revenueMinor: 2000, commissionMinor: 200 }],
      funnel: funnelOf(1, 2),
    },
  ]);
  const monthly = (await api.live.get(`${query}&groupBy=month`)).body.data.series;
  assert.deepEqual(monthly, [{ date: '2026-05-01', ...totals }]);
  const shown = (await api.live.get(`/affiliates/${other.id}`)).body.data.stats;
  assert.deepEqual(shown, totals);
  assert.equal((await api.live.get('/stats?affiliateId=nobody')).body.data.clicks, 0);
  assert.equal((await api.live.get('/stats?groupBy=year')).status, 400);
  for (const path of ['/stats', '/conversions', '/clicks', '/commissions', '/inbox-events', '/messages']) {
    for (const period of [
      'startDate=2026-05-02&endDate=2026-05-01',
      'startDate=2026-05-01T10:00:00.000Z&endDate=2026-05-01T09:59:59.999Z',
    ]) {
      const answer = await api.live.get(`${path}?${period}`);
      assert.deepEqual([answer.status, answer.body.error?.details], [400, { endDate: 'is before startDate' }], path);
    }
    assert.equal((await api.live.get(`${path}?startDate=2026-05-01&endDate=2026-05-01`)).status, 200, path);
  }
});

test('a customer who buys often is one buyer, and so is the visitor of one click', async () => {
  const other = await makeAffiliate(api.live);
  const clicks = await Promise.all(
    [1, 2, 3, 4].map(() => make<{ id: string }>(api.live, '/clicks', { affiliateId: other.id, offerId: offer.id })),
  );
  const sell = (txid: string, more: object) =>
    api.live.post('/conversions', { affiliate_id: other.id, offer_id: offer.id, txid, amount: '1.00', ...more });
  for (const txid of ['B-1', 'B-2', 'B-3']) await sell(txid, { customer_id: 'often' });
  for (const txid of ['B-4', 'B-5']) await sell(txid, { click_id: clicks[0]?.id });
  await sell('B-6', {});
  const { data } = (await api.live.get(`/stats?affiliateId=${other.id}`)).body;
  assert.deepEqual([data.clicks, data.conversions, data.conversionRate, data.buyerRate], [4, 6, 1.5, 0.75]);
});

test('a test session tells what a conversion with its click showed, whichever key sent it', async () => {
  const session = await make<{ testClickId: string; sessionToken: string; expiresAt: string }>(
    api.live,
    '/test-sessions',
    { offerCode: offer.code },
  );
  assert.match(session.testClickId, /^test_/);
  const read = async () => (await api.live.get(`/test-sessions/${session.sessionToken}`)).body.data;
  assert.equal((await read()).status, 'waiting');
  const refused = await api.live.post('/conversions', { click_id: session.testClickId, txid: 'T-0' });
  assert.equal(refused.status, 400);
  assert.deepEqual((await read()).validation, {
    keyValid: true,
    fieldsValid: false,
    problem: 'An amount is required for CPS and RevShare offers',
  });
  const made = await api.live.post('/conversions', { click_id: session.testClickId, amount: 5, txid: 'T-1' });
  assert.deepEqual([made.status, made.body.data.livemode], [201, false]);
  const after = await read();
  assert.deepEqual(
    [after.status, after.validation.fieldsValid, after.conversions[0].orderId],
    ['received', true, 'T-1'],
  );
  assert.equal((await api.stranger.get(`/test-sessions/${session.sessionToken}`)).status, 404);
  for (const body of [{}, { offerId: 'none' }, { offerId: offer.id, offerCode: offer.code }]) {
    assert.equal((await api.live.post('/test-sessions', body)).status, 400);
  }
});

test('without an answer in time the caller is told where to look', async () => {
  const slow = await openApiProgram({ worker: false, env: { RESULT_TIMEOUT_MS: '50' } });
  try {
    const body = { affiliate_id: (await makeAffiliate(slow.live)).id, amount: 1, txid: 'slow' };
    const answer = await slow.live.post('/conversions', body, { 'idempotency-key': 'slow' });
    assert.deepEqual([answer.status, answer.body.data.tracked, answer.body.data.status], [202, null, 'processing']);
    const { location, inboxEventId } = answer.body.data;
    const event = await slow.live.get(location.replace('/api/v1', ''));
    assert.deepEqual([event.body.data.id, event.body.data.status], [inboxEventId, 'received']);
    // 202 is no answer to keep: the retry asks again.
    const retry = await slow.live.post('/conversions', body, { 'idempotency-key': 'slow' });
    assert.notEqual(retry.body.data.inboxEventId, inboxEventId);
  } finally {
    await slow.stop();
  }
});
