import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { factSchema } from '../../../src/domain/facts.ts';
import { normalizeStripe } from '../../../src/inbound/stripe/normalize.ts';
import { listFixtures, RECEIVED_AT, type StripeJson } from './fixtures.ts';

const events = listFixtures().map(({ event }) => event);
const types = [...new Set(events.map((event) => event.type as string))];

it('any JSON is read without throwing, and the same twice', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assertSound(value);
    }),
    { numRuns: 500 },
  );
});

it('any JSON in the place of an event\u2019s object is read without throwing', () => {
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.jsonValue(), (type, object) => {
      assertSound({ object: 'event', type, created: 1_790_000_000, livemode: true, data: { object } });
    }),
    { numRuns: 1000 },
  );
});

it('whatever stands in any place of a real event, facts are whole and storable, or there are none', () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(null, '', 0, -1, 1.5, 9e15, 'in_1', '\u0000', '\ud800', 'x'.repeat(10_000), [], {}),
  );
  fc.assert(
    fc.property(fc.constantFrom(...events), fc.infiniteStream(fc.nat()), anything, (event, steps, value) => {
      assertSound(replaceSomewhere(event, steps[Symbol.iterator](), value));
    }),
    { numRuns: 3000 },
  );
});

/** Pure, valid by the schema of facts, JSON through and through, and nothing that PostgreSQL or its indexes refuse. */
function assertSound(event: unknown): void {
  const normalized = normalizeStripe(event, RECEIVED_AT);
  assert.deepEqual(normalizeStripe(structuredClone(event), RECEIVED_AT), normalized);
  const text = JSON.stringify(normalized);
  assert.deepEqual(JSON.parse(text), normalized);
  assert.doesNotMatch(text, /\\u0000|\\ud[89a-f]/i);
  if (normalized.kind !== 'facts') return;
  for (const fact of normalized.facts) {
    assert.deepEqual(factSchema.parse(fact), fact);
    if (fact.type !== 'customer') assert.ok(fact.refs.length > 0);
    for (const key of [fact.id, ...fact.refs, ...(fact.customer?.refs ?? [])]) assert.ok(key.length < 1000, key);
    if (fact.type === 'sale' && 'minor' in fact.net && 'minor' in fact.gross) {
      assert.ok(fact.net.minor >= 0 && fact.net.minor <= fact.gross.minor, JSON.stringify(fact));
    }
  }
}

/** A copy of the event in which one value, found by a random walk, is another. */
function replaceSomewhere(event: StripeJson, steps: Iterator<number>, value: unknown): unknown {
  const copy = structuredClone(event);
  let parent: StripeJson = copy;
  for (;;) {
    const keys = Object.keys(parent);
    const key = keys[next(steps) % keys.length];
    if (key === undefined) return copy;
    const child: unknown = parent[key];
    // The object is what matters: the walk stops early only inside of it.
    const deeper = typeof child === 'object' && child !== null && Object.keys(child).length > 0;
    if (!deeper || (parent !== copy && key !== 'object' && next(steps) % 2 === 0)) {
      parent[key] = value;
      return copy;
    }
    parent = child;
  }
}

function next(steps: Iterator<number>): number {
  return steps.next().value as number;
}
