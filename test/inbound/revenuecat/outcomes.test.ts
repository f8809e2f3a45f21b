import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { make } from '../../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../../journeys/http-program.ts';
import { startHub, type TestHub } from '../../support/hub.ts';

/** What callers see of kinds of purchases that other systems got wrong (collected from their public reports). */
let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const DAY_MS = 86_400_000;
const revshare = { type: 'revshare', rateBps: 2_000, durationMonths: null } as const;
const cpa = { type: 'cpa', amountMinor: 1_000 } as const;

/** An event of a subscription of $10.00 in the App Store. */
function event(type: string, id: string, user: string, daysAgo: number, more: Record<string, unknown> = {}): object {
  const time = Date.now() - daysAgo * DAY_MS;
  return {
    event: {
      id: `${type}-${id}-${daysAgo}`,
      type,
      event_timestamp_ms: time,
      purchased_at_ms: time,
      environment: 'PRODUCTION',
      store: 'APP_STORE',
      app_user_id: user,
      original_app_user_id: user,
      aliases: [user],
      period_type: 'NORMAL',
      currency: 'USD',
      price: 10,
      price_in_purchased_currency: 10,
      transaction_id: id,
      original_transaction_id: `${id.slice(0, -1)}1`,
      ...more,
    },
  };
}
const by = (affiliate: string) => ({ subscriber_attributes: { affiliate_id: { value: affiliate, updated_at_ms: 1 } } });

async function outcomes(program: HttpProgram, events: object[]): Promise<Record<string, string>> {
  for (const each of events) await program.revenuecat(each);
  await program.settled();
  const { body } = await program.api.get('/conversions?limit=100');
  const found = body.data as {
    orderId: string;
    kind: string;
    commission: { amountMinor: number } | null;
    affiliateId: string | null;
  }[];
  return Object.fromEntries(
    found
      .toSorted((a, b) => (a.orderId < b.orderId ? -1 : 1))
      .map((one) => {
        const whose = one.affiliateId === null ? 'nobody' : one.affiliateId === program.affiliateId ? 'one' : 'two';
        return [one.orderId, `${one.kind} ${whose} ${one.commission?.amountMinor ?? 0}`];
      }),
  );
}

async function assertOutcome(events: object[], expected: Record<string, string>, options: object): Promise<void> {
  for (const sent of [events, events.toReversed()]) {
    const program = await openHttpProgram(hub, options);
    await make(program.api, '/affiliates', {
      displayName: 'Two',
      email: 'two@example.com',
      referralCode: 'partner-two',
    });
    assert.deepEqual(await outcomes(program, sent), expected);
  }
}

const alice = event('INITIAL_PURCHASE', 'a1', 'alice', 70, by('partner-one'));
const bruno = event('INITIAL_PURCHASE', 'b1', 'bruno', 60, by('partner-two'));
const transfer = {
  event: {
    id: 'transfer-1',
    type: 'TRANSFER',
    event_timestamp_ms: Date.now() - 50 * DAY_MS,
    environment: 'PRODUCTION',
    store: 'APP_STORE',
    transferred_from: ['alice'],
    transferred_to: ['bruno'],
  },
};

it('a transfer, and a renewal in a shared store account, make nobody one person with another', async () => {
  const renewed = event('RENEWAL', 'a2', 'bruno', 40);
  await assertOutcome([alice, bruno, transfer], { a1: 'sale one 1000', b1: 'sale two 1000' }, { commission: cpa });
  await assertOutcome(
    [alice, bruno, transfer, event('RENEWAL', 'b2', 'bruno', 30), renewed],
    { a1: 'sale one 200', a2: 'renewal one 200', b1: 'sale two 200', b2: 'renewal two 200' },
    { commission: revshare },
  );
});

it('an anonymous buyer who turns out to be a user is that user', async () => {
  const anonymous = event('INITIAL_PURCHASE', 'c1', '$RCAnonymousID:7', 20, by('partner-one'));
  const restored = { event: { ...transfer.event, transferred_from: ['$RCAnonymousID:7'], transferred_to: ['carla'] } };
  const bought = event('NON_RENEWING_PURCHASE', 'd1', 'carla', 10);
  await assertOutcome(
    [anonymous, restored, bought],
    { c1: 'sale one 200', d1: 'sale one 200' },
    { commission: revshare },
  );
});

it('the first money is the sale, also where it is called a renewal', async () => {
  const cps = { commission: { type: 'cps', rateBps: 2_000 } };
  const free = { price: 0, price_in_purchased_currency: 0, offer_code: 'FREEMONTH', ...by('partner-one') };
  const renewals = [event('RENEWAL', 'e2', 'emma', 15), event('RENEWAL', 'e3', 'emma', 5)];
  await assertOutcome(
    [event('INITIAL_PURCHASE', 'e1', 'emma', 25, free), ...renewals],
    { e1: 'lead one 0', e2: 'sale one 200', e3: 'renewal one 0' },
    cps,
  );
  // A trial of which only the first renewal arrived.
  await assertOutcome([event('RENEWAL', 'f2', 'finn', 15, by('partner-one'))], { f2: 'sale one 200' }, cps);
});

it('refunded, reversed and refunded again is refunded', async () => {
  const refund = (daysAgo: number) =>
    event('CANCELLATION', 'g1', 'gina', daysAgo, {
      cancel_reason: 'CUSTOMER_SUPPORT',
      price: -10,
      price_in_purchased_currency: -10,
    });
  const bought = event('INITIAL_PURCHASE', 'g1', 'gina', 9, by('partner-one'));
  const story = [bought, refund(8), event('REFUND_REVERSED', 'g1', 'gina', 7)];
  await assertOutcome(story, { g1: 'sale one 200' }, { commission: revshare });
  await assertOutcome([...story, refund(6)], { g1: 'sale one 0' }, { commission: revshare });
  const unpriced = { cancel_reason: 'CUSTOMER_SUPPORT', price: null, price_in_purchased_currency: null };
  const whole = event('CANCELLATION', 'g1', 'gina', 5, unpriced);
  await assertOutcome([...story, whole], { g1: 'sale one 0' }, { commission: revshare });
});

it('an offer code of the store is a coupon', async () => {
  const options = { commission: revshare, affiliate: { couponCodes: ['AUTUMN26'] } };
  const bought = event('INITIAL_PURCHASE', 'h1', 'hana', 9, { offer_code: 'AUTUMN26' });
  await assertOutcome([bought], { h1: 'sale one 200' }, options);
});
