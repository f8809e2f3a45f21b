import * as fc from 'fast-check';
import type { Evidence, Fact, FactCustomer } from '../../src/domain/facts.ts';
import { START } from '../pipeline/rules/arbitrary-facts.ts';
import { arbitraryStripeReversal } from '../pipeline/rules/arbitrary-messages.ts';
import { arbitraryBreaks } from './arbitrary-decisions.ts';
import { commissions, group, type History } from './arbitrary-histories.ts';

const HOUR_MS = 3_600_000;
const times = [0, 1_800_000, 2 * HOUR_MS, 30 * HOUR_MS].map((after) => new Date(START + after).toISOString());

const evidence: Evidence[] = [
  {},
  {},
  { affiliate: 'aff_@_a' },
  { affiliate: 'aff_@_b' },
  { clickId: 'clk_@_1' },
  { clickId: 'clk_@_2' },
  { referralCode: 'code-a' },
  { couponCode: 'cpn-b' },
];

const customers: FactCustomer[] = [
  { refs: ['stripe:cus_1'], email: null },
  { refs: ['stripe:cus_1'], email: 'buyer@affiliates.example' },
  { refs: ['stripe:cus_1', 'id:u1'], email: null },
  { refs: ['stripe:cus_2'], email: null },
];

const ORDERS = 3;
const order = fc.integer({ min: 1, max: ORDERS });
const minor = fc.constantFrom(4_900, 4_900, 10_000);

/**
 * Histories in which people have much to decide: most sales are somebody's and payable, evidence for another affiliate,
 * refunds in another currency and messages that join orders come late, and there is a break after every few facts.
 */
export const arbitraryDecidedHistory: fc.Arbitrary<History> = fc
  .uniqueArray(
    fc.oneof(
      { weight: 6, arbitrary: arbitrarySale().map((fact) => [fact]) },
      { weight: 2, arbitrary: arbitraryLateEvidence().map((fact) => [fact]) },
      { weight: 1, arbitrary: arbitraryJoin().map((fact) => [fact]) },
      { weight: 1, arbitrary: arbitraryForeignReversal().map((fact) => [fact]) },
      { weight: 2, arbitrary: arbitraryStripeReversal(ORDERS, times) },
    ),
    { minLength: 3, maxLength: 14, size: 'max', selector: (facts) => facts.map(({ id }) => id).join() },
  )
  .chain((messages) => {
    const events = group(messages);
    const references = Array.from({ length: ORDERS }, (_, n) => [`stripe:pi_${n + 1}`, `stripe:in_${n + 1}`]).flat();
    return fc.record({
      program: fc.record({
        couponFirst: fc.constant(false),
        attributionModel: fc.constant('last_click' as const),
        autoApprove: fc.constantFrom(true, true, false),
        holdDays: fc.constant(0),
        timezone: fc.constant('UTC'),
        sameDomain: fc.constantFrom('flag' as const, 'review' as const),
      }),
      commission: fc.constantFrom(...commissions),
      otherCommission: fc.constantFrom(...commissions),
      events: fc.constant(events),
      contradictions: fc.constant(false),
      breaks: arbitraryBreaks(references, events.length, { fewest: 1 }),
    });
  });

/** A payment that knows its intent only, an invoice that knows itself only, or either with both. */
function arbitrarySale(): fc.Arbitrary<Fact> {
  return fc
    .record({
      number: order,
      document: fc.constantFrom('payment', 'invoice'),
      linked: fc.boolean(),
      amount: minor,
      occurredAt: fc.constantFrom(...times),
      customer: fc.constantFrom(...customers),
      evidence: fc.constantFrom(...evidence),
      subscription: fc.constantFrom(null, null, 'stripe:sub_1'),
    })
    .map(({ number, document, linked, amount, subscription, ...shared }) => {
      const own = document === 'payment' ? `stripe:pi_${number}` : `stripe:in_${number}`;
      const money = { minor: amount, currency: 'USD' };
      const sale = {
        ...shared,
        type: 'sale',
        document,
        refs: linked ? [`stripe:pi_${number}`, `stripe:in_${number}`] : [own],
        gross: money,
        net: money,
        phase: subscription === null ? 'one_off' : 'subscription',
        subscription,
        goal: 'purchase',
      };
      return { id: JSON.stringify(sale), ...sale } as Fact;
    });
}

/** Says late whose an order, or a customer, is. */
function arbitraryLateEvidence(): fc.Arbitrary<Fact> {
  return fc
    .record({
      number: order,
      ofCustomer: fc.constantFrom(false, false, true),
      occurredAt: fc.constantFrom(...times),
      customer: fc.constantFrom(...customers),
      evidence: fc.constantFrom(...evidence.slice(2)),
    })
    .map(({ number, ofCustomer, customer, ...shared }): Fact => {
      const said = ofCustomer
        ? { ...shared, type: 'customer' as const, refs: [], customer }
        : { ...shared, type: 'link' as const, refs: [`stripe:pi_${number}`], customer: null };
      return { id: JSON.stringify(said), ...said };
    });
}

/** Shows two orders to be one, or a payment to be of an invoice. */
function arbitraryJoin(): fc.Arbitrary<Fact> {
  return fc
    .tuple(order, order, fc.constantFrom('pi', 'in'), fc.constantFrom(...times))
    .map(([one, other, kind, occurredAt]) => {
      const refs = [`stripe:pi_${one}`, `stripe:${kind}_${other}`];
      return { id: `join:${refs.join()}`, type: 'link', refs, occurredAt, customer: null, evidence: {} };
    });
}

/** Money that goes back in a currency that cannot be set against the payment. */
function arbitraryForeignReversal(): fc.Arbitrary<Fact> {
  return fc
    .tuple(order, fc.constantFrom('refund', 'dispute'), fc.integer({ min: 1, max: 2 }), fc.constantFrom(...times))
    .map(([number, type, which, occurredAt]): Fact => {
      const common = { refs: [`stripe:pi_${number}`], occurredAt, customer: null, evidence: {} };
      const amount = { minor: 900, currency: 'EUR' };
      const name = `${type}_${number}_${which}`;
      return type === 'refund'
        ? { ...common, id: name, type, refundId: name, amount }
        : { ...common, id: name, type: 'dispute', disputeId: name, amount };
    });
}
