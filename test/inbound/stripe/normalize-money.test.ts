import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readFixture, type StripeJson } from './fixtures.ts';
import { normalize, onlyFact, withObject } from './normalize-event.ts';

const paymentIntent = readFixture('endive', 'one-off-checkout/03-payment_intent.succeeded').event;
const checkout = readFixture('endive', 'one-off-checkout/04-checkout.session.completed').event;
const invoice = readFixture('endive', 'renewal/03-invoice.paid').event;
const refund = readFixture('endive', 'partial-refund/02-refund.created').event;
const refunded = readFixture('endive', 'partial-capture/03-charge.refunded').event;
const legacy = readFixture('endive', 'legacy-charge/01-charge.succeeded').event;
const note = readFixture('endive', 'credit-note/03-credit_note.created').event;
const olderNote = readFixture('acacia', 'credit-note/03-credit_note.created').event;
const dispute = readFixture('endive', 'dispute-won/02-charge.dispute.created').event;

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

describe('when an order began', () => {
  const beganAt = (event: StripeJson) => onlyFact(event).beganAt;
  const paidAt: number = invoice.data.object.status_transitions.paid_at;
  const day = 86_400;

  it('is when its session, payment intent, charge or invoice was made', () => {
    for (const event of [checkout, paymentIntent, legacy]) {
      assert.equal(beganAt(withObject(event, { created: event.created - day })), at(event.created - day), event.type);
    }
    assert.equal(beganAt(withObject(invoice, { created: paidAt - 30 * day })), at(paidAt - 30 * day));
  });

  it('is not said where the object has no time, or none that is earlier', () => {
    for (const event of [checkout, paymentIntent, legacy]) {
      for (const created of [undefined, null, 'yesterday', event.created, event.created + day]) {
        assert.equal(beganAt(withObject(event, { created })), undefined, `${event.type} ${created}`);
      }
    }
  });

  it('of an invoice is the first that it tells, and the date on its document only where it tells nothing else', () => {
    const transitions = { finalized_at: paidAt - 2 * day, paid_at: paidAt };
    const made = { created: paidAt - day, status_transitions: transitions, effective_at: paidAt - 9 * day };
    assert.equal(beganAt(withObject(invoice, made)), at(paidAt - 2 * day));
    assert.equal(beganAt(withObject(invoice, { ...made, status_transitions: { paid_at: paidAt } })), at(paidAt - day));
    const undated = { ...made, created: null, status_transitions: { paid_at: paidAt } };
    assert.equal(beganAt(withObject(invoice, undated)), at(paidAt - 9 * day));
  });

  it('cannot be more than a year ahead', () => {
    assert.equal(normalize(withObject(paymentIntent, { created: 9e9 })).kind, 'unprocessable');
  });
});

describe('what a capture released', () => {
  /** The figure that the event becomes; 0 where it is ignored. */
  const figure = (object: StripeJson, amountBefore?: number): number => {
    const previous_attributes = amountBefore === undefined ? undefined : { amount_refunded: amountBefore };
    const event = withObject(refunded, { amount: 10000, amount_captured: 7000, refunds: null, ...object });
    const normalized = normalize({ ...event, data: { ...event.data, previous_attributes } });
    if (normalized.kind !== 'facts') return 0;
    const [total] = normalized.facts;
    return total?.type === 'refund_total' && 'minor' in total.amount ? total.amount.minor : NaN;
  };

  it('is taken off the cumulative figure that has it', () => {
    assert.equal(figure({ amount_refunded: 3000 }), 0);
    assert.equal(figure({ amount_refunded: 4000 }), 1000);
    assert.equal(figure({ amount_refunded: 4000 }, 3000), 1000);
    assert.equal(figure({ amount_refunded: 10000, refunded: true }), 7000);
    assert.equal(figure({ amount_refunded: 8000 }), 5000);
  });

  it('is not taken off one that cannot have it, as from basil on', () => {
    assert.equal(figure({ amount_refunded: 1000 }), 1000);
    assert.equal(figure({ amount_refunded: 4000 }, 0), 4000);
    assert.equal(figure({ amount_refunded: 4000 }, 1000), 4000);
    assert.equal(figure({ amount_refunded: 7000, refunded: true }), 7000);
  });

  it('of an authorization that was never captured is all of it', () => {
    assert.equal(figure({ captured: false, amount_captured: null, amount_refunded: 10000, refunded: true }), 0);
    assert.equal(figure({ captured: false, amount_captured: 0, amount_refunded: 10000, refunded: true }), 0);
    const expired = withObject(refund, { reason: 'expired_uncaptured_charge' });
    assert.equal(normalize(expired).kind, 'ignored');
  });

  it('is nothing where all was captured, more was captured than authorized, or no version tells', () => {
    assert.equal(figure({ amount_captured: 10000, amount_refunded: 3000 }), 3000);
    assert.equal(figure({ amount_captured: 12000, amount_refunded: 3000 }), 3000);
    assert.equal(figure({ amount_captured: undefined, amount_refunded: 3000 }), 3000);
    assert.equal(figure({ amount: undefined, amount_refunded: 3000 }), 3000);
  });

  it('is the first refund of its amount in the list, and no other is undone', () => {
    const listed = (id: string, amount: number, created: number) => ({ id, amount, currency: 'usd', created });
    const data = [listed('re_3', 3000, 300), listed('re_2', 1000, 200), listed('re_1', 3000, 100)];
    const undone = (refunds: unknown) => {
      const event = withObject(refunded, { amount_captured: 7000, amount_refunded: 7000, refunds });
      const normalized = normalize({ ...event, data: { object: event.data.object } });
      assert.ok(normalized.kind === 'facts');
      return normalized.facts.flatMap((fact) => (fact.type === 'refund_failed' ? [fact.refundId] : []));
    };
    assert.deepEqual(undone({ data }), ['re_1']);
    assert.deepEqual(undone({ data: data.slice(0, 2), has_more: true }), [], 'a list that was cut off');
    assert.deepEqual(undone(null), []);
  });
});

describe('credit notes', () => {
  const amountOf = (event: StripeJson): unknown => {
    const normalized = normalize(event);
    if (normalized.kind !== 'facts') return normalized.kind;
    const [made] = normalized.facts;
    return made?.type === 'refund' && made.amount !== null && 'minor' in made.amount ? made.amount.minor : made?.type;
  };

  it('give back their amount after payment, less the refunds that they carry', () => {
    const carried = (amount_refunded: number) => ({ refund: { id: 're_1' }, amount_refunded, type: 'refund' });
    assert.equal(amountOf(withObject(note, { refunds: [] })), 5000);
    assert.equal(amountOf(withObject(note, { refunds: [carried(1500), carried(1000)] })), 2500);
    assert.equal(amountOf(withObject(note, { refunds: [carried(5000)] })), 'ignored');
    assert.equal(amountOf(withObject(note, { pre_payment_amount: 2000, post_payment_amount: 3000 })), 2000);
    assert.equal(amountOf(withObject(note, { pre_payment_amount: 5000, post_payment_amount: 0 })), 'ignored');
  });

  it('count refunds outside of Stripe themselves: no other event tells of them', () => {
    const recorded = { refund: null, payment_record_refund: { payment_record: 'pr_1' }, amount_refunded: 1000 };
    assert.equal(amountOf(withObject(note, { refunds: [recorded] })), 5000);
  });

  it('up to acacia carry what did not go outside of Stripe, where they name a refund', () => {
    assert.equal(amountOf(olderNote), 4000);
    assert.equal(amountOf(withObject(olderNote, { out_of_band_amount: null })), 'ignored');
    assert.equal(amountOf(withObject(olderNote, { refund: { id: 're_1', amount: 500 } })), 4500);
    assert.equal(amountOf(withObject(olderNote, { refund: null, out_of_band_amount: null })), 5000);
    assert.equal(amountOf(withObject(olderNote, { type: 'pre_payment' })), 'ignored');
  });

  it('are voided as of the event that says so, whichever it is', () => {
    for (const type of ['credit_note.created', 'credit_note.updated', 'credit_note.voided']) {
      const normalized = normalize(withObject({ ...note, type }, { status: 'void' }));
      assert.deepEqual(normalized.kind === 'facts' && normalized.facts.map((fact) => fact.type), [
        'refund',
        'refund_failed',
      ]);
    }
  });

  it('of no invoice cannot be read', () => {
    assert.equal(amountOf(withObject(note, { invoice: null })), 'unprocessable');
  });
});

describe('an invoice that the balance of the customer paid', () => {
  const paid = (object: StripeJson) => {
    const fact = onlyFact(withObject(invoice, { amount_paid: 0, amount_due: 0, ...object }));
    return fact.type === 'sale' ? [fact.gross, fact.net] : fact.type;
  };
  const usd = (minor: number) => ({ minor, currency: 'USD' });

  it('is paid by what the balance gave, wholly or in part', () => {
    assert.deepEqual(paid({ starting_balance: -10000, ending_balance: -4169 }), [usd(5831), usd(4900)]);
    assert.deepEqual(paid({ starting_balance: -5831, ending_balance: 0 }), [usd(5831), usd(4900)]);
    const rest = { amount_paid: 831, amount_due: 831, starting_balance: -5000, ending_balance: 0 };
    assert.deepEqual(paid(rest), [usd(5831), usd(4900)]);
  });

  it('is paid also where newer versions forget what the balance was before', () => {
    assert.deepEqual(paid({ starting_balance: 0, ending_balance: -4169 }), [usd(5831), usd(4900)]);
    const credited = { starting_balance: 0, ending_balance: 0, pre_payment_credit_notes_amount: 5831 };
    assert.equal(paid(credited), 'lead');
  });

  it('is none where it is too small to be charged: the customer owes it', () => {
    assert.equal(paid({ total: 30, total_excluding_tax: 30, starting_balance: 0, ending_balance: 30 }), 'lead');
    assert.equal(paid({ total: 30, total_excluding_tax: 30, starting_balance: 10, ending_balance: 40 }), 'lead');
  });

  it('is a lead where a discount took all of it', () => {
    assert.equal(paid({ total: 0, total_excluding_tax: 0, starting_balance: -500, ending_balance: -500 }), 'lead');
  });
});

describe('legacy charges', () => {
  it('are sales of what was captured, once it was', () => {
    const gross = (object: StripeJson) => {
      const fact = onlyFact(withObject(legacy, object));
      return fact.type === 'sale' && 'minor' in fact.gross ? fact.gross.minor : fact.type;
    };
    assert.equal(gross({}), 3000);
    assert.equal(gross({ amount_captured: 2000 }), 2000);
    assert.equal(gross({ amount_captured: undefined }), 3000, 'before the field was');
    assert.equal(gross({ captured: false }), 'link');
    assert.equal(gross({ captured: false, amount_captured: 0 }), 'link');
    assert.equal(gross({ payment_intent: 'pi_1' }), 'link');
    assert.equal(gross({ payment_intent: { strange: true } }), 'link');
    assert.equal(gross({ invoice: 'in_1' }), 'link');
    assert.equal(gross({ invoice: null }), 3000);
    const captured = onlyFact(withObject({ ...legacy, type: 'charge.captured' }, { amount_captured: 2000 }));
    assert.equal(captured.type, 'sale');
  });
});

describe('a sale that stands alone', () => {
  const standsAlone = (event: StripeJson, object: StripeJson) => {
    const fact = onlyFact(withObject(event, object));
    return fact.type === 'sale' && fact.standsAlone === true;
  };

  it('says that it has no invoice, or was paid outside of Stripe', () => {
    assert.equal(standsAlone(paymentIntent, { invoice: null }), true);
    assert.equal(standsAlone(paymentIntent, {}), false, 'from basil on nothing is said');
    assert.equal(standsAlone(legacy, {}), true);
    assert.equal(standsAlone(invoice, { paid_out_of_band: true }), true);
    assert.equal(standsAlone(invoice, { amount_paid_off_stripe: 5831 }), true);
    assert.equal(standsAlone(invoice, { amount_paid_off_stripe: 1000 }), false, 'the rest went over Stripe');
    assert.equal(standsAlone(invoice, {}), false);
  });
});

describe('disputes', () => {
  const told = (status: string, created: number, type = 'charge.dispute.closed') =>
    onlyFact(withObject({ ...dispute, type, created }, { status }));

  it('won and lost are statements of their own each time, the rest is one', () => {
    const created: number = dispute.created;
    const statements = [
      told('won', created + 10),
      told('lost', created + 20),
      told('won', created + 30),
      told('lost', created + 40),
      told('under_review', created + 50, 'charge.dispute.funds_withdrawn'),
    ];
    assert.equal(new Set(statements.map(({ id }) => id)).size, 5);
    assert.deepEqual(
      statements.map((fact) => 'statedAt' in fact && fact.statedAt),
      [10, 20, 30, 40, 50].map((seconds) => at(created + seconds)),
    );
    const lost = statements[1];
    assert.equal(lost?.type === 'dispute' && lost.lost, true);
    const open = [told('needs_response', created + 1), told('under_review', created + 5, 'charge.dispute.updated')];
    assert.deepEqual(open[0], open[1]);
  });

  it('that ended by a refund take nothing beyond it', () => {
    assert.equal(normalize(withObject(dispute, { status: 'charge_refunded' })).kind, 'ignored');
  });
});

describe('discounts', () => {
  const named = (event: StripeJson, object: StripeJson) => onlyFact(withObject(event, object)).evidence.discounts;

  it('are known by promotion code and coupon, by id or word, of every version', () => {
    const promotion = { id: 'promo_1', code: 'ANN10' };
    assert.deepEqual(named(checkout, { discounts: [{ coupon: 'TEN', promotion_code: 'promo_1' }] }), [
      'promo_1',
      'TEN',
    ]);
    assert.deepEqual(named(checkout, { discounts: [{ coupon: { id: 'TEN' }, promotion_code: promotion }] }), [
      'ANN10',
      'promo_1',
      'TEN',
    ]);
    const sourced = { promotion_code: null, source: { type: 'coupon', coupon: 'TEN' } };
    assert.deepEqual(named(invoice, { discounts: [sourced, { coupon: 'TEN' }, { coupon: 'TWO' }] }), ['TEN', 'TWO']);
    assert.deepEqual(named(invoice, { discount: { coupon: { id: 'TEN' }, promotion_code: 'promo_1' } }), [
      'promo_1',
      'TEN',
    ]);
  });

  it('that are ids of discounts alone, or no discounts, name nothing', () => {
    for (const discounts of [['di_1'], [], null, 'TEN', [{ coupon: 5, promotion_code: {} }]]) {
      assert.equal(named(invoice, { discounts, metadata: {} }), undefined);
    }
  });

  it('leave a coupon of the metadata what it is', () => {
    const { evidence } = onlyFact(
      withObject(checkout, { discounts: [{ coupon: 'TEN' }], metadata: { coupon_code: 'ANN' } }),
    );
    assert.deepEqual([evidence.couponCode, evidence.discounts], ['ANN', ['TEN']]);
  });
});
