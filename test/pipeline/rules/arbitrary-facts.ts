import * as fc from 'fast-check';
import type { Evidence, Fact, FactAmount, FactCustomer } from '../../../src/domain/facts.ts';

/** The names that a generated history may use; few, so that facts meet. */
export interface Names {
  /** Order references: each fact takes one or two. */
  refs: string[];
  customers: FactCustomer[];
  evidence: Evidence[];
  subscriptions: string[];
  /** Ids of affiliates to whom a person may assign an order. */
  affiliates: string[];
  /** Instants, ISO 8601 UTC. */
  times: string[];
}

export const currencies = ['USD', 'JPY', 'KWD', 'EUR'] as const;

/** Start of all generated histories, and a millisecond grid around what rules turn on (days, months, an hour). */
export const START = Date.parse('2026-01-31T23:30:00.000Z');

export function arbitraryTimes(): fc.Arbitrary<string[]> {
  const step = fc.constantFrom(0, 1, 1_000, 60_000, 3_600_000, 3_600_001, 86_400_000, 28 * 86_400_000, 31 * 86_400_000);
  return fc.array(step, { minLength: 1, maxLength: 8 }).map((steps) => {
    let at = START;
    return steps.map((each) => new Date((at += each)).toISOString());
  });
}

/** Amounts that meet each other (so refunds are full, partial and too large), with odd ones that no rule may post. */
export function arbitraryAmount(): fc.Arbitrary<FactAmount> {
  const minor = fc.constantFrom(1, 3, 333, 1_000, 4_900, 4_999, 10_000, 10_001, 1_000_000);
  const currency = fc.oneof({ weight: 8, arbitrary: fc.constant('USD') }, fc.constantFrom(...currencies));
  return fc.oneof(
    { weight: 10, arbitrary: fc.record({ minor, currency }) },
    { weight: 1, arbitrary: fc.record({ minor, currency: fc.constant(null) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        major: fc.constantFrom('49', '49.00', '49.9', '0.005', '12.340', '100'),
        currency: fc.constant(null),
      }),
    },
    { weight: 1, arbitrary: fc.record({ minor: fc.constantFrom(0, -1, -4_900, 9e15), currency }) },
  );
}

/** Gross, and a net that is at most the gross. */
function arbitraryPayment(): fc.Arbitrary<{ gross: FactAmount; net: FactAmount }> {
  return fc.tuple(arbitraryAmount(), fc.constantFrom(1, 1, 1, 0.8, 0.333, 0)).map(([gross, share]) => {
    if (!('minor' in gross)) return { gross, net: gross };
    return { gross, net: { minor: Math.trunc(gross.minor * share), currency: gross.currency } };
  });
}

/** Any fact about an order: every type, document and tracker state. Ids follow from the content, as adapters make them. */
export function arbitraryOrderFact(names: Names): fc.Arbitrary<Fact> {
  const ref = fc.constantFrom(...names.refs);
  const common = fc.record({
    refs: fc.oneof(
      { weight: 6, arbitrary: ref.map((one) => [one]) },
      { weight: 1, arbitrary: fc.tuple(ref, ref).map(([a, b]) => (a === b ? [a] : [a, b])) },
    ),
    occurredAt: fc.constantFrom(...names.times),
    customer:
      names.customers.length === 0 ? fc.constant(null) : fc.option(fc.constantFrom(...names.customers), { freq: 3 }),
    evidence: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 2, arbitrary: fc.constantFrom({}, ...names.evidence) },
    ),
  });
  // What is paid late was ordered long before; what is undone is stated at a time of its own.
  const began = fc.option(fc.constantFrom(...names.times.map(daysBefore)), { freq: 4 });
  const stated = fc.option(fc.constantFrom(...names.times), { freq: 2 });
  const goal = fc.constantFrom('purchase', 'purchase', 'signup', 'lead');
  const subscription = fc.option(fc.constantFrom(...names.subscriptions), { freq: 2 });
  const reversal = fc.constantFrom('1', '2', '3');
  const kinds: fc.Arbitrary<Record<string, unknown>>[] = [
    fc
      .record({
        type: fc.constant('sale'),
        document: fc.constantFrom('invoice', 'checkout', 'payment', 'store', 'api', 'postback'),
        money: arbitraryPayment(),
        phase: fc.constantFrom('one_off', 'subscription', 'subscription', 'recurring'),
        subscription,
        goal,
        beganAt: began,
      })
      .map(({ money, beganAt, ...sale }) => ({ ...sale, ...money, ...given({ beganAt }) })),
    fc
      .record({ type: fc.constant('lead'), subscription, goal, beganAt: began })
      .map(({ beganAt, ...lead }) => ({ ...lead, ...given({ beganAt }) })),
    fc.record({ type: fc.constant('action'), goal }),
    fc.record({ type: fc.constant('imported'), subscription, goal }),
    fc
      .record({
        type: fc.constant('tracker'),
        state: fc.constantFrom('unknown', 'lead', 'hold', 'sale', 'rejected'),
        money: fc.option(arbitraryPayment()),
        statesNet: fc.boolean(),
        phase: fc.constantFrom(null, null, 'one_off', 'subscription', 'recurring'),
        subscription,
        goal,
      })
      .map(({ money, statesNet, phase, subscription, ...tracker }) => ({
        ...tracker,
        word: tracker.state,
        amount: money?.gross ?? null,
        // Trackers that say nothing of a series or of parts have none of these fields.
        ...(phase === null ? {} : { phase, subscription }),
        ...(statesNet ? { net: money?.net ?? null } : {}),
      })),
    fc.record({ type: fc.constant('link') }),
    fc.record({ type: fc.constant('imported'), subscription, goal }),
    fc.record(
      {
        type: fc.constant('refund'),
        refundId: reversal,
        amount: fc.option(arbitraryAmount(), { freq: 6 }),
        paymentRef: ref,
      },
      { requiredKeys: ['type', 'refundId', 'amount'] },
    ),
    fc
      .record({ type: fc.constant('refund_failed'), refundId: reversal, statedAt: stated })
      .map(({ statedAt, ...failed }) => ({ ...failed, ...given({ statedAt }) })),
    fc.record({ type: fc.constant('refund_total'), paymentRef: ref, amount: arbitraryAmount() }),
    fc
      .record({
        type: fc.constant('dispute'),
        disputeId: reversal,
        amount: arbitraryAmount(),
        statedAt: stated,
        lost: fc.constantFrom(null, null, true),
      })
      .map(({ statedAt, lost, ...dispute }) => ({ ...dispute, ...given({ statedAt, lost }) })),
    fc
      .record({ type: fc.constant('dispute_won'), disputeId: reversal, statedAt: stated })
      .map(({ statedAt, ...won }) => ({ ...won, ...given({ statedAt }) })),
    fc.record({
      type: fc.constant('assignment'),
      affiliateId: fc.constantFrom(...names.affiliates),
      by: fc.constant('key_1'),
      settles: fc.constant([]),
    }),
    fc
      .record({
        type: fc.constant('correction'),
        money: arbitraryPayment(),
        statesNet: fc.boolean(),
        reason: fc.constant('the shop said so'),
        by: fc.constant('key_1'),
      })
      .map(({ money, statesNet, ...correction }) => ({
        ...correction,
        gross: money.gross,
        net: statesNet ? money.net : null,
      })),
    fc.record({
      type: fc.constant('decision'),
      status: fc.constantFrom('approved', 'rejected'),
      reason: fc.constantFrom(null, 'fraud'),
      by: fc.constant('key_1'),
    }),
  ];
  // Sales are what the rest is about: half of all facts.
  const specific = fc.oneof(
    { weight: 10, arbitrary: kinds[0] ?? fc.constant({}) },
    ...kinds.slice(1).map((arbitrary) => ({ weight: 1, arbitrary })),
  );
  return fc.tuple(common, specific).map(([shared, own]) => {
    const content = { ...shared, ...own };
    return { id: JSON.stringify(content), ...content } as unknown as Fact;
  });
}

function daysBefore(time: string, index: number): string {
  return new Date(Date.parse(time) - (index + 1) * 9 * 86_400_000).toISOString();
}

/** The fields that are not null. */
function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
