import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { readFixture } from '../inbound/stripe/fixtures.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { invoicePaid, paid, refunded, stripeEvent } from './stripe-events.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const paidAt = Date.UTC(2026, 8, 1) / 1_000;

async function assertOne(program: HttpProgram, commissionMinor: number, message = ''): Promise<void> {
  await program.settled();
  assert.deepEqual(
    (await program.conversions()).map((one) => one.commissionMinor),
    [commissionMinor],
    message,
  );
  assert.equal(await program.told('conversion.created'), 1, message);
}

describe('one payment told by several is one conversion', () => {
  test('a call of the API with a Stripe id, and Stripe, whichever comes first', async () => {
    for (const id of ['pi_call', 'ch_call']) {
      for (const callFirst of [true, false]) {
        const program = await openHttpProgram(hub);
        const call = async (): Promise<void> => {
          const body = { affiliate_id: program.affiliateId, order_id: id, amount: '100.00', currency: 'USD' };
          const answer = await program.api.post('/conversions', body);
          assert.equal(answer.status, callFirst ? 201 : 200, answer.text);
          if (!callFirst) assert.equal(answer.body.data.reason, 'duplicate_order');
        };
        const stripe = () => program.stripe(paid({ id: 'call', currency: 'usd', paidAt }, 10_000));
        for (const send of callFirst ? [call, stripe] : [stripe, call]) {
          await send();
          await program.settled();
        }
        await assertOne(program, 2_000, `${id}, call first: ${callFirst}`);
      }
    }
  });

  test('a postback with an invoice\u2019s id, and the webhook of the same invoice: the invoice states the amount', async () => {
    const program = await openHttpProgram(hub);
    const source = await program.api.post('/sources', {
      kind: 'postback',
      purpose: 'primary',
      response: 'json',
    });
    const click = await program.api.post('/clicks', { affiliateId: program.affiliateId, offerId: program.offerId });
    const invoice = 'in_subscription_of_37_characters_first';
    const url = `//pb/${source.body.data.id}?cid=${click.body.data.id}&txid=${invoice}&sum=90.00&currency=USD`;
    assert.equal((await program.api.get(url)).body.data.commission.amountMinor, 1_800);
    const at = Math.floor(Date.now() / 1_000);
    await program.stripe(invoicePaid('subscription_of_37_characters', 'first', 10_000, at));
    await assertOne(program, 2_000);
  });

  test('a payment intent that names its invoice by the first 25 characters, as order reference', async () => {
    for (const intentFirst of [true, false]) {
      const program = await openHttpProgram(hub);
      const id = 'in_1S8gbzTr1bFx7Hubn3clP68n';
      assert.ok(id.length > 25);
      // Another amount and half a day between: nothing but the reference joins them.
      const intent = stripeEvent('payment_intent.succeeded', paidAt + 43_200, {
        id: 'pi_reference',
        amount: 9_000,
        amount_received: 9_000,
        currency: 'usd',
        customer: 'cus_1',
        metadata: {},
        payment_details: { order_reference: id.slice(0, 25) },
      });
      const invoice = JSON.parse(
        JSON.stringify(invoicePaid('x', 'y', 10_000, paidAt)).replaceAll('in_x_y', id),
      ) as object;
      for (const event of intentFirst ? [intent, invoice] : [invoice, intent]) {
        await program.stripe(event);
        await program.settled();
      }
      await program.stripe(refunded({ id: 'reference', currency: 'usd', paidAt }, '1', 5_000, 60));
      await assertOne(program, 1_000, `intent first: ${intentFirst}`);
    }
  });

  test('an invoice and its payment intent that invoice_payment.paid links, days and amounts apart', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'part', currency: 'usd', paidAt: paidAt + 86_400 }, 4_000));
    await program.stripe(invoicePaid('linked', '1', 10_000, paidAt));
    await program.settled();
    assert.equal((await program.conversions()).length, 2);
    await program.stripe(
      stripeEvent('invoice_payment.paid', paidAt, {
        id: 'inpay_1',
        invoice: 'in_linked_1',
        payment: { type: 'payment_intent', payment_intent: 'pi_part' },
      }),
    );
    await program.settled();
    const conversions = await program.conversions();
    assert.deepEqual(
      conversions.map(({ commissionMinor }) => commissionMinor),
      [2_000],
    );
    const merged = (await program.api.get('/conversions?status=merged')).body.data as { id: string }[];
    assert.equal(merged.length, 1);
    const shown = (await program.api.get(`/conversions/${merged[0]?.id}`)).body.data;
    assert.deepEqual([shown.status, shown.mergedInto, shown.commission], ['merged', conversions[0]?.id, null]);
    const survivor = (await program.api.get(`/conversions/${conversions[0]?.id}`)).body.data;
    for (const reference of ['stripe:pi_part', 'stripe:in_linked_1', 'stripe:ch_part']) {
      assert.ok(survivor.references.includes(reference), reference);
    }
    assert.equal(await program.told('conversion.updated'), 2, 'the one that is merged, and the one it was merged into');
  });

  test('events of two API versions that watch one account', async () => {
    const program = await openHttpProgram(hub, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    });
    for (const name of ['04-invoice.paid', '02-payment_intent.succeeded', '01-charge.succeeded']) {
      for (const generation of ['endive', 'acacia'] as const) {
        await program.stripe(readFixture(generation, `subscription-first-invoice/${name}`).event);
        await program.settled();
      }
    }
    await assertOne(program, 980);
  });

  test('a refund that the caller told by Stripe\u2019s own id, and Stripe, whichever comes first', async () => {
    for (const callFirst of [true, false]) {
      const program = await openHttpProgram(hub);
      const one = { id: 'back', currency: 'usd', paidAt };
      await program.stripe(paid(one, 10_000));
      await program.settled();
      const [sold] = await program.conversions();
      const call = async (): Promise<void> => {
        const body = { amountMinor: 3_000, refundId: 're_back_1' };
        const answer = await program.api.post(`/conversions/${sold?.id}/refunds`, body);
        assert.ok(answer.status < 300, answer.text);
      };
      const stripe = () => program.stripe(refunded(one, '1', 3_000, 1));
      for (const send of callFirst ? [call, stripe] : [stripe, call]) {
        await send();
        await program.settled();
      }
      // The figure of its charge has it, too.
      const charge = { id: 'ch_back', amount_refunded: 3_000, currency: 'usd', payment_intent: 'pi_back' };
      await program.stripe(stripeEvent('charge.refunded', paidAt + 120, charge));
      await assertOne(program, 1_400, `call first: ${callFirst}`);
    }
  });

  test('a customer whose metadata names the affiliate, told before the payment, after it, or of another account', async () => {
    const link = (event: object): object => ({
      ...readFixture('endive', 'customer-link/02-customer.updated').event,
      ...event,
    });
    const customerId = (link({}) as { data: { object: { id: string } } }).data.object.id;
    const payment = JSON.parse(
      JSON.stringify(paid({ id: 'linked', currency: 'usd', paidAt }, 10_000, '')).replaceAll('cus_linked', customerId),
    ) as object;
    for (const [events, commissionMinor] of [
      [[link({}), payment], 2_000],
      [[payment, link({})], 2_000],
      [[payment, link({ account: 'acct_1' })], 0],
    ] as const) {
      const program = await openHttpProgram(hub);
      for (const event of events) {
        await program.stripe(event);
        await program.settled();
      }
      const [conversion] = await program.conversions();
      assert.equal(conversion?.commissionMinor, commissionMinor);
      assert.equal(conversion.status, commissionMinor === 0 ? 'parked' : 'pending');
    }
  });

  test('the same ids of two connected accounts are two payments of two customers; a call may name either', async () => {
    const program = await openHttpProgram(hub);
    const one = { id: 'connect', currency: 'usd', paidAt };
    await program.stripe({ ...paid(one, 10_000), account: 'acct_1' });
    await program.stripe({ ...paid(one, 10_000), account: 'acct_2' });
    await program.stripe({ ...refunded(one, '1', 10_000, 1), account: 'acct_2' });
    await program.settled();
    const conversions = await program.conversions();
    const earned = conversions.map(({ commissionMinor }) => commissionMinor).toSorted((a, b) => a - b);
    assert.deepEqual(earned, [0, 2_000]);
    for (const account of ['acct_1', 'acct_2']) {
      const customer = await program.api.get(`/customers/${account}:cus_connect`);
      assert.deepEqual(customer.body.data.references, [`stripe:${account}:cus_connect`], customer.text);
    }
    const [refundedOne] = conversions.filter(({ commissionMinor }) => commissionMinor === 0);
    const call = { affiliate_id: program.affiliateId, amount: '100.00', currency: 'USD' };
    const known = await program.api.post('/conversions', { ...call, order_id: 'acct_2:pi_connect' });
    assert.equal(known.body.data.reason, 'duplicate_order', known.text);
    assert.equal(known.body.data.conversionId, refundedOne?.id);
    const unknown = await program.api.post('/conversions', { ...call, order_id: 'pi_connect' });
    assert.equal(unknown.status, 201, 'the platform\u2019s own payment of that id is a third one');
  });
});

describe('what RevenueCat and Stripe both report counts once', () => {
  const revenuecat = (name: string): object =>
    JSON.parse(readFileSync(new URL(`../../fixtures/revenuecat/${name}.json`, import.meta.url), 'utf8')) as object;

  test('with a Stripe source, Stripe\u2019s money counts, and RevenueCat says who referred it', async () => {
    for (const stripeFirst of [true, false]) {
      const program = await openHttpProgram(hub, {
        commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
      });
      const at = Date.UTC(2026, 10, 1, 10) / 1_000;
      const money = JSON.parse(
        JSON.stringify(invoicePaid('both', '1', 1_900, at))
          .replaceAll('sub_both', 'sub_1QxYzA2eZvKYlo2C8b7n6m5k')
          .replaceAll('partner-one', ''),
      ) as object;
      const sends = [
        () => program.stripe(money),
        () => program.revenuecat(revenuecat('billed-by-stripe/01-initial-purchase')),
      ];
      for (const send of stripeFirst ? sends : sends.toReversed()) {
        await send();
        await program.settled();
      }
      await assertOne(program, 380, `Stripe first: ${stripeFirst}`);
    }
  });

  test('where RevenueCat names the payment intent, the two meet in it', async () => {
    const program = await openHttpProgram(hub);
    await program.revenuecat(revenuecat('billed-by-stripe/03-payment-named'));
    await program.settled();
    const one = { id: '3RvC4tQ2mZb7Xy1a0B1c2D3e', currency: 'usd', paidAt: Date.UTC(2026, 10, 1, 10) / 1_000 };
    await program.stripe(paid(one, 1_900));
    await assertOne(program, 380);
  });

  test('an alias makes an anonymous buyer a user, and a TRANSFER between users makes nobody another', async () => {
    const program = await openHttpProgram(hub, {
      commission: { type: 'revshare', rateBps: 2_000, durationMonths: null },
    });
    await program.revenuecat(revenuecat('identity/03-purchase-of-anonymous'));
    await program.settled();
    assert.equal((await program.conversions())[0]?.status, 'parked');
    // The backend knows who brought two users; RevenueCat then says that the anonymous buyer is one of them.
    const signUp = async (customer_id: string, day: number) => {
      const signup = { event_type: 'registration', customer_id, affiliate_id: program.affiliateId };
      const at = { occurred_at: new Date(Date.UTC(2026, 9, day)).toISOString() };
      const answer = await program.api.post('/events', { ...signup, ...at });
      assert.ok(answer.status < 300, answer.text);
      await program.settled();
    };
    await signUp('player-1007', 1);
    await program.revenuecat(revenuecat('identity/02-transfer'));
    await program.revenuecat(revenuecat('identity/01-subscriber-alias'));
    await program.settled();
    assert.equal(
      (await program.conversions())[0]?.status,
      'parked',
      'the buyer is player-1006, whom nobody brought yet',
    );
    await signUp('player-1006', 2);
    const [conversion] = await program.conversions();
    assert.deepEqual([conversion?.status, conversion?.commissionMinor], ['pending', 200]);
  });
});
