import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../../../src/domain/facts.ts';
import { requiredEvents } from '../../../src/inbound/stripe/required-events.ts';
import { readFixture, type StripeJson } from './fixtures.ts';
import { normalize, onlyFact, withObject } from './normalize-event.ts';

const paymentIntent = readFixture('endive', 'one-off-checkout/03-payment_intent.succeeded').event;
const checkout = readFixture('endive', 'one-off-checkout/04-checkout.session.completed').event;
const invoice = readFixture('endive', 'renewal/03-invoice.paid').event;
const olderInvoice = readFixture('acacia', 'renewal/03-invoice.paid').event;
const outOfBand = readFixture('acacia', 'out-of-band-invoice/01-invoice.paid').event;
const refund = readFixture('endive', 'partial-refund/02-refund.created').event;
const dispute = readFixture('endive', 'dispute-won/02-charge.dispute.created').event;
const invoicePayment = readFixture('endive', 'renewal/04-invoice_payment.paid').event;

describe('gross and net', () => {
  it('a balance that the customer owed is paid with the invoice, in its proportion of tax', () => {
    // 58.31 total (49.00 without tax), 11.69 owed from before: 70.00 paid, 58.82 of it without tax.
    const { gross, net } = saleOf(withObject(invoice, { amount_due: 7000, amount_paid: 7000, starting_balance: 1169 }));
    assert.deepEqual([gross, net], [usd(7000), usd(5882)]);
  });

  it('an invoice whose total is nothing but is paid, by what was owed, is net what was paid', () => {
    const { gross, net } = saleOf(
      withObject(invoice, { total: 0, total_excluding_tax: 0, amount_paid: 500, starting_balance: 500 }),
    );
    assert.deepEqual([gross, net], [usd(500), usd(500)]);
  });

  it('the tax of an invoice without total_excluding_tax is read from tax, else from the sums of either shape', () => {
    const without = { total_excluding_tax: null };
    assert.deepEqual(saleOf(withObject(olderInvoice, without)).net, usd(4900));
    assert.deepEqual(saleOf(withObject(olderInvoice, { ...without, tax: null })).net, usd(4900));
    assert.deepEqual(saleOf(withObject(invoice, without)).net, usd(4900));
    assert.deepEqual(saleOf(withObject(invoice, { ...without, total_taxes: [] })).net, usd(5831));
  });

  it('a tax that cannot be inside the total takes nothing off', () => {
    assert.deepEqual(saleOf(withObject(invoice, { total_excluding_tax: 9999 })).net, usd(5831));
    assert.deepEqual(saleOf(withObject(invoice, { total_excluding_tax: -1 })).net, usd(5831));
  });

  it('a payment intent captured in part counts what was received, without its part of the tax', () => {
    const { gross, net } = saleOf(withObject(paymentIntent, { amount: 12000, amount_received: 6000 }));
    assert.deepEqual([gross, net], [usd(6000), usd(5000)]);
  });

  it('an invoice paid out of band counts what was due, without an older version saying that it was paid', () => {
    assert.equal(outOfBand.data.object.amount_paid, 0);
    assert.deepEqual(saleOf(outOfBand).gross, usd(23800));
  });

  it('an amount in UGX that is no whole shilling is rounded half up, once', () => {
    const { gross } = saleOf(withObject(paymentIntent, { currency: 'ugx', amount: 150, amount_received: 150 }));
    assert.deepEqual(gross, { minor: 2, currency: 'UGX' });
  });
});

describe('leads', () => {
  it('a paid session that costs nothing is a lead', () => {
    assert.equal(onlyFact(withObject(checkout, { amount_total: 0 })).type, 'lead');
  });

  it('an invoice of zero is a lead, a negative one is ignored', () => {
    const zero = { total: 0, total_excluding_tax: 0, amount_paid: 0, amount_due: 0 };
    assert.equal(onlyFact(withObject(invoice, zero)).type, 'lead');
    assert.equal(normalize(withObject(invoice, { ...zero, total: -100 })).kind, 'ignored');
  });
});

describe('references', () => {
  const refsWith = (orderReference: unknown): string[] =>
    onlyFact(withObject(paymentIntent, { payment_details: { order_reference: orderReference } })).refs.slice(2);

  it('an order reference of the merchant\u2019s own is no Stripe id', () => {
    assert.deepEqual(refsWith('ORDER-4711'), []);
    assert.deepEqual(refsWith('in_ words'), []);
    assert.deepEqual(refsWith(null), []);
    assert.deepEqual(refsWith(17), []);
  });

  it('an order reference of 25 characters may be cut, one of any other length is whole', () => {
    assert.deepEqual(refsWith('in_1SVWoDDwzgQ85STg31e2Dg'), ['stripe:~in_1SVWoDDwzgQ85STg31e2Dg']);
    assert.deepEqual(refsWith('in_short'), ['stripe:in_short', 'stripe:~in_short']);
    assert.deepEqual(refsWith('in_1SVWoDDwzgQ85STg31e2DgXY'), [
      'stripe:in_1SVWoDDwzgQ85STg31e2DgXY',
      'stripe:~in_1SVWoDDwzgQ85STg31e2Dg',
    ]);
  });

  it('a payment intent that says which invoice it pays is no sale, in either shape', () => {
    const later = { payment_details: { order_reference: 'in_1SVWoDDwzgQ85STg31e2Dg' } };
    assert.equal(onlyFact(withObject(paymentIntent, later)).type, 'link');
    assert.equal(onlyFact(withObject(paymentIntent, { invoice: 'in_1' })).type, 'link');
    assert.equal(onlyFact(withObject(paymentIntent, { invoice: { id: 'in_1', object: 'invoice' } })).type, 'link');
  });

  it('an invoice with its payments expanded names what paid it', () => {
    const payments = {
      object: 'list',
      data: [{ id: 'inpay_1', payment: { type: 'payment_intent', payment_intent: 'pi_7' } }],
    };
    assert.ok(onlyFact(withObject(invoice, { payments })).refs.includes('stripe:pi_7'));
  });

  it('an invoice payment by a charge without payment intent links the charge', () => {
    const fact = onlyFact(withObject(invoicePayment, { payment: { type: 'charge', charge: { id: 'ch_7' } } }));
    assert.equal(fact.refs.at(-1), 'stripe:ch_7');
  });

  it('the subscription of an invoice is found on its lines where the invoice itself does not say', () => {
    const fact = onlyFact(withObject(invoice, { parent: null }));
    assert.equal(
      fact.type === 'sale' && fact.subscription,
      `stripe:${invoice.data.object.parent.subscription_details.subscription}`,
    );
    const older = onlyFact(withObject(olderInvoice, { subscription: null }));
    assert.equal(older.type === 'sale' && older.subscription, `stripe:${olderInvoice.data.object.subscription}`);
  });

  it('an invoice of a subscription that nobody names is of the phase all the same', () => {
    const fact = onlyFact(withObject(invoice, { parent: null, lines: { data: [] } }));
    assert.ok(fact.type === 'sale');
    assert.deepEqual([fact.phase, fact.subscription], ['subscription', null]);
  });

  it('of every billing reason, what belongs to a subscription is of its phase, and what does not is by itself', () => {
    const reasons = ['create', 'cycle', 'update', 'threshold'].map((reason) => `subscription_${reason}`);
    const phaseOf = (event: StripeJson): string => {
      const fact = onlyFact(event);
      return fact.type === 'sale' ? fact.phase : fact.type;
    };
    for (const billing_reason of [...reasons, 'manual', 'quote_accept', 'unheard_of', null]) {
      for (const event of [invoice, olderInvoice]) {
        assert.equal(phaseOf(withObject(event, { billing_reason })), 'subscription', String(billing_reason));
        const nobodys = { billing_reason, parent: null, subscription: null, lines: { data: [] } };
        const expected = reasons.includes(String(billing_reason)) ? 'subscription' : 'one_off';
        assert.equal(phaseOf(withObject(event, nobodys)), expected, String(billing_reason));
      }
    }
  });

  it('a customer that is an account of Accounts v2 is known by it', () => {
    const fact = onlyFact(withObject(paymentIntent, { customer: null, customer_account: 'acct_7' }));
    assert.deepEqual(fact.customer, { refs: ['stripe:acct_7'], email: null });
  });
});

describe('evidence', () => {
  const evidenceWith = (object: StripeJson) =>
    onlyFact(withObject(checkout, { client_reference_id: null, ...object })).evidence;

  it('the four keys are read, a click id before a session id', () => {
    const metadata = { affiliate_id: 'a', click_id: 'c', affiliate_session_id: 's', coupon_code: 'K', plan: 'pro' };
    assert.deepEqual(evidenceWith({ metadata }), { affiliate: 'a', clickId: 'c', couponCode: 'K' });
    assert.deepEqual(evidenceWith({ metadata: { affiliate_session_id: 's' } }), { clickId: 's' });
  });

  it('empty texts, blanks and what is no text are nothing', () => {
    const metadata = { affiliate_id: '', click_id: '  ', coupon_code: null, affiliate_session_id: 5 };
    assert.deepEqual(evidenceWith({ metadata, client_reference_id: '' }), {});
    assert.deepEqual(evidenceWith({ metadata: [] }), {});
    assert.deepEqual(evidenceWith({ metadata: 'x' }), {});
  });

  it('values that PostgreSQL cannot hold are nothing', () => {
    assert.deepEqual(evidenceWith({ metadata: { affiliate_id: 'a\u0000b', click_id: '\ud800' } }), {});
  });

  it('the metadata of the invoice comes before that of its subscription, and that before its lines', () => {
    const parent = {
      subscription_details: { subscription: 'sub_1', metadata: { affiliate_id: 'sub', click_id: 'sub' } },
    };
    const lines = { data: [{ metadata: { affiliate_id: 'line', click_id: 'line', coupon_code: 'LINE' } }] };
    const fact = onlyFact(withObject(invoice, { metadata: { affiliate_id: 'own' }, parent, lines }));
    assert.deepEqual(fact.evidence, { affiliate: 'own', clickId: 'sub', couponCode: 'LINE' });
  });

  it('up to acacia the metadata of the subscription is in subscription_details', () => {
    const fact = onlyFact(withObject(olderInvoice, { subscription_details: { metadata: { affiliate_id: 'sub' } } }));
    assert.deepEqual(fact.evidence, { affiliate: 'sub' });
  });

  it('a promotion code in the breakdown of a session counts as well', () => {
    const breakdown = { discounts: [{ amount: 5, discount: { promotion_code: { id: 'promo_1', code: 'DEEP' } } }] };
    assert.deepEqual(evidenceWith({ metadata: {}, total_details: { amount_tax: 0, breakdown } }), {
      discounts: ['DEEP', 'promo_1'],
    });
  });
});

describe('customers', () => {
  const update = readFixture('endive', 'customer-link/02-customer.updated').event;

  it('the same update is the same fact, another one is not', () => {
    const first = onlyFact(update);
    assert.equal(onlyFact(structuredClone(update)).id, first.id);
    assert.notEqual(onlyFact({ ...update, created: update.created + 1 }).id, first.id);
    assert.notEqual(onlyFact(withObject(update, { metadata: { affiliate_id: 'partner-two' } })).id, first.id);
  });

  it('a customer created with a key is linked at once', () => {
    const fact = onlyFact({ ...update, type: 'customer.created' });
    assert.deepEqual([fact.type, fact.evidence], ['customer', { affiliate: 'partner-one' }]);
  });
});

describe('refunds and disputes', () => {
  it('a refund that fails at once is a refund and its failure', () => {
    const normalized = normalize(withObject(refund, { status: 'failed' }));
    assert.deepEqual(normalized.kind === 'facts' && normalized.facts.map((fact) => fact.type), [
      'refund',
      'refund_failed',
    ]);
  });

  it('the status of a refund or dispute decides, whichever event tells it', () => {
    const types = (event: StripeJson): string[] => {
      const normalized = normalize(event);
      return normalized.kind === 'facts' ? normalized.facts.map((fact) => fact.type) : [normalized.kind];
    };
    const refundEvents = ['refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated'];
    for (const type of refundEvents) {
      for (const status of ['pending', 'requires_action', 'succeeded', null]) {
        assert.deepEqual(types(withObject({ ...refund, type }, { status })), ['refund'], `${type} ${status}`);
      }
      for (const status of ['failed', 'canceled']) {
        assert.deepEqual(types(withObject({ ...refund, type }, { status })), ['refund', 'refund_failed']);
      }
    }
    for (const type of ['created', 'updated', 'closed', 'funds_withdrawn', 'funds_reinstated']) {
      const told = (status: string) => types(withObject({ ...dispute, type: `charge.dispute.${type}` }, { status }));
      for (const status of ['needs_response', 'under_review', 'lost']) assert.deepEqual(told(status), ['dispute']);
      assert.deepEqual(told('won'), ['dispute_won']);
      for (const inquiry of ['warning_needs_response', 'warning_under_review', 'warning_closed', 'prevented']) {
        assert.deepEqual(told(inquiry), ['ignored'], inquiry);
      }
    }
  });

  it('a refund names the charge that it is of, else the payment intent', () => {
    const paymentOf = (fact: Fact): string | undefined => (fact.type === 'refund' ? fact.paymentRef : undefined);
    const { charge, payment_intent } = refund.data.object;
    assert.equal(paymentOf(onlyFact(refund)), `stripe:${charge}`);
    assert.equal(paymentOf(onlyFact(withObject(refund, { charge: null }))), `stripe:${payment_intent}`);
    assert.equal(paymentOf(onlyFact({ ...refund, account: 'acct_1' })), `stripe:acct_1:${charge}`);
  });

  it('a refund of no payment is ignored', () => {
    assert.equal(normalize(withObject(refund, { charge: null, payment_intent: null })).kind, 'ignored');
  });

  it('an amended dispute is another statement about the same dispute', () => {
    const before = onlyFact(dispute);
    const after = onlyFact(withObject({ ...dispute, type: 'charge.dispute.updated' }, { amount: 4000 }));
    assert.ok(before.type === 'dispute' && after.type === 'dispute');
    assert.equal(after.disputeId, before.disputeId);
    assert.notEqual(after.id, before.id);
  });

  it('a prevented dispute moves no money', () => {
    assert.equal(normalize(withObject(dispute, { status: 'prevented' })).kind, 'ignored');
  });
});

describe('what cannot be read is unprocessable and says why', () => {
  const unreadable: [string, unknown, RegExp][] = [
    ['no object', 'text', /not a Stripe event/],
    ['null', null, /not a Stripe event/],
    ['a list', [paymentIntent], /not a Stripe event/],
    ['no type', { object: 'event' }, /has no type/],
    ['no data', { type: 'invoice.paid', created: 1 }, /event: data/],
    ['no time', { ...paymentIntent, created: undefined }, /event: created/],
    ['a time before 1970', { ...paymentIntent, created: -1 }, /before 1970/],
    ['a time more than a year ahead', { ...paymentIntent, created: unix('2027-11-20T00:00:01Z') }, /a year ahead/],
    ['a far future', { ...paymentIntent, created: Number.MAX_SAFE_INTEGER }, /a year ahead/],
    [
      'an object that is no object',
      { ...paymentIntent, data: { object: 'pi_1' } },
      /payment_intent.succeeded: the object/,
    ],
    ['no id', withObject(paymentIntent, { id: undefined }), /payment_intent.succeeded: id/],
    ['an id that could not be stored', withObject(paymentIntent, { id: 'pi_\u0000' }), /payment_intent.succeeded: id/],
    ['no amount', withObject(paymentIntent, { amount_received: null }), /amount_received/],
    ['a fractional amount', withObject(paymentIntent, { amount_received: 1.5 }), /amount_received/],
    ['an amount in words', withObject(paymentIntent, { amount_received: '1200' }), /amount_received/],
    ['a negative amount', withObject(paymentIntent, { amount_received: -1 }), /negative/],
    ['an absurd amount', withObject(paymentIntent, { amount_received: 9e15 }), /larger than any/],
    ['no currency', withObject(paymentIntent, { currency: '' }), /currency/],
    ['a currency that is none', withObject(paymentIntent, { currency: 'usdc' }), /'usdc' is not an ISO 4217 currency/],
    ['a paid session without amount', withObject(checkout, { amount_total: null }), /amount_total/],
    ['a paid session without currency', withObject(checkout, { currency: null }), /currency/],
    ['an unknown payment status', withObject(checkout, { payment_status: 'maybe' }), /payment_status: 'maybe'/],
    ['a paid time far ahead', withObject(invoice, { status_transitions: { paid_at: 9e9 } }), /a year ahead/],
    ['a dispute of nothing', withObject(dispute, { charge: null, payment_intent: null }), /charge/],
    ['a refund without amount', withObject(refund, { amount: undefined }), /refund.created: amount/],
  ];
  for (const [what, event, error] of unreadable) {
    it(what, () => {
      const normalized = normalize(event);
      assert.equal(normalized.kind, 'unprocessable');
      assert.match(normalized.kind === 'unprocessable' ? normalized.error : '', error);
    });
  }

  it('a time a year ahead to the second is taken', () => {
    assert.equal(normalize({ ...paymentIntent, created: unix('2027-11-20T00:00:00Z') }).kind, 'facts');
  });
});

describe('what carries nothing is ignored and says why', () => {
  it('types that are names of every object are no handlers', () => {
    for (const type of ['toString', '__proto__', 'constructor']) {
      assert.equal(normalize({ ...paymentIntent, type }).kind, 'ignored');
    }
  });

  it('a type that is no word is not repeated in the reason', () => {
    const normalized = normalize({ ...paymentIntent, type: 'a\u0000b' });
    assert.equal(normalized.kind === 'ignored' && normalized.reason, 'Events of this type move no money: unknown');
  });
});

it('livemode is the event\u2019s own word, and false without one', () => {
  assert.equal(normalize(paymentIntent).livemode, true);
  assert.equal(normalize({ ...paymentIntent, livemode: false }).livemode, false);
  assert.equal(normalize({ ...paymentIntent, livemode: 'true' }).livemode, false);
  assert.equal(normalize(null).livemode, false);
});

it('every event that a source requires is one that is read', () => {
  for (const type of requiredEvents) {
    const normalized = normalize({ type, created: 1, livemode: true, data: { object: null } });
    assert.equal(normalized.kind, 'unprocessable', type);
  }
});

function saleOf(event: StripeJson) {
  const fact = onlyFact(event);
  assert.ok(fact.type === 'sale', JSON.stringify(fact));
  return { gross: fact.gross, net: fact.net };
}

function usd(minor: number) {
  return { minor, currency: 'USD' };
}

function unix(text: string): number {
  return Date.parse(text) / 1000;
}
