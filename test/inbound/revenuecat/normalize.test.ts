import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { factSchema } from '../../../src/domain/facts.ts';
import type { Fact, Normalized } from '../../../src/domain/facts.ts';
import { normalizeRevenueCat } from '../../../src/inbound/revenuecat/normalize.ts';
import type { RevenueCatContext } from '../../../src/inbound/revenuecat/normalize.ts';

const context: RevenueCatContext = {
  amountBasis: 'net_of_tax',
  campaignAsCoupon: false,
  receivedAt: new Date('2026-11-20T12:00:00.000Z'),
  livemode: true,
  orderScope: null,
  stripeReports: false,
};
const now = '2026-11-20T12:00:00.000Z';
const folder = new URL('../../../fixtures/revenuecat/', import.meta.url);

interface Event {
  event: Record<string, unknown>;
}
const readFixture = (name: string): Event => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Event;

function normalize(body: unknown, more: Partial<RevenueCatContext> = {}): Normalized {
  const normalized = normalizeRevenueCat(body, { ...context, ...more });
  if (normalized.kind === 'facts') {
    for (const fact of normalized.facts) assert.deepEqual(factSchema.parse(fact), fact);
  }
  return normalized;
}

function onlyFact(normalized: Normalized): Fact {
  assert.ok(normalized.kind === 'facts', JSON.stringify(normalized));
  assert.equal(normalized.facts.length, 1);
  return normalized.facts[0] as Fact;
}

const factOf = (name: string, more: Partial<RevenueCatContext> = {}): Fact =>
  onlyFact(normalize(readFixture(name), more));

/** A fixture's event with some fields changed; undefined leaves one out. */
function change(name: string, fields: Record<string, unknown>, more: Partial<RevenueCatContext> = {}): Normalized {
  return normalize({ event: { ...readFixture(name).event, ...fields } }, more);
}

const player1001 = {
  refs: ['rc:player-1001', 'id:player-1001', 'rc:$RCAnonymousID:0f6c1f6f5a7b4d0e9c1b2a3d4e5f6071'],
  email: 'player-1001@example.com',
};
const byAffiliate = { affiliate: '__AFFILIATE_ID__' };
const usd = (minor: number) => ({ minor, currency: 'USD' });

describe("the project's fixtures become the facts written down for them", () => {
  const golden: Record<string, Fact | { ignored: string } | { unprocessable: string }> = {
    'subscription/01-initial-purchase': {
      id: 'revenuecat:initial_purchase:rc:APP_STORE:2000000810000001',
      refs: ['rc:APP_STORE:2000000810000001'],
      occurredAt: '2026-11-01T10:00:00.000Z',
      customer: player1001,
      evidence: byAffiliate,
      type: 'sale',
      document: 'store',
      gross: usd(1000),
      net: usd(1000),
      phase: 'subscription',
      subscription: 'rc:subscription:APP_STORE:2000000810000001',
      goal: 'purchase',
    },
    'subscription/02-renewal': {
      id: 'revenuecat:renewal:rc:APP_STORE:2000000810000002',
      refs: ['rc:APP_STORE:2000000810000002'],
      occurredAt: '2026-12-01T10:00:00.000Z',
      customer: player1001,
      evidence: byAffiliate,
      type: 'sale',
      document: 'store',
      gross: usd(1000),
      net: usd(1000),
      // The first money of a subscription is its sale: which one that is, its payments tell together.
      phase: 'subscription',
      subscription: 'rc:subscription:APP_STORE:2000000810000001',
      goal: 'purchase',
    },
    'subscription/04-unsubscribe': { ignored: 'cancellation:unsubscribe' },
    'subscription/05-support-refund': {
      id: 'revenuecat:refund:rc:APP_STORE:2000000810000002:1796637600000',
      statedAt: '2026-12-07T10:00:00.000Z',
      refs: ['rc:APP_STORE:2000000810000002'],
      occurredAt: '2026-12-07T10:00:00.000Z',
      customer: player1001,
      evidence: byAffiliate,
      type: 'refund',
      refundId: 'refund:rc:APP_STORE:2000000810000002',
      amount: usd(1000),
    },
    'subscription/07-expiration': { ignored: 'expiration' },
    'refund-reversed/01-initial-purchase': {
      id: 'revenuecat:initial_purchase:rc:APP_STORE:2000000810001001',
      refs: ['rc:APP_STORE:2000000810001001'],
      occurredAt: '2026-11-01T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1002', 'id:player-1002'],
        email: 'player-1001@example.com',
      },
      evidence: byAffiliate,
      type: 'sale',
      document: 'store',
      gross: { minor: 999, currency: 'EUR' },
      // 9.99 × (1 − 0.1597) = 8.394597
      net: { minor: 839, currency: 'EUR' },
      phase: 'subscription',
      subscription: 'rc:subscription:APP_STORE:2000000810001001',
      goal: 'purchase',
    },
    'refund-reversed/02-support-refund': {
      id: 'revenuecat:refund:rc:APP_STORE:2000000810001001:1793786400000',
      statedAt: '2026-11-04T10:00:00.000Z',
      refs: ['rc:APP_STORE:2000000810001001'],
      occurredAt: '2026-11-04T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1002', 'id:player-1002'],
        email: 'player-1001@example.com',
      },
      evidence: byAffiliate,
      type: 'refund',
      refundId: 'refund:rc:APP_STORE:2000000810001001',
      amount: { minor: 999, currency: 'EUR' },
    },
    'refund-reversed/03-refund-reversed': {
      id: 'revenuecat:refund_reversed:rc:APP_STORE:2000000810001001:1794304800000',
      statedAt: '2026-11-10T10:00:00.000Z',
      refs: ['rc:APP_STORE:2000000810001001'],
      occurredAt: '2026-11-10T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1002', 'id:player-1002'],
        email: 'player-1001@example.com',
      },
      evidence: byAffiliate,
      type: 'refund_failed',
      refundId: 'refund:rc:APP_STORE:2000000810001001',
    },
    'trial/01-trial-started': {
      id: 'revenuecat:initial_purchase:rc:PLAY_STORE:GPA.3312-1188-4051-77321',
      refs: ['rc:PLAY_STORE:GPA.3312-1188-4051-77321'],
      occurredAt: '2026-11-01T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1003', 'id:player-1003'],
        email: 'player-1001@example.com',
      },
      evidence: byAffiliate,
      type: 'lead',
      subscription: 'rc:subscription:PLAY_STORE:GPA.3312-1188-4051-77321',
      goal: 'trial',
    },
    'trial/02-trial-converted': {
      id: 'revenuecat:renewal:rc:PLAY_STORE:GPA.3312-1188-4051-77321..0',
      refs: ['rc:PLAY_STORE:GPA.3312-1188-4051-77321..0'],
      occurredAt: '2026-11-08T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1003', 'id:player-1003'],
        email: 'player-1001@example.com',
      },
      evidence: byAffiliate,
      type: 'sale',
      document: 'store',
      gross: usd(3999),
      net: usd(3999),
      phase: 'subscription',
      subscription: 'rc:subscription:PLAY_STORE:GPA.3312-1188-4051-77321',
      goal: 'purchase',
    },
    'one-off/01-non-renewing-purchase': {
      id: 'revenuecat:non_renewing_purchase:rc:APP_STORE:2000000810004001',
      refs: ['rc:APP_STORE:2000000810004001'],
      occurredAt: '2026-11-01T10:00:00.000Z',
      customer: { refs: ['rc:player-1004', 'id:player-1004'], email: 'player-1001@example.com' },
      evidence: byAffiliate,
      type: 'sale',
      document: 'store',
      gross: { minor: 3299, currency: 'CAD' },
      // 32.99 × 0.885 = 29.19615
      net: { minor: 2920, currency: 'CAD' },
      phase: 'one_off',
      subscription: null,
      goal: 'purchase',
    },
    'one-off/05-granted': { ignored: 'promotional' },
    'one-off/06-family-share': { ignored: 'family_share' },
    'billed-by-stripe/05-invoice-issuance': { ignored: 'invoice_issuance' },
    'identity/01-subscriber-alias': {
      id: '',
      refs: [],
      occurredAt: '2026-11-01T10:00:00.000Z',
      customer: {
        refs: ['rc:player-1006', 'id:player-1006', 'rc:$RCAnonymousID:aaaa1111bbbb2222cccc3333dddd4444'],
        email: null,
      },
      evidence: {},
      type: 'customer',
    },
    // Two people: what one of them had is the other's now, and nobody is merged.
    'identity/02-transfer': { ignored: 'transfer_between_users' },
    'ignored/01-test': { ignored: 'test' },
    'ignored/02-product-change': { ignored: 'product_change' },
    'ignored/03-billing-issue': { ignored: 'billing_issue' },
    'ignored/04-not-known-yet': { ignored: 'loyalty_reward_granted' },
  };
  for (const [name, expected] of Object.entries(golden)) {
    it(name, () => {
      const normalized = normalize(readFixture(name));
      if ('ignored' in expected) {
        assert.deepEqual(normalized, {
          kind: 'ignored',
          livemode: name !== 'ignored/01-test',
          reason: expected.ignored,
        });
        return;
      }
      const fact = onlyFact(normalized);
      assert.equal(normalized.livemode, true);
      const id = 'id' in expected && expected.id === '' ? fact.id : undefined;
      assert.deepEqual(fact, { ...expected, ...(id ? { id } : {}) });
    });
  }

  it('a retry is the same fact', () => {
    assert.deepEqual(factOf('subscription/03-renewal-retry'), factOf('subscription/02-renewal'));
    assert.deepEqual(factOf('refund-reversed/02-support-refund'), factOf('refund-reversed/02-support-refund'));
  });

  it('every fixture is read without trouble', () => {
    for (const journey of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      for (const file of readdirSync(new URL(`${journey.name}/`, folder))) {
        const normalized = normalize(readFixture(`${journey.name}/${file.replace('.json', '')}`));
        assert.notEqual(normalized.kind, 'unprocessable', `${journey.name}/${file} ${JSON.stringify(normalized)}`);
      }
    }
  });
});

describe('an event of every type that RevenueCat documents', () => {
  /** The kind of fact, then amounts, currency, phase and reference where there is money. */
  const expected: Record<string, unknown[]> = {
    'billing-issue': ['ignored', 'billing_issue'],
    cancellation: ['ignored', 'cancellation:unsubscribe'],
    // 6.49 × (1 − 0.3) = 4.543
    'event-format': ['sale', 649, 454, 'USD', 'subscription', 'rc:APP_STORE:2000000820000003'],
    'experiment-enrollment': ['ignored', 'experiment_enrollment'],
    expiration: ['ignored', 'expiration'],
    'initial-purchase': ['sale', 649, 649, 'USD', 'subscription', 'rc:APP_STORE:2000000820000006'],
    'invoice-issuance': ['ignored', 'invoice_issuance'],
    'non-renewing-purchase': ['sale', 1199, 1199, 'EUR', 'one_off', 'rc:APP_STORE:2000000820000008'],
    'product-change': ['ignored', 'product_change'],
    refund: ['refund', 1499, 'USD', 'rc:APP_STORE:2000000820000010'],
    'refund-reversed': ['refund_failed', 'rc:APP_STORE:2000000820000011'],
    renewal: ['sale', 1199, 1199, 'EUR', 'subscription', 'rc:APP_STORE:2000000820000012'],
    'subscription-extended': ['ignored', 'subscription_extended'],
    'subscription-paused': ['ignored', 'subscription_paused'],
    'temporary-entitlement-grant': ['ignored', 'temporary_entitlement_grant'],
    transfer: ['ignored', 'transfer_between_users'],
    'trial-cancelled': ['ignored', 'cancellation:unsubscribe'],
    'trial-started': ['lead', 'rc:PLAY_STORE:GPA.3399-0000-0000-00018'],
    uncancellation: ['ignored', 'uncancellation'],
    'virtual-currency-transaction': ['ignored', 'virtual_currency_transaction'],
  };
  const names = readdirSync(new URL('types/', folder)).map((file) => file.replace('.json', ''));

  it('is covered', () => {
    assert.deepEqual(names.sort(), Object.keys(expected).sort());
  });

  for (const name of names) {
    it(name, () => {
      const normalized = normalize(readFixture(`types/${name}`));
      assert.equal(normalized.livemode, true);
      assert.deepEqual(summarize(normalized), expected[name]);
    });
  }

  function summarize(normalized: Normalized): unknown[] {
    if (normalized.kind !== 'facts')
      return [normalized.kind, 'reason' in normalized ? normalized.reason : normalized.error];
    const fact = onlyFact(normalized);
    if (fact.type === 'sale' && 'minor' in fact.gross && 'minor' in fact.net) {
      return [fact.type, fact.gross.minor, fact.net.minor, fact.gross.currency, fact.phase, ...fact.refs];
    }
    if (fact.type === 'refund' && fact.amount && 'minor' in fact.amount) {
      return [fact.type, fact.amount.minor, fact.amount.currency, ...fact.refs];
    }
    if (fact.type === 'customer')
      return [fact.type, ...(fact.customer?.refs ?? []).filter((ref) => ref.startsWith('rc:'))];
    return [fact.type, ...fact.refs];
  }

  it('joins all ids of a subscriber, and their e-mail', () => {
    const fact = factOf('types/initial-purchase');
    assert.deepEqual(fact.customer, {
      refs: ['rc:member-2006', 'id:member-2006', 'rc:$RCAnonymousID:00005a00000000000000000000000006'],
      email: 'member-2006@example.com',
    });
  });

  it('dated in the year 4466, as the documented TRANSFER is, links all the same, as of now', () => {
    const transfer = change('types/transfer', { transferred_from: ['$RCAnonymousID:1'] });
    assert.equal(onlyFact(transfer).occurredAt, now);
  });
});

describe('the price of a purchase', () => {
  const base = 'subscription/01-initial-purchase';
  type Basis = RevenueCatContext['amountBasis'];
  const amounts = (fields: Record<string, unknown>, amountBasis: Basis = 'net_of_tax') => {
    const normalized = change(base, fields, { amountBasis });
    if (normalized.kind !== 'facts') return normalized;
    const fact = onlyFact(normalized);
    return fact.type === 'sale' ? [fact.gross, fact.net] : fact.type;
  };
  const eur = (minor: number) => ({ minor, currency: 'EUR' });

  it('is the whole, or without tax, or what the store pays out', () => {
    const fields = {
      price_in_purchased_currency: 9.99,
      currency: 'EUR',
      tax_percentage: 0.1597,
      commission_percentage: 0.2521,
    };
    assert.deepEqual(amounts(fields, 'gross'), [eur(999), eur(999)]);
    assert.deepEqual(amounts(fields, 'net_of_tax'), [eur(999), eur(839)]);
    // 9.99 × 0.5882 = 5.876118
    assert.deepEqual(amounts(fields, 'proceeds'), [eur(999), eur(588)]);
  });

  it('is computed exactly where floats are not', () => {
    assert.deepEqual(amounts({ price_in_purchased_currency: 19.99 }), [usd(1999), usd(1999)]);
    assert.deepEqual(amounts({ price_in_purchased_currency: 1.005 }), [usd(101), usd(101)]);
    assert.deepEqual(amounts({ price_in_purchased_currency: 0.285 }), [usd(29), usd(29)]);
    // 4.5 × (1 − 0.1) = 4.05 exactly; as floats 4.05 × 100 = 404.99…
    assert.deepEqual(amounts({ price_in_purchased_currency: 4.5, tax_percentage: 0.1 }), [usd(450), usd(405)]);
    assert.deepEqual(amounts({ price_in_purchased_currency: 0.3, tax_percentage: 0.15 }), [usd(30), usd(26)]);
    assert.deepEqual(amounts({ price_in_purchased_currency: '12.50' }), [usd(1250), usd(1250)]);
  });

  it('has the decimals of its currency', () => {
    const jpy = onlyFact(normalize(readFixture('one-off/02-zero-decimals')));
    assert.deepEqual(jpy.type === 'sale' && jpy.gross, { minor: 4900, currency: 'JPY' });
    assert.deepEqual(amounts({ price_in_purchased_currency: 12.34, currency: 'KWD' }), [
      { minor: 12340, currency: 'KWD' },
      { minor: 12340, currency: 'KWD' },
    ]);
  });

  it('is the estimate in USD where the own one is not known', () => {
    const fact = onlyFact(normalize(readFixture('one-off/03-estimate-in-usd')));
    assert.deepEqual(fact.type === 'sale' && fact.gross, usd(1235));
    assert.deepEqual(amounts({ currency: null, price_in_purchased_currency: 8, price: 9.5 }), [usd(950), usd(950)]);
    assert.deepEqual(amounts({ currency: 'COINS', price_in_purchased_currency: 800, price: 9.5 }), [
      usd(950),
      usd(950),
    ]);
  });

  it('not known makes the first money an action, also after a trial, and a renewal unreadable', () => {
    assert.equal(factOf('one-off/04-unknown-price').type, 'action');
    const converted = change('trial/02-trial-converted', { price: null, price_in_purchased_currency: null });
    assert.equal(converted.kind === 'facts' && converted.facts[0]?.type, 'action');
    const normalized = change('subscription/02-renewal', { price: null, price_in_purchased_currency: null });
    assert.deepEqual(normalized, { kind: 'unprocessable', livemode: true, error: 'RENEWAL: the price is not known' });
    assert.equal(amounts({ price: null, price_in_purchased_currency: null, period_type: 'TRIAL' }), 'lead');
  });

  it('of nothing is a lead at first and no renewal later', () => {
    assert.equal(amounts({ price: 0, price_in_purchased_currency: 0 }), 'lead');
    assert.equal(amounts({ price_in_purchased_currency: 0.001 }), 'lead');
    assert.equal(amounts({ period_type: 'TRIAL', price_in_purchased_currency: 5 }), 'lead');
    const renewal = change('subscription/02-renewal', { price: 0, price_in_purchased_currency: 0 });
    assert.deepEqual(renewal, { kind: 'ignored', livemode: true, reason: 'free_period' });
  });

  it('takes no share off that is not stated, and the deprecated one for the commission', () => {
    const unknown = { tax_percentage: null, commission_percentage: null };
    const price = { price_in_purchased_currency: 10 };
    assert.deepEqual(amounts({ ...price, ...unknown, takehome_percentage: null }, 'proceeds'), [usd(1000), usd(1000)]);
    assert.deepEqual(amounts({ ...price, ...unknown, takehome_percentage: 0.7 }, 'proceeds'), [usd(1000), usd(700)]);
    assert.deepEqual(amounts({ ...price, tax_percentage: 0.8, commission_percentage: 0.3 }, 'proceeds'), [
      usd(1000),
      usd(0),
    ]);
  });

  const unreadable: [Record<string, unknown>, RegExp][] = [
    [{ price: -5, price_in_purchased_currency: -5 }, /the price is negative/],
    [{ price_in_purchased_currency: 1e21 }, /price_in_purchased_currency/],
    [{ price_in_purchased_currency: 1e13 }, /larger than any amount/],
    [{ price_in_purchased_currency: 'ten' }, /price_in_purchased_currency/],
    [{ price_in_purchased_currency: { amount: 5 } }, /price_in_purchased_currency/],
    [{ tax_percentage: 19 }, /tax_percentage must be between 0 and 1/],
    [{ tax_percentage: -0.1 }, /tax_percentage must be between 0 and 1/],
    [{ purchased_at_ms: 4_102_444_800_000 }, /more than a year ahead/],
    [{ purchased_at_ms: 'yesterday' }, /purchased_at_ms/],
    [{ transaction_id: { id: 1 } }, /transaction_id/],
    [{ app_user_id: 'x'.repeat(256) }, /app_user_id/],
    [{ aliases: 'player' }, /aliases/],
    [{ transaction_id: null, id: null }, /neither transaction_id nor id/],
  ];
  for (const [fields, error] of unreadable) {
    it(`${JSON.stringify(fields).slice(0, 60)} is unprocessable`, () => {
      const normalized = change(base, fields);
      assert.ok(normalized.kind === 'unprocessable', JSON.stringify(normalized));
      assert.match(normalized.error, error);
    });
  }

  for (const body of [
    undefined,
    null,
    'text',
    [],
    {},
    { event: null },
    { event: [] },
    { event: {} },
    { event: { type: 7 } },
  ]) {
    it(`a body of ${JSON.stringify(body)} is unprocessable`, () => {
      assert.equal(normalize(body).kind, 'unprocessable');
    });
  }

  it('a time a little ahead is taken', () => {
    const normalized = change(base, { purchased_at_ms: Date.parse('2027-11-19T00:00:00Z') });
    assert.equal(onlyFact(normalized).occurredAt, '2027-11-19T00:00:00.000Z');
  });

  it('without a transaction id the event is the reference', () => {
    const fact = onlyFact(change(base, { transaction_id: null, purchased_at_ms: null }));
    assert.deepEqual(fact.refs, ['rc:event:5F0C3A10-0000-4000-8000-000000000101']);
    assert.equal(fact.occurredAt, '2026-11-01T10:00:01.500Z', 'and its time the time');
  });
});

describe('test purchases', () => {
  it('are not live, whatever the source says', () => {
    assert.equal(normalize(readFixture('subscription/06-sandbox-purchase')).livemode, false);
    assert.equal(normalize(readFixture('subscription/06-sandbox-purchase'), { livemode: true }).livemode, false);
    assert.equal(change('subscription/01-initial-purchase', { store: 'TEST_STORE' }).livemode, false);
    assert.equal(change('subscription/01-initial-purchase', { environment: 'sandbox' }).livemode, false);
    assert.equal(normalize(readFixture('subscription/01-initial-purchase'), { livemode: false }).livemode, false);
  });
});

describe('refunds', () => {
  it('of an unknown or USD price take all', () => {
    for (const fields of [
      { price: 0, price_in_purchased_currency: 0 },
      { price: null, price_in_purchased_currency: null },
    ]) {
      const fact = onlyFact(change('subscription/05-support-refund', fields));
      assert.equal(fact.type === 'refund' && fact.amount, null);
    }
    const estimated = change('subscription/05-support-refund', {
      currency: null,
      price: -10.87,
      price_in_purchased_currency: null,
    });
    assert.equal((onlyFact(estimated) as { amount: unknown }).amount, null);
  });

  it('are also told by a negative price alone', () => {
    assert.equal(onlyFact(change('subscription/05-support-refund', { cancel_reason: 'UNKNOWN' })).type, 'refund');
    for (const cancel_reason of ['UNSUBSCRIBE', 'BILLING_ERROR', 'DEVELOPER_INITIATED', 'PRICE_INCREASE', null]) {
      const fields = { cancel_reason, price: 0, price_in_purchased_currency: 0 };
      assert.equal(change('subscription/05-support-refund', fields).kind, 'ignored');
    }
  });

  it('without a transaction cannot be read', () => {
    assert.equal(change('subscription/05-support-refund', { transaction_id: null }).kind, 'unprocessable');
    assert.equal(change('refund-reversed/03-refund-reversed', { transaction_id: null }).kind, 'unprocessable');
  });

  it('made again after a reversal are statements of their own about one refund', () => {
    const later = { event_timestamp_ms: Date.parse('2026-11-12T10:00:00Z') };
    const first = factOf('refund-reversed/02-support-refund');
    const again = onlyFact(change('refund-reversed/02-support-refund', later));
    assert.ok(first.type === 'refund' && again.type === 'refund');
    assert.notEqual(again.id, first.id);
    assert.equal(again.refundId, first.refundId);
    assert.equal(again.statedAt, '2026-11-12T10:00:00.000Z');
    const reversal = factOf('refund-reversed/03-refund-reversed');
    const reversedAgain = onlyFact(change('refund-reversed/03-refund-reversed', later));
    assert.notEqual(reversedAgain.id, reversal.id);
    const untimed = change('refund-reversed/02-support-refund', { event_timestamp_ms: null });
    assert.deepEqual(
      onlyFact(untimed).id.split(':').at(-1),
      readFixture('refund-reversed/02-support-refund').event['id'],
    );
  });

  it('and their reversal have one id', () => {
    const refund = factOf('refund-reversed/02-support-refund');
    const reversal = factOf('refund-reversed/03-refund-reversed');
    assert.equal(refund.type === 'refund' && refund.refundId, reversal.type === 'refund_failed' && reversal.refundId);
    assert.deepEqual(refund.refs, factOf('refund-reversed/01-initial-purchase').refs);
  });
});

describe('subscriber attributes', () => {
  const evidence = (attributes: unknown, more: Partial<RevenueCatContext> = {}) =>
    onlyFact(change('subscription/01-initial-purchase', { subscriber_attributes: attributes }, more)).evidence;
  const valued = (entries: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, { value, updated_at_ms: 1 }]));

  it('name the affiliate, the click and the coupon', () => {
    assert.deepEqual(factOf('attributes/01-click').evidence, { clickId: '__CLICK_ID__' });
    assert.deepEqual(evidence(valued({ affiliate_session_id: 'clk_2' })), { clickId: 'clk_2' });
    assert.deepEqual(evidence(valued({ affiliate_session_id: 'clk_2', click_id: 'clk_1' })), { clickId: 'clk_1' });
    assert.deepEqual(
      evidence({ affiliate_id: 'aff_1' }),
      { affiliate: 'aff_1' },
      'plain text, as older payloads have it',
    );
  });

  it('have a campaign that is a coupon only where the source says so', () => {
    assert.deepEqual(factOf('attributes/02-coupon').evidence, { couponCode: 'SAVE10' });
    assert.deepEqual(evidence(valued({ $campaign: 'autumn' })), {});
    assert.deepEqual(evidence(valued({ $campaign: 'autumn' }), { campaignAsCoupon: true }), { couponCode: 'autumn' });
    assert.deepEqual(factOf('attributes/02-coupon', { campaignAsCoupon: true }).evidence, { couponCode: 'SAVE10' });
  });

  it('have the offer code of the store beside them, a coupon too', () => {
    const redeemed = (offer_code: unknown) => onlyFact(change('attributes/02-coupon', { offer_code })).evidence;
    assert.deepEqual(redeemed('AUTUMN26'), { couponCode: 'SAVE10', discounts: ['AUTUMN26'] });
    for (const none of [null, '', {}, 'x'.repeat(256)]) assert.deepEqual(redeemed(none), { couponCode: 'SAVE10' });
  });

  it('cleared, or of another type, are none', () => {
    assert.deepEqual(factOf('attributes/03-cleared', { campaignAsCoupon: true }).evidence, {});
    for (const none of [
      {},
      null,
      [],
      'text',
      5,
      valued({ affiliate_id: {}, click_id: ['x'], coupon_code: 'x'.repeat(256) }),
    ]) {
      assert.deepEqual(evidence(none), {}, JSON.stringify(none).slice(0, 40));
    }
  });
});

describe('identity', () => {
  it('is nobody where no id is given: the subscription leads to who is credited, never to a person', () => {
    const fields = { app_user_id: null, original_app_user_id: null, aliases: null, subscriber_attributes: {} };
    const fact = onlyFact(change('subscription/02-renewal', fields));
    assert.equal(fact.customer, null);
    assert.equal(fact.type === 'sale' && fact.subscription, 'rc:subscription:APP_STORE:2000000810000001');
  });

  describe('of one person is their identified id and anonymous ones', () => {
    const known = (app_user_id: string | null, original_app_user_id: string | null, aliases: string[]) =>
      onlyFact(change('subscription/02-renewal', { app_user_id, original_app_user_id, aliases })).customer?.refs;
    const alice = ['rc:alice', 'id:alice'];
    const anonymous = 'rc:$RCAnonymousID:1';

    it('also where an anonymous one is named first', () => {
      assert.deepEqual(known('alice', '$RCAnonymousID:1', ['alice']), [...alice, anonymous]);
      assert.deepEqual(known('$RCAnonymousID:1', '$RCAnonymousID:1', ['alice']), [anonymous, ...alice]);
      assert.deepEqual(known(null, 'alice', ['$RCAnonymousID:1']), [...alice, anonymous]);
      assert.deepEqual(known('$RCAnonymousID:1', null, ['$RCAnonymousID:2']), [anonymous, 'rc:$RCAnonymousID:2']);
    });

    it('never another identified id, and no anonymous one that may be the other\u2019s', () => {
      assert.deepEqual(known('alice', 'bruno', ['alice', 'bruno', '$RCAnonymousID:1']), alice);
      assert.deepEqual(known('alice', 'bruno', []), alice);
      assert.deepEqual(known('$RCAnonymousID:1', 'alice', ['bruno']), [anonymous]);
    });
  });

  describe('in a transfer', () => {
    const moved = (transferred_from: (string | null)[], transferred_to: (string | null)[]) => {
      const normalized = change('identity/02-transfer', { transferred_from, transferred_to });
      return normalized.kind === 'facts' ? onlyFact(normalized).customer?.refs : normalized;
    };
    const between = { kind: 'ignored', livemode: true, reason: 'transfer_between_users' };

    it('from an anonymous user is the receiver\u2019s', () => {
      assert.deepEqual(moved(['$RCAnonymousID:1'], ['alice']), ['rc:alice', 'id:alice', 'rc:$RCAnonymousID:1']);
      assert.deepEqual(moved(['$RCAnonymousID:1'], ['$RCAnonymousID:2']), [
        'rc:$RCAnonymousID:2',
        'rc:$RCAnonymousID:1',
      ]);
    });

    it('between identified users stays with each, with their own anonymous ids', () => {
      assert.deepEqual(moved(['alice'], ['bruno']), between);
      assert.deepEqual(moved(['alice', '$RCAnonymousID:1'], ['bruno']), between);
      assert.deepEqual(moved(['alice'], ['$RCAnonymousID:2', 'bruno']), [
        'rc:$RCAnonymousID:2',
        'rc:bruno',
        'id:bruno',
      ]);
      assert.deepEqual(moved(['alice'], ['bruno', 'carla', '$RCAnonymousID:2']), between);
    });
  });

  it("of an anonymous user is RevenueCat's alone", () => {
    assert.deepEqual(factOf('identity/03-purchase-of-anonymous').customer?.refs, [
      'rc:$RCAnonymousID:aaaa1111bbbb2222cccc3333dddd4444',
    ]);
  });

  it('that joins nobody is ignored', () => {
    const transfer = change('identity/02-transfer', { transferred_from: [], transferred_to: ['$RCAnonymousID:1'] });
    assert.deepEqual(transfer, { kind: 'ignored', livemode: true, reason: 'nothing_to_link' });
    assert.equal(change('identity/02-transfer', { transferred_from: null, transferred_to: undefined }).kind, 'ignored');
  });

  it('and orders stay with the source where it says so', () => {
    const fact = factOf('subscription/01-initial-purchase', { orderScope: 'src_1' });
    assert.deepEqual(fact.refs, ['rc:src_1:APP_STORE:2000000810000001']);
    assert.deepEqual(fact.customer?.refs, [
      'rc:src_1:player-1001',
      'rc:src_1:$RCAnonymousID:0f6c1f6f5a7b4d0e9c1b2a3d4e5f6071',
    ]);
  });

  it('takes a hundred aliases, no more', () => {
    const aliases = Array.from({ length: 500 }, (_, at) => `$RCAnonymousID:${at}`);
    assert.equal(onlyFact(change('identity/01-subscriber-alias', { aliases })).customer?.refs.length, 101);
  });
});

describe('what Stripe bills', () => {
  it('has a reference a renewal, and the subscription of Stripe', () => {
    const first = factOf('billed-by-stripe/01-initial-purchase');
    assert.deepEqual(first.refs, ['rc:STRIPE:si_RvC4tQ2mZb7Xy1:1']);
    assert.deepEqual(factOf('billed-by-stripe/02-renewal').refs, ['rc:STRIPE:si_RvC4tQ2mZb7Xy1:2']);
    assert.equal(first.type === 'sale' && first.subscription, 'stripe:sub_1QxYzA2eZvKYlo2C8b7n6m5k');
    assert.ok(!first.customer?.refs.includes('stripe:sub_1QxYzA2eZvKYlo2C8b7n6m5k'));
  });

  it("meets Stripe's own report in the id of the payment", () => {
    const refs = ['rc:STRIPE:pi_3RvC4tQ2mZb7Xy1a0B1c2D3e', 'stripe:pi_3RvC4tQ2mZb7Xy1a0B1c2D3e'];
    assert.deepEqual(factOf('billed-by-stripe/03-payment-named').refs, refs);
    assert.deepEqual(factOf('billed-by-stripe/03-payment-named', { stripeReports: true }).refs, refs);
    const appStore = change('billed-by-stripe/03-payment-named', { store: 'APP_STORE' });
    assert.deepEqual(onlyFact(appStore).refs.length, 1, 'other stores have no ids of Stripe');
  });

  it('is left to Stripe where it reports and no id is shared; who the customer is, is not', () => {
    const fact = factOf('billed-by-stripe/01-initial-purchase', { stripeReports: true });
    assert.deepEqual([fact.type, fact.refs, fact.evidence], ['customer', [], byAffiliate]);
    assert.ok(fact.customer?.refs.includes('stripe:sub_1QxYzA2eZvKYlo2C8b7n6m5k'));
    const renewal = factOf('billed-by-stripe/02-renewal', { stripeReports: true });
    assert.ok(!renewal.customer?.refs.includes('stripe:sub_1QxYzA2eZvKYlo2C8b7n6m5k'), 'it may have moved by then');
    const refund = normalize(readFixture('billed-by-stripe/04-support-refund'), { stripeReports: true });
    assert.deepEqual(refund, { kind: 'ignored', livemode: true, reason: 'reported_by_stripe' });
    assert.equal(factOf('billed-by-stripe/04-support-refund').type, 'refund');
    assert.equal(
      factOf('subscription/05-support-refund', { stripeReports: true }).type,
      'refund',
      'other stores go on',
    );
  });
});

it('a type that no database could hold is unprocessable, not an event to ignore', () => {
  const { kind } = normalize(change('subscription/01-initial-purchase', { type: 'A\0B' }));
  assert.equal(kind, 'unprocessable');
});

it('whatever a body holds, it is normalized without throwing', () => {
  const samples = readdirSync(new URL('types/', folder)).map((file) =>
    readFixture(`types/${file.replace('.json', '')}`),
  );
  const fields = [...new Set(samples.flatMap(({ event }) => Object.keys(event)))];
  const values = fc.oneof(
    fc.jsonValue(),
    fc.double(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, -1, 1e300, '5e-7'),
  );
  const body = fc
    .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.constantFrom(...fields), values), { maxLength: 4 }))
    .map(([sample, changes]) => ({ event: { ...sample.event, ...(Object.fromEntries(changes) as object) } }));
  fc.assert(
    fc.property(fc.oneof(body, fc.jsonValue(), fc.anything()), fc.boolean(), (each, stripeReports) => {
      const normalized = normalize(each, { stripeReports });
      assert.deepEqual(JSON.parse(JSON.stringify(normalized)), normalized);
      assert.ok(!JSON.stringify(normalized).includes('\\u0000'));
    }),
    { numRuns: 5000 },
  );
});
