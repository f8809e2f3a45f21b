import * as fc from 'fast-check';
import type { Evidence, Fact } from '../../src/domain/facts.ts';
import { START } from '../pipeline/rules/arbitrary-facts.ts';
import { arbitraryBreaks } from './arbitrary-decisions.ts';
import { commissions, group, type History } from './arbitrary-histories.ts';

/**
 * Payments and invoices of Stripe's newer versions, which mostly nothing links: several of one customer and amount within
 * an hour or just not, links that come or do not, refunds that know the payment only.
 */
export const arbitraryUnlinkedHistory: fc.Arbitrary<History> = fc
  .record({
    steps: fc.array(fc.constantFrom(0, 1, 1_000, 1_800_000, 3_600_000, 3_600_001), { minLength: 1, maxLength: 6 }),
    orders: fc.integer({ min: 1, max: 4 }),
  })
  .chain(({ steps, orders }) => {
    let at = START;
    const times = steps.map((step) => new Date((at += step)).toISOString());
    const fact = fc
      .record({
        what: fc.constantFrom('payment', 'payment', 'invoice', 'invoice', 'session', 'link', 'charge', 'refund'),
        order: fc.integer({ min: 1, max: orders }),
        other: fc.integer({ min: 1, max: orders }),
        occurredAt: fc.constantFrom(...times),
        customer: fc.constantFrom('stripe:cus_1', 'stripe:cus_1', 'stripe:cus_2', 'stripe:acct_1:cus_1'),
        minor: fc.constantFrom(4_900, 4_900, 1_000),
        evidence: fc.constantFrom<Evidence>({}, {}, { affiliate: 'aff_@_a' }, { clickId: 'clk_@_2' }),
        refundId: fc.constantFrom('re_1', 're_2'),
      })
      .map(unlinkedFact);
    const messages = fc.uniqueArray(fact, { minLength: 2, maxLength: 12, size: 'max', selector: ({ id }) => id });
    const references = Array.from({ length: orders }, (_, n) => [`stripe:pi_${n + 1}`, `stripe:in_${n + 1}`]).flat();
    return messages.chain((facts) =>
      fc.record({
        program: fc.constant({
          couponFirst: false,
          attributionModel: 'last_click' as const,
          autoApprove: false,
          holdDays: 0,
          timezone: 'UTC',
        }),
        commission: fc.constantFrom(...commissions),
        otherCommission: fc.constantFrom(...commissions),
        events: fc.constant(group(facts.map((one) => [one]))),
        contradictions: fc.constant(false),
        breaks: arbitraryBreaks(references, facts.length),
      }),
    );
  });

function unlinkedFact(drawn: {
  what: string;
  order: number;
  other: number;
  occurredAt: string;
  customer: string;
  minor: number;
  evidence: Evidence;
  refundId: string;
}): Fact {
  const { what, order, other, occurredAt, customer, minor, evidence, refundId } = drawn;
  const amount = { minor, currency: 'USD' };
  const common = { occurredAt, customer: { refs: [customer, 'stripe:sub_1'], email: null }, evidence };
  const sale = { ...common, gross: amount, net: amount, subscription: 'stripe:sub_1', goal: 'purchase' };
  const said = JSON.stringify(drawn);
  switch (what) {
    case 'payment':
      return {
        ...sale,
        id: `pi:${order}`,
        refs: [`stripe:pi_${order}`],
        type: 'sale',
        document: 'payment',
        phase: 'one_off',
        subscription: null,
      };
    case 'invoice':
      return {
        ...sale,
        id: `in:${order}`,
        refs: [`stripe:in_${order}`],
        type: 'sale',
        document: 'invoice',
        phase: 'subscription',
      };
    case 'session':
      return {
        ...sale,
        id: `cs:${order}`,
        refs: [`stripe:cs_${order}`, `stripe:in_${order}`],
        type: 'sale',
        document: 'checkout',
        phase: 'subscription',
      };
    case 'charge':
      return { ...common, id: said, refs: [`stripe:ch_${order}`, `stripe:pi_${order}`], type: 'link' };
    case 'link':
      return {
        id: said,
        refs: [`stripe:pi_${order}`, `stripe:in_${other}`],
        type: 'link',
        occurredAt,
        customer: null,
        evidence: {},
      };
    default:
      return {
        id: `${refundId}:${order}`,
        refs: [`stripe:ch_${order}`, `stripe:pi_${order}`],
        type: 'refund',
        refundId,
        amount: { minor: 500, currency: 'USD' },
        occurredAt,
        customer: null,
        evidence: {},
      };
  }
}
