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
      { weight: 2, arbitrary: arbitraryCorrection() },
      { weight: 1, arbitrary: arbitraryRebinding().map((fact) => [fact]) },
      { weight: 1, arbitrary: arbitraryAdjustment().map((fact) => [fact]) },
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

/** What a person says of an order's amount, whose it is, or both, in one message. */
function arbitraryCorrection(): fc.Arbitrary<Fact[]> {
  return fc
    .record({
      number: order,
      occurredAt: fc.constantFrom(...times),
      amount: fc.option(fc.record({ gross: minor, net: fc.constantFrom(null, 1_000, 4_900) }), { freq: 3 }),
      affiliate: fc.constantFrom(null, 'aff_@_a', 'aff_@_b', 'aff_@_b'),
    })
    .map(({ number, occurredAt, amount, affiliate }) => {
      const common = { refs: [`stripe:pi_${number}`], occurredAt, customer: null, evidence: {}, by: 'key_1' };
      const said: object[] = [];
      if (amount) {
        const net = amount.net === null ? null : { minor: amount.net, currency: 'USD' };
        const gross = { minor: amount.gross, currency: 'USD' };
        said.push({ ...common, type: 'correction', reason: 'x', gross, net });
      }
      if (affiliate) {
        const offerId = amount ? { offerId: 'off_@_1' } : {};
        said.push({ ...common, type: 'assignment', affiliateId: affiliate, settles: [], ...offerId });
      }
      return said.map((fact) => ({ id: JSON.stringify(fact), ...fact }) as Fact);
    })
    .filter((facts) => facts.length > 0);
}

/** Whom a person binds a customer to, for what they buy from a time on. */
function arbitraryRebinding(): fc.Arbitrary<Fact> {
  return fc
    .record({
      occurredAt: fc.constantFrom(...times),
      since: fc.constantFrom(...times),
      ref: fc.constantFrom('stripe:cus_1', 'stripe:cus_1', 'id:u1', 'stripe:cus_2'),
      evidence: fc.constantFrom<Evidence>({ affiliate: 'aff_@_a' }, { affiliate: 'aff_@_b', offer: 'off_@_2' }),
    })
    .map(({ ref, ...shared }): Fact => {
      const customer = { refs: [ref], email: null };
      const said = { ...shared, type: 'binding' as const, refs: [], customer, reason: 'x', by: 'key_1' };
      return { id: JSON.stringify(said), ...said };
    });
}

/** A bonus, or what is taken back. */
function arbitraryAdjustment(): fc.Arbitrary<Fact> {
  return fc
    .record({
      number: fc.integer({ min: 1, max: 3 }),
      occurredAt: fc.constantFrom(...times),
      affiliateId: fc.constantFrom('aff_@_a', 'aff_@_b'),
      amount: fc.record({ minor: fc.constantFrom(-3_000, -100, 500, 5_000), currency: fc.constantFrom('USD', 'EUR') }),
    })
    .map(({ number, ...shared }): Fact => {
      const id = `adjustment:ref:${number}`;
      const said = { id, refs: [id], customer: null, evidence: {}, reason: 'x', reference: `${number}`, by: 'key_1' };
      return { ...said, ...shared, type: 'adjustment' };
    });
}
