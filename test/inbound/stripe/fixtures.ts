import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../../fixtures/stripe/', import.meta.url);

/** When the fixtures were received, as far as the tests are concerned: after all of their times. */
export const RECEIVED_AT = new Date('2026-11-20T00:00:00Z');

export type Generation = 'acacia' | 'endive';
export const generations: Generation[] = ['acacia', 'endive'];

/** A Stripe object as the tests look into it. */
export type StripeJson = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- any JSON

export interface Fixture {
  generation: Generation;
  /** `one-off-checkout/04-checkout.session.completed` */
  name: string;
  text: string;
  event: StripeJson;
}

export function listFixtures(): Fixture[] {
  return generations.flatMap((generation) =>
    readdirSync(new URL(`${generation}/`, root), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.json'))
      .sort()
      .map((path) => readFixture(generation, path.slice(0, -'.json'.length))),
  );
}

export function readFixture(generation: Generation, name: string): Fixture {
  const text = readFileSync(new URL(`${generation}/${name}.json`, root), 'utf8');
  return { generation, name, text, event: JSON.parse(text) as StripeJson };
}
