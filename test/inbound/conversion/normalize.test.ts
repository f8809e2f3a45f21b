import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { AppError } from '../../../src/domain/errors.ts';
import { factSchema } from '../../../src/domain/facts.ts';
import type { Fact, Normalized } from '../../../src/domain/facts.ts';
import { callIdOf } from '../../../src/inbound/fields/references.ts';
import {
  normalizeConversion,
  normalizeFunnelEvent,
  normalizeRefundRequest,
} from '../../../src/inbound/conversion/normalize.ts';

const receivedAt = new Date('2026-11-05T12:00:00.000Z');
const now = '2026-11-05T12:00:00.000Z';
const context = { livemode: true, receivedAt };

function onlyFact(normalized: Normalized): Fact {
  assert.equal(normalized.kind, 'facts');
  const { facts } = normalized;
  assert.equal(facts.length, 1);
  assert.deepEqual(factSchema.parse(facts[0]), facts[0]);
  return facts[0] as Fact;
}

const convert = (body: unknown, more: object = {}) => onlyFact(normalizeConversion(body, { ...context, ...more }));
const track = (body: unknown) => onlyFact(normalizeFunnelEvent(body, context));

function detailsOf(run: () => unknown): Record<string, string> {
  let details: Record<string, string> | undefined;
  assert.throws(run, (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'VALIDATION_ERROR');
    details = error.details;
    return true;
  });
  return details ?? {};
}

describe('a JSON conversion', () => {
  it('with an amount is a sale', () => {
    const fact = convert({
      click_id: 'clk_1',
      amount: '149.99',
      currency: 'USD',
      txid: 'ORDER-98765',
      customer_id: 'cust_12345',
      customer_email: 'Ann@Example.com',
      sub1: 'x',
      metadata: { anything: [1, 2] },
      their_own: true,
    });
    assert.match(fact.id, /^api:[\w-]{32}$/);
    assert.deepEqual(fact, {
      id: fact.id,
      refs: ['order:ORDER-98765'],
      occurredAt: now,
      customer: { refs: ['id:cust_12345'], email: 'ann@example.com' },
      evidence: { clickId: 'clk_1' },
      type: 'sale',
      document: 'api',
      gross: { minor: 14999, currency: 'USD' },
      net: { minor: 14999, currency: 'USD' },
      phase: 'one_off',
      subscription: null,
      goal: 'purchase',
      note: { metadata: { anything: [1, 2] } },
    });
  });

  it('of a series says whether it is a renewal, and of which subscription', () => {
    const series = (body: object) => {
      const fact = convert({ txid: 'o1', sum: 10, currency: 'USD', ...body });
      return fact.type === 'sale' ? [fact.phase, fact.subscription] : fact.type;
    };
    assert.deepEqual(series({ is_recurring: true }), ['recurring', null]);
    assert.deepEqual(series({ renewal: 'yes', subscriptionId: 'S-1' }), ['recurring', 'sub:S-1']);
    assert.deepEqual(series({ subscription_id: 'S-1' }), ['subscription', 'sub:S-1']);
    assert.deepEqual(series({ subscription_id: 'S-1', is_recurring: false }), ['subscription', 'sub:S-1']);
    assert.deepEqual(series({ subscription_id: 'sub_1' }), ['subscription', 'stripe:sub_1']);
    assert.deepEqual(series({ subscription_id: 'acct_9:sub_1' }), ['subscription', 'stripe:acct_9:sub_1']);
    assert.deepEqual(series({ subscription_id: 'null', is_recurring: 0 }), ['one_off', null]);
    assert.match(detailsOf(() => series({ is_recurring: 'perhaps' }))['is_recurring'] ?? '', /must be true or false/);
    assert.deepEqual(
      detailsOf(() => convert({ txid: 'o1', is_recurring: true })),
      { amount: 'is required of a renewal', reason: 'amount_required' },
    );
  });

  it('leaves tax and shipping out of net, and keeps product and metadata', () => {
    const fact = convert({
      txid: 'o1',
      sum: '119.00',
      currency: 'USD',
      tax: '19.00',
      shipping: 4.9,
      product_id: 'P-1',
      metadata: { plan: 'pro' },
    });
    assert.ok(fact.type === 'sale');
    assert.deepEqual(
      [fact.gross, fact.net, fact.note],
      [
        { minor: 11900, currency: 'USD' },
        { minor: 9510, currency: 'USD' },
        { productId: 'P-1', metadata: { plan: 'pro' } },
      ],
    );
  });

  it('keeps its id whatever is noted beside it, and has another one where it says something else of the money', () => {
    const idOf = (body: object) => convert({ txid: 'o1', sum: 10, currency: 'USD', ...body }).id;
    assert.equal(idOf({ product_id: 'P-1', tax: 0, is_recurring: false, metadata: {} }), idOf({}));
    const ids = [{}, { tax: 1 }, { shipping: 2 }, { subscription_id: 'S' }, { is_recurring: true }].map(idOf);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('of a placeholder is nobody: the e-mail is who bought, and an order or click id is refused', () => {
    const guest = convert({ txid: 'o1', sum: 10, user_id: 0, customer_email: 'Guest.One@example.com' });
    assert.deepEqual(guest.customer, { refs: [], email: 'guest.one@example.com' });
    assert.equal(convert({ txid: 'o1', sum: 10, customer_id: '[object Object]' }).customer, null);
    assert.match(detailsOf(() => convert({ sum: 10, customer_id: 'guest' }))['click_id'] ?? '', /is required/);
    for (const name of ['order_id', 'clickId']) {
      assert.deepEqual(
        detailsOf(() => convert({ txid2: 'x', sum: 10, customer_id: 'u1', [name]: 'N/A' })),
        { [name]: "is 'N/A', which stands for no value: the sender did not fill it in", reason: 'placeholder_id' },
      );
    }
    assert.match(
      detailsOf(() => track({ event_type: 'lead', customer_id: 'anonymous' }))['click_id'] ?? '',
      /required/,
    );
    assert.match(detailsOf(() => track({ event_type: 'lead', click_id: 'null' }))['click_id'] ?? '', /did not fill/);
  });

  it('without an amount is an action', () => {
    const fact = convert({ clickid: 'clk_1', goal: 'signup', action_id: 7 });
    assert.deepEqual(fact, {
      id: fact.id,
      refs: ['order:7'],
      occurredAt: now,
      customer: null,
      evidence: { clickId: 'clk_1' },
      type: 'action',
      goal: 'signup',
    });
  });

  it('with a status is the word of a tracker', () => {
    const fact = convert({ click_id: 'clk_1', txid: 'o1', status: 'Hold', sum: '0' });
    assert.deepEqual(
      [fact.type, 'state' in fact && fact.state, 'word' in fact && fact.word],
      ['tracker', 'hold', 'Hold'],
    );
    assert.equal('amount' in fact && fact.amount, null);
    assert.deepEqual(
      detailsOf(() => convert({ click_id: 'c', txid: 'o', status: 'approved' })),
      {
        status: 'must be one of lead, hold, sale, rejected',
      },
    );
    assert.deepEqual(
      detailsOf(() => convert({ click_id: 'c', txid: 'o', status: 'sale', sum: 0 })),
      {
        sum: 'must be positive',
        reason: 'amount_invalid',
      },
    );
    assert.ok(detailsOf(() => convert({ customer_id: 'u', status: 'rejected' }))['order_id']);
  });

  it('takes every kind of evidence', () => {
    const fact = convert({
      clickId: 'clk_1',
      affiliateId: 'aff_1',
      referralCode: 'ANN',
      couponCode: 'SAVE10',
      offerId: 'off_1',
      orderId: 'o1',
    });
    assert.deepEqual(fact.evidence, {
      clickId: 'clk_1',
      affiliate: 'aff_1',
      referralCode: 'ANN',
      couponCode: 'SAVE10',
      offer: 'off_1',
    });
  });

  it('keeps an amount without currency as it is, for the offer to read', () => {
    const fact = convert({ txid: 'o1', sum: '149.90' });
    assert.deepEqual('gross' in fact && fact.gross, { major: '149.9', currency: null });
  });

  it('takes the time that the sender states', () => {
    assert.equal(convert({ txid: 'o1', occurredAt: 1_762_338_030 }).occurredAt, '2025-11-05T10:20:30.000Z');
    assert.equal(
      detailsOf(() => convert({ txid: 'o1', occurredAt: '2028-01-01T00:00:00Z' }))['reason'],
      'occurred_at_in_future',
    );
  });

  it('that names nothing and nobody is refused', () => {
    for (const body of [{}, { sum: '10' }, { offer_id: 'off_1', currency: 'USD' }, { click_id: '', txid: null }]) {
      assert.match(detailsOf(() => convert(body))['click_id'] ?? '', /is required/);
    }
  });

  it('must be an object', () => {
    for (const body of [null, undefined, 'text', 7, [], [{ txid: 'o1' }], true]) {
      assert.throws(() => convert(body), /must be a JSON object/);
    }
  });

  it('by a test click is not live, nor by a test key', () => {
    assert.equal(normalizeConversion({ click_id: 'test_1', txid: 'o' }, context).livemode, false);
    assert.equal(normalizeConversion({ click_id: 'clk_1', txid: 'o' }, context).livemode, true);
    assert.equal(normalizeConversion({ txid: 'o' }, { ...context, livemode: false }).livemode, false);
  });
});

describe('an order id', () => {
  const cases: [string, string[]][] = [
    ['ORDER-1', ['order:ORDER-1']],
    ['pi_3Abc', ['stripe:pi_3Abc']],
    ['ch_3Abc', ['stripe:ch_3Abc']],
    ['py_3Abc', ['stripe:py_3Abc']],
    ['in_1AbcdefghijklmnopqrstuvwxY', ['stripe:in_1AbcdefghijklmnopqrstuvwxY', 'stripe:~in_1Abcdefghijklmnopqrstu']],
    ['cs_test_a1b2', ['stripe:cs_test_a1b2', 'stripe:~cs_test_a1b2']],
    ['pi_', ['order:pi_']],
    ['pin_1', ['order:pin_1']],
    ['in_house order', ['order:in_house order']],
    ['xpi_1', ['order:xpi_1']],
  ];
  for (const [orderId, refs] of cases) {
    it(`'${orderId}' refers to ${refs.join(' and ')}`, () => {
      assert.deepEqual(convert({ order_id: orderId }).refs, refs);
    });
  }

  it('absent makes each call an order of its own, the same one when its facts are made again', () => {
    const body = { click_id: 'clk_1', sum: '10' };
    const [one, other] = [convert(body), convert(body)];
    assert.match(one.refs[0] ?? '', /^call:[0-9a-f]{32}$/);
    assert.notEqual(one.id, other.id);
    assert.deepEqual(convert(body, { callId: callIdOf([one]) }), one);
    assert.equal(callIdOf([convert({ txid: 'o1' })]), undefined);
  });
});

it("a customer id of Stripe's is Stripe's", () => {
  assert.deepEqual(convert({ user_id: 'cus_9xYz' }).customer, { refs: ['stripe:cus_9xYz'], email: null });
  assert.deepEqual(convert({ user_id: 'cus tomer' }).customer, { refs: ['id:cus tomer'], email: null });
  assert.deepEqual(convert({ customer_email: 'a@example.com' }).customer, { refs: [], email: 'a@example.com' });
});

describe("a fact's id", () => {
  const body = { click_id: 'clk_1', sum: '149.90', currency: 'USD', txid: 'o1', customer_id: 'u1' };
  const id = convert(body).id;

  it('is the same for the same meaning in other words, whenever it arrives', () => {
    const same = { CID: 'clk_1', revenue: 149.9, currency: 'usd', orderId: 'o1', 'user-id': 'u1', note: 'again' };
    assert.equal(convert(same).id, id);
    assert.equal(convert({ ...body, sum: undefined, amount_minor: 14990 }).id, id);
    assert.equal(convert(body, { receivedAt: new Date('2026-12-01T00:00:00Z') }).id, id);
  });

  it('is another for another amount, order, time, customer or evidence', () => {
    const others = [
      { sum: '149.91' },
      { currency: 'EUR' },
      { txid: 'o2' },
      { occurred_at: '2026-11-01T00:00:00Z' },
      { customer_id: 'u2' },
      { click_id: 'clk_2' },
      { affiliate_id: 'aff_1' },
      { goal: 'upsell' },
      { status: 'sale' },
    ].map((change) => convert({ ...body, ...change }).id);
    assert.equal(new Set([id, ...others]).size, others.length + 1);
  });
});

describe('a funnel event', () => {
  it('lead is a lead of its own, one a click', () => {
    const fact = track({ click_id: 'clk_1', event_type: 'lead', url: 'https://advertiser.example/signup' });
    assert.deepEqual(fact, {
      id: fact.id,
      refs: ['lead:click:clk_1'],
      occurredAt: now,
      customer: null,
      evidence: { clickId: 'clk_1' },
      type: 'lead',
      subscription: null,
      goal: 'lead',
    });
    assert.equal(track({ clickid: 'clk_1', eventType: 'LEAD' }).id, fact.id);
    assert.deepEqual(track({ customerKey: 'u1', eventType: 'lead' }).refs, ['lead:id:u1']);
    assert.deepEqual(track({ customer_email: 'a@example.com', eventType: 'lead' }).refs, ['lead:email:a@example.com']);
    assert.deepEqual(track({ customerKey: 'u1', eventType: 'lead', txid: 'o1' }).refs, ['order:o1']);
  });

  it('registration is a funnel fact, the same for a repeat', () => {
    const fact = track({ click_id: 'clk_1', event: 'registration', url: 'https://advertiser.example/' });
    assert.deepEqual(fact, {
      id: fact.id,
      refs: [],
      occurredAt: now,
      customer: null,
      evidence: { clickId: 'clk_1' },
      type: 'funnel',
      eventType: 'registration',
      url: 'https://advertiser.example/',
    });
    assert.equal(track({ cid: 'clk_1', goal: 'registration', url: 'https://advertiser.example/' }).id, fact.id);
  });

  it('pageview is counted each time, and once where the sender tells them apart', () => {
    const view = { click_id: 'clk_1', event_type: 'pageview' };
    assert.notEqual(track(view).id, track(view).id);
    const dated = { ...view, occurred_at: '2026-11-05T11:59:00Z' };
    assert.equal(track(dated).id, track(dated).id);
    const one = track(view);
    assert.deepEqual(onlyFact(normalizeFunnelEvent(view, { ...context, callId: callIdOf([one]) })), one);
  });

  it('needs a known type, and a click or a customer', () => {
    const known = 'must be one of pageview, registration, lead';
    assert.deepEqual(
      detailsOf(() => track({ click_id: 'c', event_type: 'purchase' })),
      { event_type: known },
    );
    assert.deepEqual(
      detailsOf(() => track({ click_id: 'c' })),
      { event_type: known },
    );
    assert.deepEqual(
      detailsOf(() => track({ event_type: 'lead' })),
      { click_id: 'is required, or a customer' },
    );
  });
});

describe('a refund request', () => {
  const conversion = { id: 'cnv_1', references: ['order:o1', 'stripe:pi_1'], livemode: true, currency: 'EUR' };
  const refund = (body: unknown, more: object = {}) =>
    onlyFact(normalizeRefundRequest(conversion, body, { receivedAt, ...more }));

  it('states amount, id and time, about the order by one of its references', () => {
    const fact = refund({ amountMinor: 500, refundId: 're_1', reason: 'damaged', occurredAt: '2026-11-04T00:00:00Z' });
    assert.deepEqual(fact, {
      id: fact.id,
      refs: ['order:o1'],
      occurredAt: '2026-11-04T00:00:00.000Z',
      customer: null,
      evidence: {},
      type: 'refund',
      refundId: 're_1',
      amount: { minor: 500, currency: 'EUR' },
    });
  });

  it('without an amount takes all that remains, also without a body', () => {
    for (const body of [{}, undefined, null]) {
      const fact = refund(body);
      assert.equal(fact.type === 'refund' && fact.amount, null);
    }
  });

  it('with an id is one refund, however often it comes; without, each is its own', () => {
    assert.equal(refund({ refundId: 'r1' }).id, refund({ refundId: 'r1', reason: 'again' }).id);
    const [one, other] = [refund({}), refund({})];
    assert.notEqual(one.id, other.id);
    assert.deepEqual(refund({}, { callId: callIdOf([one]) }), one);
  });

  const refused: [unknown, string][] = [
    [{ amountMinor: 0 }, 'amountMinor'],
    [{ amountMinor: -1 }, 'amountMinor'],
    [{ amountMinor: 1.5 }, 'amountMinor'],
    [{ amountMinor: '500' }, 'amountMinor'],
    [{ amountMinor: 1e15 }, 'amountMinor'],
    [{ refundId: '' }, 'refundId'],
    [{ refundId: 'x'.repeat(256) }, 'refundId'],
    [{ refundId: 'a\0' }, 'refundId'],
    [{ reason: 5 }, 'reason'],
    [{ occurredAt: 'yesterday' }, 'occurredAt'],
    [{ occurredAt: '2028-01-01T00:00:00Z' }, 'occurredAt'],
    [{ amount: 5 }, 'amount'],
    [[], 'body'],
    ['all', 'body'],
  ];
  for (const [body, field] of refused) {
    it(`${JSON.stringify(body).slice(0, 40)} is refused under ${field}`, () => {
      assert.ok(detailsOf(() => refund(body))[field]);
    });
  }
});

describe('whatever a body holds', () => {
  const names = fc.constantFrom(
    'click_id',
    'CID',
    'sum',
    'amount',
    'revenue',
    'amount_minor',
    'txid',
    'order-id',
    'userId',
    'customer_email',
    'goal',
    'event_type',
    'affiliate_id',
    'currency',
    'status',
    'occurred_at',
    'metadata',
    'url',
    'sub1',
    'other',
  );
  const texts = fc.constantFrom(
    '',
    '0',
    '12.50',
    '-1',
    'USD',
    'lead',
    '{x}',
    'a@b.c',
    '2026-01-01T00:00:00Z',
    '\0',
    '\ud800',
  );
  const values = fc.oneof(
    texts,
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.bigInt(),
    fc.jsonValue(),
    fc.anything(),
  );
  const bodies = fc.oneof(
    fc.anything(),
    fc.jsonValue(),
    fc.array(fc.tuple(names, values)).map((pairs) => Object.fromEntries(pairs) as Record<string, unknown>),
  );

  for (const [name, normalize] of [
    ['conversion', (body: unknown) => normalizeConversion(body, context)],
    ['funnel event', (body: unknown) => normalizeFunnelEvent(body, context)],
    [
      'refund',
      (body: unknown) =>
        normalizeRefundRequest(
          { id: 'cnv_1', references: ['order:1'], livemode: true, currency: 'USD' },
          body,
          context,
        ),
    ],
  ] as const) {
    it(`a ${name} becomes a valid fact that JSON keeps, or a VALIDATION_ERROR`, () => {
      fc.assert(
        fc.property(bodies, (body) => {
          try {
            const fact = onlyFact(normalize(body));
            assert.deepEqual(JSON.parse(JSON.stringify(fact)), fact);
            assert.ok(!JSON.stringify(fact).includes('\\u0000'));
            assert.ok(JSON.stringify(fact).isWellFormed() && !/\\ud[89a-f]/.test(JSON.stringify(fact)));
          } catch (error) {
            assert.ok(error instanceof AppError, `${error instanceof Error ? error.stack : String(error)}`);
            assert.equal(error.code, 'VALIDATION_ERROR');
          }
        }),
        { numRuns: 2000 },
      );
    });
  }
});
