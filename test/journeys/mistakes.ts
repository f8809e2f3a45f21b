import assert from 'node:assert/strict';
import type { ApiClient } from '../api/api-client.ts';
import { make, makeAffiliate, makeKey, makeOffer } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';
import { disputed, paid, refunded, stripeEvent } from './stripe-events.ts';
import { ApiClient as Client } from '../api/api-client.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import type { TestHub } from '../support/hub.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { TraceCause } from '../../src/audit/trace/causes.ts';

/** What users do wrong, or do not know of: how it comes about, what they then look up, and what they are told. */
export interface Mistake {
  mistake: string;
  /** Does it, and gives what is looked up. */
  make: (world: World) => Promise<string>;
  cause: TraceCause;
  /** A part of the sentence. */
  says: RegExp;
}

/** A program in which every mistake can be made, another one that holds commissions, and one that is not ours. */
export interface World {
  program: HttpProgram;
  live: ApiClient;
  test: ApiClient;
  holding: HttpProgram;
  stranger: HttpProgram;
  bob: { id: string; referralCode: string };
}

export async function openWorld(hub: TestHub): Promise<World> {
  const program = await openHttpProgram(hub);
  const admin = new Client(hub.url, hub.adminToken);
  return {
    program,
    live: program.api,
    test: new Client(hub.url, await makeKey(admin, program.id, 'test', 'write')),
    holding: await openHttpProgram(hub, {
      program: { holdDays: 30, autoApprove: true },
      affiliate: { referralCode: 'partner-two' },
    }),
    stranger: await openHttpProgram(hub, { affiliate: { referralCode: 'partner-three' } }),
    bob: await makeAffiliate(program.api, { displayName: 'Bob', email: 'bob@partners.example', referralCode: 'bob' }),
  };
}

const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
const unixNow = (): number => Math.floor(Date.now() / 1000) - 600;

/** Reports an order by the API, which answers 200, 201 or, where it is refused after it was stored, 400. */
async function report(client: ApiClient, body: object, status: number[] = [200, 201]): Promise<string> {
  const answer = await client.post('/conversions', body);
  assert.ok(status.includes(answer.status), answer.text);
  return (answer.body.data?.conversionId as string | undefined) ?? '';
}

const order = (id: string, more: object = {}): object => ({ order_id: id, amount: 50, currency: 'USD', ...more });
const ours = { affiliate_id: 'partner-one' };

async function clickOf(client: ApiClient, more: object): Promise<string> {
  return (await make<{ id: string }>(client, '/clicks', more)).id;
}

export const mistakes: readonly Mistake[] = [
  {
    mistake: 'The sale was never sent',
    make: () => Promise.resolve('M-never'),
    cause: 'nothing_arrived',
    says: /Nothing arrived under this name in live mode/,
  },
  {
    mistake: 'The referral code is mistyped',
    make: async ({ live }) => {
      await report(live, order('M-mistyped', { referral_code: 'partner-oen' }));
      return 'M-mistyped';
    },
    cause: 'parked',
    says: /The referral code 'partner-oen' is given, and no such affiliate/,
  },
  {
    mistake: 'The name of a field is misspelt',
    make: async ({ live }) => {
      await report(live, order('M-misspelt', { refferal_code: 'partner-one' }));
      return 'M-misspelt';
    },
    cause: 'parked',
    says: /Empty: affiliate_id, click_id, referral_code, coupon_code\..*'refferal_code' is no field: was referral_code meant\?/,
  },
  {
    mistake: "The coupon is nobody's",
    make: async ({ live }) => {
      await report(live, order('M-coupon', { coupon_code: 'SAVE20' }));
      return 'M-coupon';
    },
    cause: 'parked',
    says: /The coupon code 'SAVE20' is given, and no affiliate has this coupon/,
  },
  {
    mistake: 'The Stripe checkout carries no metadata',
    make: async ({ program }) => {
      const intent = { id: 'pi_bare', amount: 5_000, amount_received: 5_000, currency: 'usd', metadata: {} };
      await program.stripe(stripeEvent('payment_intent.succeeded', unixNow(), intent));
      return 'pi_bare';
    },
    cause: 'parked',
    says: /Empty: metadata\.affiliate_id, metadata\.click_id, metadata\.coupon_code, client_reference_id/,
  },
  {
    mistake: 'The Stripe webhook is subscribed to another type of event',
    make: async ({ program }) => {
      await program.stripe(stripeEvent('product.created', unixNow(), { id: 'prod_wrong', object: 'product' }));
      return 'prod_wrong';
    },
    cause: 'ignored',
    says: /Events of this type move no money: product\.created/,
  },
  {
    mistake: 'The Stripe event cannot be read',
    make: async ({ program }) => {
      const intent = { id: 'pi_broken', amount: 'much', amount_received: 'much', currency: 'usd', metadata: {} };
      await program.stripe(stripeEvent('payment_intent.succeeded', unixNow(), intent));
      return 'pi_broken';
    },
    cause: 'unprocessable',
    says: /cannot be read/,
  },
  {
    mistake: 'The refund came, the event of the sale is not switched on',
    make: async ({ program }) => {
      await program.stripe(refunded({ id: 'alone', currency: 'usd', paidAt: unixNow() }, 'x', 1_000, 1));
      return 'pi_alone';
    },
    cause: 'sale_missing',
    says: /a refund came, but no sale/,
  },
  {
    mistake: 'The offer is paused',
    make: async ({ live }) => {
      const offer = await makeOffer(live, { name: 'Paused', status: 'paused' });
      await report(live, order('M-paused', { ...ours, offer_id: offer.code }), [400]);
      return 'M-paused';
    },
    cause: 'offer_not_active',
    says: /Offer not active/,
  },
  {
    mistake: 'The offer is mistyped',
    make: async ({ live }) => {
      await report(live, order('M-offer', { ...ours, offer_id: 'prro-plan' }), [400]);
      return 'M-offer';
    },
    cause: 'offer_unknown',
    says: /Offer not found: prro-plan/,
  },
  {
    mistake: 'The affiliate is banned',
    make: async ({ live }) => {
      const { id } = await makeAffiliate(live, { displayName: 'Mallory', email: 'mallory@partners.example' });
      assert.equal((await live.patch(`/affiliates/${id}`, { status: 'banned' })).status, 200);
      await report(live, order('M-banned', { affiliate_id: id }));
      return 'M-banned';
    },
    cause: 'affiliate_not_active',
    says: /Mallory .* was not active when this counted \(now: banned\)/,
  },
  {
    mistake: "The click is another program's",
    make: async ({ live, stranger }) => {
      const clickId = await clickOf(stranger.api, { affiliateId: stranger.affiliateId, offerId: stranger.offerId });
      await report(live, order('M-stranger', { click_id: clickId }), [400]);
      return 'M-stranger';
    },
    cause: 'click_unknown',
    says: /Click not found: clk_/,
  },
  {
    mistake: 'A sale of the live shop is sent with the test key',
    make: async ({ test }) => {
      await report(test, order('M-test-key', ours));
      return 'M-test-key';
    },
    cause: 'other_mode',
    says: /The order is here, but in test mode: it came by a test key/,
  },
  {
    mistake: 'The live key is used with a test click',
    make: async ({ live, program }) => {
      const { testClickId } = await make<{ testClickId: string }>(live, '/test-sessions', { offerId: program.offerId });
      await report(live, order('M-test-click', { click_id: testClickId }));
      return 'M-test-click';
    },
    cause: 'other_mode',
    says: /in test mode: it came by a test key, with a test click/,
  },
  {
    mistake: 'The buyer came a day after the window',
    make: async ({ live, program }) => {
      const { affiliateId, offerId } = program;
      const click_id = await clickOf(live, { affiliateId, offerId, occurredAt: daysAgo(31.1) });
      await report(live, order('M-late', { click_id }));
      return 'M-late';
    },
    cause: 'outside_window',
    says: /31 days before the order began\) is older than the window of the offer, 30 days/,
  },
  {
    mistake: 'A renewal of a subscription, under an offer that pays once',
    make: async ({ live }) => {
      await report(live, order('M-renewal', { ...ours, subscription_id: 'sub-1', is_recurring: true }));
      return 'M-renewal';
    },
    cause: 'renewal_not_paid',
    says: /pays the first payment only \(cps\)/,
  },
  {
    mistake: 'The customer converts a second time under a CPA offer',
    make: async ({ live }) => {
      const { id } = await makeOffer(live, {
        name: 'Signup',
        commission: { type: 'cpa', amountMinor: 500 },
        currency: 'USD',
      });
      const first = await report(live, order('M-cpa-1', { ...ours, offer_id: id, user_id: 'cpa-buyer' }));
      await report(live, order('M-cpa-2', { ...ours, offer_id: id, user_id: 'cpa-buyer' }));
      assert.match(first, /^cnv_/);
      return 'M-cpa-2';
    },
    cause: 'cpa_limit',
    says: /pays once for each customer: this customer had converted before, by cnv_/,
  },
  {
    mistake: 'The daily cap is reached',
    make: async ({ live }) => {
      const { id } = await makeOffer(live, { name: 'Capped', dailyCap: 1 });
      await report(live, order('M-cap-1', { ...ours, offer_id: id }));
      await report(live, order('M-cap-2', { ...ours, offer_id: id }));
      return 'M-cap-2';
    },
    cause: 'cap',
    says: /The daily cap of Capped \(1\) was used up/,
  },
  {
    mistake: 'The revenue share of the customer has run out',
    make: async ({ live }) => {
      const commission = { type: 'revshare', rateBps: 1_000, durationMonths: 1 };
      const { id } = await makeOffer(live, { name: 'Months', commission });
      const buyer = { ...ours, offer_id: id, user_id: 'months-buyer', subscription_id: 'sub-months' };
      await report(live, order('M-month-1', { ...buyer, occurred_at: daysAgo(70) }));
      await report(live, order('M-month-3', { ...buyer, is_recurring: true }));
      return 'M-month-3';
    },
    cause: 'duration_over',
    says: /it lasts 1 months from their first payment/,
  },
  {
    mistake: 'The affiliate buys by their own link',
    make: async ({ live }) => {
      await report(live, order('M-self', { ...ours, customer_email: 'partner@example.com' }));
      return 'M-self';
    },
    cause: 'self_referral',
    says: /the buyer have the same e-mail address/,
  },
  {
    mistake: 'A percentage is to be paid, and no amount is sent',
    make: async ({ live }) => {
      await report(live, { order_id: 'M-amount', ...ours }, [400]);
      return 'M-amount';
    },
    cause: 'amount_required',
    says: /An amount is required/,
  },
  {
    mistake: 'An order is sent twice, with another amount',
    make: async ({ live }) => {
      const conversionId = await report(live, order('M-twice', ours));
      await report(live, order('M-twice', { ...ours, amount: 60 }));
      const { body } = await live.get(`/inbox-events?conversionId=${conversionId}&outcome=duplicate`);
      return body.data[0].id as string;
    },
    cause: 'duplicate',
    says: /the amount is 50\.00 USD, not 60\.00 USD/,
  },
  {
    mistake: 'The click does not get into the checkout',
    make: ({ live, program }) => clickOf(live, { affiliateId: program.affiliateId, offerId: program.offerId }),
    cause: 'click_without_sale',
    says: /of Partner .*, but no sale that names it arrived/,
  },
  {
    mistake: 'Somebody else is named, and that is stronger than the click',
    make: async ({ live, program, bob }) => {
      const click_id = await clickOf(live, { affiliateId: bob.id, offerId: program.offerId });
      await report(live, order('M-named', { ...ours, click_id }));
      return click_id;
    },
    cause: 'stronger_evidence',
    says: /went to Partner .*'partner-one'.*Passed over: the click clk_\w+ of Bob .*: weaker evidence/,
  },
  {
    mistake: 'The whole payment was refunded',
    make: async ({ live }) => {
      const id = await report(live, order('M-refund', ours));
      assert.ok((await live.post(`/conversions/${id}/refunds`, {})).status < 300);
      return 'M-refund';
    },
    cause: 'refunded',
    says: /All of the payment was refunded \(50\.00 USD, 50\.00 USD of it refunded\)/,
  },
  {
    mistake: 'The payment is disputed',
    make: async ({ program }) => {
      const payment = { id: 'disputed', currency: 'usd', paidAt: unixNow() };
      await program.stripe(paid(payment, 5_000));
      await program.stripe(disputed(payment, 5_000, 1, 'needs_response'));
      return 'ch_disputed';
    },
    cause: 'disputed',
    says: /The payment is disputed/,
  },
  {
    mistake: 'The refund is in another currency than the payment',
    make: async ({ program }) => {
      const payment = { id: 'currencies', currency: 'usd', paidAt: unixNow() };
      await program.stripe(paid(payment, 5_000));
      await program.stripe(refunded({ ...payment, currency: 'eur' }, 'x', 1_000, 1));
      return 'cus_currencies';
    },
    cause: 'in_review',
    says: /held for review since .*: currency_mismatch/,
  },
  {
    mistake: 'A colleague has rejected it',
    make: async ({ live }) => {
      const id = await report(live, order('M-rejected', ours));
      const decision = { status: 'rejected', reason: 'stolen card' };
      assert.equal((await live.patch(`/commissions/com_${id.slice(4)}`, decision)).status, 200);
      return `com_${id.slice(4)}`;
    },
    cause: 'rejected',
    says: /It was rejected by the key 'key' \(key_\w+\) on .*: stolen card/,
  },
  {
    mistake: 'Nobody approves, and the program does not by itself',
    make: async ({ live }) => {
      await report(live, order('M-waits', { ...ours, customer_email: 'Waiting@Buyers.example' }));
      return 'waiting@buyers.example';
    },
    cause: 'awaiting_approval',
    says: /Partner .* earns 10\.00 USD: 20 % of 50\.00 USD\. It waits for somebody to approve it/,
  },
  {
    mistake: 'The commission is on hold',
    make: async ({ holding }) => {
      await report(holding.api, order('M-hold', { affiliate_id: 'partner-two' }));
      return 'M-hold';
    },
    cause: 'on_hold',
    says: /It is on hold until 20\d\d-\d\d-\d\d/,
  },
  {
    mistake: 'Two orders turned out to be one, and the other one has it',
    make: async ({ live, program }) => {
      await report(live, order('pi_merging', ours));
      const merging = await report(live, order('ch_merging', ours));
      const payment = { id: 'merging', currency: 'usd', paidAt: unixNow() };
      await program.stripe(paid(payment, 5_000));
      await program.settled();
      const { body } = await live.get(`/conversions/${merging}`);
      return body.data.mergedInto === null ? await mergedOf(live) : merging;
    },
    cause: 'merged',
    says: /turned out to be the same order as cnv_/,
  },
  {
    mistake: 'The status word of the tracker is not mapped',
    make: async ({ live, program }) => {
      const source = await make<{ url: string }>(live, '/sources', { kind: 'postback', statuses: { ok: 'sale' } });
      const query = new URLSearchParams({ txid: 'M-word', sum: '50', status: 'okay', affiliate_id: 'partner-one' });
      const answer = await fetch(`${source.url}?${query.toString()}&secure=${program.key}`);
      assert.equal(answer.status, 200, await answer.text());
      return 'M-word';
    },
    cause: 'unknown_status',
    says: /does not map: 'okay'/,
  },
  {
    mistake: 'It is in a payout that is not marked paid',
    make: async ({ live, program }) => {
      const id = await report(live, order('M-payout', { affiliate_id: 'bob' }));
      assert.equal((await live.patch(`/commissions/com_${id.slice(4)}`, { status: 'approved' })).status, 200);
      await program.settled();
      const { body } = await live.get(`/conversions/${id}`);
      const { affiliateId } = body.data as { affiliateId: string };
      assert.equal((await live.post('/payouts', { affiliateId, currency: 'USD' })).status, 201);
      return 'M-payout';
    },
    cause: 'in_payout',
    says: /It is in payout pay_\w+, which is pending/,
  },
  {
    mistake: 'The signing secret is that of another Stripe endpoint',
    make: async ({ live }) => {
      const source = await make<{ id: string; url: string }>(live, '/sources', {
        kind: 'stripe',
        signingSecrets: ['whsec_of_this_endpoint'],
      });
      const body = JSON.stringify(paid({ id: 'M_secret', currency: 'usd', paidAt: unixNow() }, 5_000));
      const headers = { 'stripe-signature': signStripeBody(body, 'whsec_of_another_endpoint') };
      const answer = await fetch(source.url, { method: 'POST', headers, body });
      assert.equal(answer.status, 400, await answer.text());
      return await refusedAt(live, source.id, 'pi_M_secret');
    },
    cause: 'refused',
    says: /refused at the door of the source src_\w+, at .*signature/,
  },
  {
    mistake: 'The tracker sends the name of its macro in place of the amount',
    make: async ({ live, program }) => {
      const source = await make<{ id: string; url: string }>(live, '/sources', { kind: 'postback' });
      const query = new URLSearchParams({ txid: 'M-macro', sum: '{payout}', affiliate_id: 'partner-one' });
      const answer = await fetch(`${source.url}?${query.toString()}&secure=${program.key}`);
      assert.equal(answer.status, 400, await answer.text());
      return await refusedAt(live, source.id, 'M-macro');
    },
    cause: 'refused',
    says: /refused at the door of the source src_\w+, at .*\{payout\}/,
  },
];

/** What is refused is written within a second or so. Gives what is looked up. */
async function refusedAt(live: ApiClient, sourceId: string, carried: string): Promise<string> {
  await waitUntil('the refusal is written', async () => {
    const { body } = await live.get(`/sources/${sourceId}/refusals`);
    return JSON.stringify(body).includes('"count":1');
  });
  return carried;
}

async function mergedOf(client: ApiClient): Promise<string> {
  const { body } = await client.get('/conversions?status=merged');
  return body.data[0].id as string;
}
