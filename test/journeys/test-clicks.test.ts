import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { make } from '../api/api-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { stripeEvent } from './stripe-events.ts';

// `test_` before a captured click id: a conversion of that click, as a test, whichever way it comes and whichever key it has.

let hub: TestHub;
let program: HttpProgram;
before(async () => {
  hub = await startHub();
  program = await openHttpProgram(hub);
});
after(() => hub.stop());

async function click(): Promise<string> {
  const { affiliateId, offerId, api } = program;
  return (await make<{ id: string }>(api, '/clicks', { affiliateId, offerId })).id;
}

interface Order {
  livemode: boolean;
  click_id: string | null;
  affiliate_id: string | null;
}

/** The orders that a message made. */
async function ordersOf(say: () => Promise<void>): Promise<Order[]> {
  const known = await runSql<{ id: string }>(hub.db, 'select id from orders where program_id = ?', [program.id]);
  await say();
  await program.settled();
  const orders = await runSql<Order & { id: string }>(
    hub.db,
    'select id, livemode, click_id, affiliate_id from orders where program_id = ? and kind is not null order by id',
    [program.id],
  );
  return orders.flatMap(({ id, ...order }) => (known.some((one) => one.id === id) ? [] : [order]));
}

async function post(path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' };
  const answer = await fetch(hub.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${await answer.text()}`);
}

describe('a click id with test_ before it', () => {
  const ways: [what: string, say: (clickId: string) => Promise<void>][] = [
    ['a conversion', (id) => post('/api/v1/conversions', { clickId: id, amount: '10.00', currency: 'USD' })],
    ['a lead', (id) => post('/api/v1/events', { clickId: id, eventType: 'lead' })],
    ["AffSpace's conversion", (id) => post('/affspace/api/v1/conversions', { clickid: id, sum: 10, action_id: id })],
    ["Refgrow's conversion", (id) => post('/refgrow/v1/referrals/convert', { clickId: id, amount: 10, orderId: id })],
    [
      "Affitor's sale",
      (id) =>
        post('/affitor/api/v1/track/sale', { click_id: id, transaction_id: id, amount_cents: 1000, currency: 'USD' }),
    ],
    ["Affitor's lead", (id) => post('/affitor/api/v1/track/lead', { click_id: id })],
  ];
  for (const [what, say] of ways) {
    test(`is a test of that click: ${what}`, async () => {
      const clickId = await click();
      assert.deepEqual(await ordersOf(() => say(`test_${clickId}`)), [
        { livemode: false, click_id: clickId, affiliate_id: program.affiliateId },
      ]);
    });
  }

  test('is a test of that click: a postback, with a key and without', async () => {
    for (const requireKey of [true, false]) {
      const { id } = await make<{ id: string }>(program.api, '/sources', { kind: 'postback', requireKey });
      const clickId = await click();
      const orders = await ordersOf(async () => {
        const secure = requireKey ? `&secure=${program.key}` : '';
        const answer = await fetch(`${hub.url}/pb/${id}?clickid=test_${clickId}&sum=5${secure}`);
        assert.equal(answer.status, 200, await answer.text());
      });
      assert.deepEqual(orders, [{ livemode: false, click_id: clickId, affiliate_id: program.affiliateId }]);
    }
  });

  test('of Stripe and RevenueCat is that click in their tests, and nobody in what is live', async () => {
    const pay = (clickId: string, livemode: boolean) => ({
      ...stripeEvent('payment_intent.succeeded', Math.floor(Date.now() / 1000), {
        id: `pi_${clickId}`,
        object: 'payment_intent',
        amount: 1_000,
        amount_received: 1_000,
        currency: 'usd',
        metadata: { click_id: clickId },
      }),
      livemode,
    });
    const clickId = await click();
    assert.deepEqual(await ordersOf(() => program.stripe(pay(`test_${clickId}`, false))), [
      { livemode: false, click_id: clickId, affiliate_id: program.affiliateId },
    ]);
    const [live] = await ordersOf(async () => program.stripe(pay(`test_${await click()}`, true)));
    assert.deepEqual([live?.livemode, live?.affiliate_id], [true, null]);
    const buy = (id: string) => ({
      api_version: '1.0',
      event: {
        id,
        type: 'INITIAL_PURCHASE',
        environment: 'SANDBOX',
        store: 'APP_STORE',
        app_user_id: id,
        transaction_id: id,
        event_timestamp_ms: Date.now(),
        purchased_at_ms: Date.now(),
        currency: 'USD',
        price: 9.99,
        price_in_purchased_currency: 9.99,
        period_type: 'NORMAL',
        product_id: 'pro',
        tax_percentage: 0,
        subscriber_attributes: { click_id: { value: `test_${clickId}`, updated_at_ms: Date.now() } },
      },
    });
    assert.deepEqual(await ordersOf(() => program.revenuecat(buy('u-1'))), [
      { livemode: false, click_id: clickId, affiliate_id: program.affiliateId },
    ]);
  });

  test('is the click that AffSpace had before it was imported, and the own test clicks of the hub are themselves', async () => {
    await runSql(
      hub.db,
      `insert into clicks (id, program_id, livemode, affiliate_id, offer_id, occurred_at)
       values ('0M8K2L9P5QRS', ?, true, ?, ?, now())`,
      [program.id, program.affiliateId, program.offerId],
    );
    const [imported] = await ordersOf(() =>
      post('/affspace/api/v1/conversions', { clickid: 'test_0M8K2L9P5QRS', sum: 10, action_id: 'a-1' }),
    );
    assert.deepEqual([imported?.livemode, imported?.click_id], [false, '0M8K2L9P5QRS']);
    const { testClickId } = await make<{ testClickId: string }>(program.api, '/test-sessions', {
      offerId: program.offerId,
    });
    const [own] = await ordersOf(() =>
      post('/api/v1/conversions', { clickId: testClickId, amount: '1.00', orderId: 'a-2' }),
    );
    assert.deepEqual([own?.livemode, own?.click_id], [false, testClickId]);
  });

  test('leaves nothing live, and all of it is proved', async () => {
    const [row] = await runSql<{ live: number }>(
      hub.db,
      'select count(*)::int as live from ledger_entries where program_id = ? and livemode',
      [program.id],
    );
    assert.equal(row?.live, 0);
    assert.deepEqual((await verifyLedger(hub.db)).differences, []);
  });
});
