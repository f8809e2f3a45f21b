import assert from 'node:assert/strict';
import type { Fact, Normalized } from '../../../src/domain/facts.ts';
import { normalizeStripe } from '../../../src/inbound/stripe/normalize.ts';
import { RECEIVED_AT, type StripeJson } from './fixtures.ts';

export function normalize(event: unknown): Normalized {
  return normalizeStripe(event, RECEIVED_AT);
}

/** The event with some fields of its object replaced. */
export function withObject(event: StripeJson, fields: StripeJson): StripeJson {
  return { ...event, data: { ...event.data, object: { ...event.data.object, ...fields } } };
}

export function onlyFact(event: StripeJson): Fact {
  const normalized = normalize(event);
  assert.ok(normalized.kind === 'facts' && normalized.facts.length === 1, JSON.stringify(normalized));
  return normalized.facts[0] as Fact;
}
