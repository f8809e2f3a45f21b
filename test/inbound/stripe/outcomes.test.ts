import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { make } from '../../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../../journeys/http-program.ts';
import { invoicePaid, paid, refunded, stripeEvent, type StripePayment } from '../../journeys/stripe-events.ts';
import { startHub, type TestHub } from '../../support/hub.ts';

/** What callers see of kinds of payments that other systems got wrong (collected from their public reports). */
let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const now = Math.floor(Date.now() / 1000);
const day = 86_400;
const revshare = { type: 'revshare', rateBps: 2_000, durationMonths: null } as const;
const payment = (id: string): StripePayment => ({ id, currency: 'usd', paidAt: now - 9 * day });

async function commissions(program: HttpProgram, events: object[]): Promise<number[]> {
  for (const event of events) await program.stripe(event);
  await program.settled();
  return (await program.conversions()).map(({ commissionMinor }) => commissionMinor);
}

/** In the order told and backwards, each to a program of its own. */
async function assertOutcome(events: object[], expected: number[], options: object = {}): Promise<void> {
  for (const sent of [events, events.toReversed()]) {
    const program = await openHttpProgram(hub, { commission: revshare, ...options });
    assert.deepEqual(await commissions(program, sent), expected);
  }
}

it('a payment is credited by the click before it was ordered, however late the bank debit came', async () => {
  const program = await openHttpProgram(hub, { commission: revshare });
  const clicked = (days: number) =>
    make<{ id: string }>(program.api, '/clicks', {
      referralCode: 'partner-one',
      occurredAt: new Date((now - days * day) * 1000).toISOString(),
    });
  const intent = async (id: string, madeDaysAgo: number, clickedDaysAgo: number) =>
    stripeEvent('payment_intent.succeeded', now - day, {
      id: `pi_${id}`,
      created: now - madeDaysAgo * day,
      amount: 10_000,
      amount_received: 10_000,
      currency: 'usd',
      customer: `cus_${id}`,
      metadata: { click_id: (await clicked(clickedDaysAgo)).id },
    });
  const events = [
    await intent('day27', 8, 35),
    // Ordered on day 31; and a click after the order brought nobody.
    await intent('day31', 4, 35),
    await intent('later', 8, 7),
  ];
  assert.deepEqual(
    (await commissions(program, events)).toSorted((a, b) => a - b),
    [0, 0, 2_000],
  );
});

it('an inquiry that ended by a refund takes no more than the refund', async () => {
  const closed = stripeEvent('charge.dispute.closed', now - 2 * day, {
    id: 'dp_inquiry',
    amount: 10_000,
    currency: 'usd',
    charge: 'ch_inquiry',
    payment_intent: 'pi_inquiry',
    status: 'charge_refunded',
    created: now - 5 * day,
  });
  await assertOutcome(
    [paid(payment('inquiry'), 10_000), refunded(payment('inquiry'), 'a', 1_000, 60), closed],
    [1_800],
  );
});

it('of a dispute that was won and then lost, and won again, the last word counts', async () => {
  const told = (status: string, hours: number) =>
    stripeEvent('charge.dispute.closed', now - 5 * day + hours * 3_600, {
      id: 'du_again',
      amount: 5_000,
      currency: 'usd',
      charge: 'ch_again',
      payment_intent: 'pi_again',
      status,
      created: now - 6 * day,
    });
  const events = [paid(payment('again'), 10_000), told('needs_response', 0), told('won', 1), told('lost', 2)];
  await assertOutcome(events, [1_000]);
  await assertOutcome([...events, told('won', 3)], [2_000]);
});

it('an invoice that the balance paid is paid, and one that a discount took is none', async () => {
  const fromBalance = (name: string, more: object) => {
    const event = invoicePaid('balance', name, 0, now - 3 * day) as { data: { object: object } };
    return { ...event, data: { object: { ...event.data.object, ...more } } };
  };
  const funded = { total: 4_900, starting_balance: -10_000, ending_balance: -5_100 };
  const program = await openHttpProgram(hub, { commission: revshare });
  await commissions(program, [fromBalance('a', funded)]);
  assert.deepEqual(
    (await program.conversions()).map((one) => [one.kind, one.amountMinor, one.commissionMinor]),
    [['sale', 4_900, 980]],
  );
  await assertOutcome([fromBalance('b', { starting_balance: 0, ending_balance: 0 })], [0]);
});

it('money that went to the balance by a credit note is earned again when the balance pays', async () => {
  const note = stripeEvent('credit_note.created', now - 2 * day, {
    id: 'cn_balance',
    amount: 4_900,
    post_payment_amount: 4_900,
    refunds: [],
    type: 'post_payment',
    status: 'issued',
    currency: 'usd',
    invoice: 'in_credited_1',
    created: now - 2 * day,
  });
  const second = invoicePaid('credited', '2', 0, now - day) as { data: { object: object } };
  const object = { ...second.data.object, total: 4_900, starting_balance: -4_900, ending_balance: 0 };
  await assertOutcome(
    [invoicePaid('credited', '1', 4_900, now - 9 * day), note, { ...second, data: { object } }],
    [0, 980],
  );
});

it('a promotion code and a coupon credit whose they are, by id', async () => {
  const session = (id: string, discount: object) =>
    stripeEvent('checkout.session.completed', now - day, {
      id: `cs_live_${id}`,
      mode: 'payment',
      payment_status: 'paid',
      amount_total: 4_500,
      currency: 'usd',
      customer: `cus_${id}`,
      payment_intent: `pi_${id}`,
      discounts: [discount],
      metadata: {},
    });
  const events = [
    session('promotion', { coupon: 'SHARED', promotion_code: 'promo_1QAbCdEfGh' }),
    session('coupon', { coupon: 'ANN10PERCENT', promotion_code: null }),
    session('another', { coupon: 'SHARED', promotion_code: 'promo_another' }),
  ];
  const program = await openHttpProgram(hub, {
    commission: revshare,
    affiliate: { couponCodes: ['promo_1QAbCdEfGh', 'ANN10PERCENT'] },
  });
  assert.deepEqual(
    (await commissions(program, events)).toSorted((a, b) => a - b),
    [0, 900, 900],
  );
});

it('a payment without an invoice, and an invoice paid by transfer, are two of the same amount', async () => {
  const both = payment('two');
  const intent = paid(both, 4_900) as { data: { object: object } };
  const alone = { ...intent, data: { object: { ...intent.data.object, invoice: null } } };
  const transferred = invoicePaid('two', 'a', 4_900, both.paidAt) as { data: { object: object } };
  const outside = { ...transferred.data.object, paid_out_of_band: true };
  await assertOutcome([alone, invoicePaid('two', 'a', 4_900, both.paidAt)], [980, 980]);
  await assertOutcome([intent, { ...transferred, data: { object: outside } }], [980, 980]);
});
