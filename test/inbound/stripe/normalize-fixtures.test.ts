import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factSchema, type Fact } from '../../../src/domain/facts.ts';
import { normalizeStripe } from '../../../src/inbound/stripe/normalize.ts';
import { listFixtures, RECEIVED_AT, readFixture, type StripeJson } from './fixtures.ts';
import { invoices } from './golden-invoices.ts';
import { payments } from './golden-payments.ts';
import { reversals } from './golden-reversals.ts';
import type { Golden } from './golden.ts';

const golden: Record<string, Golden> = { ...payments, ...invoices, ...reversals };
const fixtures = listFixtures();

describe('every Stripe fixture becomes the facts written down for it', () => {
  for (const { generation, name, event } of fixtures) {
    it(`${generation}/${name}`, () => {
      const normalized = normalizeStripe(event, RECEIVED_AT);
      const key = name.slice(0, name.indexOf('-', name.indexOf('/')));
      const expected = expect(key)(event.data?.object ?? {}, generation === 'acacia', event);
      assert.equal(normalized.livemode, event.livemode);
      if (!Array.isArray(expected)) {
        assert.equal(normalized.kind, 'ignored');
        assert.ok(
          normalized.kind === 'ignored' && normalized.reason.includes(expected.ignored),
          describeIt(normalized),
        );
        return;
      }
      assert.ok(normalized.kind === 'facts', describeIt(normalized));
      assert.deepEqual(
        normalized.facts.map(sortRefs),
        expected.map((fact, at) => wholeId(sortRefs(addEverywhere(fact, event)), normalized.facts[at])),
      );
      for (const fact of normalized.facts) assert.deepEqual(factSchema.parse(fact), fact);
    });
  }
});

it('nothing is written down for a fixture that is not there', () => {
  const names = new Set(fixtures.map(({ name }) => name.slice(0, name.indexOf('-', name.indexOf('/')))));
  assert.deepEqual(
    Object.keys(golden).filter((key) => !names.has(key)),
    [],
  );
});

it('an invoice paid and its twin payment_succeeded are one fact', () => {
  for (const generation of ['acacia', 'endive'] as const) {
    const paid = readFixture(generation, 'subscription-first-invoice/04-invoice.paid');
    const twin = readFixture(generation, 'subscription-first-invoice/05-invoice.payment_succeeded');
    assert.deepEqual(normalizeStripe(twin.event, RECEIVED_AT), normalizeStripe(paid.event, RECEIVED_AT));
  }
});

it('all events of one journey share references, so that they lead to one order', () => {
  const journeys = ['one-off-checkout', 'guest-checkout', 'async-payment', 'subscription-first-invoice', 'renewal'];
  for (const journey of [...journeys, 'multi-payment-invoice', 'connect', 'partial-refund', 'dispute-won']) {
    for (const generation of ['acacia', 'endive'] as const) {
      const facts = fixtures
        .filter((fixture) => fixture.generation === generation && fixture.name.startsWith(`${journey}/`))
        .flatMap(({ event }) => {
          const normalized = normalizeStripe(event, RECEIVED_AT);
          return normalized.kind === 'facts' ? normalized.facts : [];
        });
      assert.equal(countOrders(facts), facts.length === 0 ? 0 : 1, `${generation}/${journey}`);
    }
  }
});

/**
 * What holds of every fixture alike, so that no golden fact repeats it: an order began when its object was made, and up to
 * acacia a payment intent that is a sale says that it has no invoice.
 */
function addEverywhere(fact: Fact, event: StripeJson): Fact {
  if (!['sale', 'lead', 'link'].includes(fact.type)) return fact;
  const object = event.data.object as StripeJson;
  const beganAt = new Date(Number(object.created) * 1000).toISOString();
  const standsAlone = fact.type === 'sale' && object.object === 'payment_intent' && object.invoice === null;
  return {
    ...fact,
    ...(beganAt < fact.occurredAt ? { beganAt } : {}),
    ...(standsAlone ? { standsAlone } : {}),
  };
}

function expect(key: string): Golden {
  const found = golden[key];
  assert.ok(found, `no facts are written down for ${key}`);
  return found;
}

function sortRefs(fact: Fact): Fact {
  return { ...fact, refs: [...fact.refs].sort() };
}

/** An expected id that ends in `*` stands for any that begins so: the rest of it is a digest. */
function wholeId(expected: Fact, actual: Fact | undefined): Fact {
  const isPrefix = expected.id.endsWith('*') && actual?.id.startsWith(expected.id.slice(0, -1));
  return isPrefix ? { ...expected, id: actual?.id ?? '' } : expected;
}

function describeIt(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** Sets of facts that share a reference, directly or through others. */
function countOrders(facts: Fact[]): number {
  const orders: Set<string>[] = [];
  for (const fact of facts) {
    const joined = orders.filter((order) => fact.refs.some((ref) => order.has(ref)));
    const others = orders.filter((order) => !joined.includes(order));
    orders.splice(0, orders.length, ...others, new Set([...joined.flatMap((order) => [...order]), ...fact.refs]));
  }
  return orders.length;
}
