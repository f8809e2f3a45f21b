import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Fact } from '../../../src/domain/facts.ts';
import { factSchema } from '../../../src/domain/facts.ts';
import { noBindings } from '../../../src/pipeline/rules/attribution.ts';
import { weighEvidence } from '../../../src/pipeline/rules/evidence.ts';
import { addFact, addFacts, type KnownFact, type FactSet } from '../../../src/pipeline/rules/order-facts.ts';
import { assembleOrder, type Arrival } from '../../../src/pipeline/orders/loaded-order.ts';
import type { CreditedOrder } from '../../../src/pipeline/credit/credited-order.ts';
import type { OrderSum } from '../../../src/pipeline/rows/ledger-rows.ts';
import { planPostings, type LedgerSum, type Targets } from '../../../src/pipeline/rules/postings.ts';
import type { Catalog } from '../../../src/pipeline/rules/catalog.ts';
import { targetsOf, type OrderContext } from '../../../src/pipeline/credit/settle-order.ts';
import { creditOrder } from '../../../src/pipeline/credit/credit-order.ts';
import { type Target } from '../../../src/pipeline/rules/commission.ts';
import { kindOf } from '../../../src/pipeline/rules/credit.ts';
import { summarize } from '../../../src/pipeline/rules/summarize.ts';
import { arbitraryOrderFact, arbitraryTimes, currencies, START } from './arbitrary-facts.ts';
import { arbitraryCall, arbitraryStripeReversal } from './arbitrary-messages.ts';
import { makeCatalog } from './fake-catalog.ts';

const numRuns = Number(process.env.PROPERTY_RUNS ?? 1_000);
const seed = process.env.PROPERTY_SEED === undefined ? {} : { seed: Number(process.env.PROPERTY_SEED) };
let runs = 0;
after(() => console.log(`rules: ${runs} generated orders`));

function check(property: fc.IProperty<[History, ...unknown[]]>): void {
  fc.assert(property as fc.IProperty<unknown[]>, { numRuns, ...seed });
  runs += numRuns;
}

interface History {
  facts: Fact[];
  /** What payouts have paid for the order. */
  paid: OrderSum[];
  catalog: Catalog;
  context: OrderContext;
}

const arbitraryHistory: fc.Arbitrary<History> = fc
  .tuple(
    arbitraryTimes(),
    fc.record({
      couponFirst: fc.boolean(),
      attributionModel: fc.constantFrom('last_click' as const, 'first_click' as const),
      autoApprove: fc.boolean(),
    }),
    fc.constantFrom(
      { type: 'cps', rateBps: 2_000 } as const,
      { type: 'revshare', rateBps: 3_333, durationMonths: 1 } as const,
      { type: 'cpa', amountMinor: 3_000 } as const,
    ),
    fc.record({ holdsCpaSlot: fc.boolean(), capGranted: fc.boolean(), late: fc.boolean() }),
  )
  .chain(([times, program, commission, { holdsCpaSlot, capGranted, late }]) => {
    const at = (days: number): string => new Date(START - days * 86_400_000).toISOString();
    const catalog = makeCatalog({
      program,
      affiliates: {
        aff_1: { coupon: 'one' },
        aff_2: { coupon: 'two', override: { rateBps: 500 } },
        aff_paused: { status: 'paused' },
        aff_self: { email: 'buyer@shop.example', coupon: 'self' },
      },
      offers: {
        off_1: { commission },
        off_yen: { commission, currency: 'JPY' },
        off_closed: { commission, status: 'paused' },
      },
      clicks: {
        clk_1: { affiliateId: 'aff_1', offerId: 'off_1', at: at(1) },
        clk_2: { affiliateId: 'aff_2', offerId: 'off_yen', at: at(2) },
        clk_edge: { affiliateId: 'aff_2', at: at(30) },
        clk_old: { affiliateId: 'aff_1', at: at(31) },
      },
    });
    const names = {
      refs: ['stripe:pi_1', 'stripe:in_1', 'order:7'],
      customers: [
        { refs: ['stripe:cus_1'], email: null },
        { refs: [], email: 'Buyer@shop.example' },
      ],
      evidence: [
        { affiliate: 'aff_1' },
        { affiliate: 'aff_paused' },
        { affiliate: 'nobody' },
        { clickId: 'clk_1' },
        { clickId: 'clk_2', couponCode: 'ONE' },
        { clickId: 'clk_edge' },
        { clickId: 'clk_old' },
        { reference: 'clk_1' },
        { reference: 'aff_2' },
        { referralCode: 'aff_2' },
        { couponCode: 'two' },
        { couponCode: 'self' },
        { affiliate: 'aff_1', offer: 'off_yen' },
        { affiliate: 'aff_2', offer: 'off_closed' },
      ],
      subscriptions: ['stripe:sub_1'],
      affiliates: ['aff_1', 'aff_2'],
      times,
    };
    const context: OrderContext = {
      firstPaymentAt: late ? at(40) : null,
      holdsCpaSlot,
      cap: { offerId: 'off_1', day: '2026-01-31', granted: capGranted },
      now: '2026-06-01T00:00:00.000Z',
    };
    const message = fc.oneof(
      { weight: 8, arbitrary: arbitraryOrderFact(names).map((fact) => [fact]) },
      { weight: 1, arbitrary: arbitraryStripeReversal(1, times) },
      { weight: 1, arbitrary: arbitraryCall({ ...names, orders: 1 }) },
    );
    return fc
      .array(message, { minLength: 1, maxLength: 9 })
      .map((messages) => [...new Map(messages.flat().map((fact) => [fact.id, fact])).values()])
      .chain((facts) => arbitraryPayments.map((paid) => ({ facts, paid, catalog, context })));
  });

const arbitraryPayments: fc.Arbitrary<OrderSum[]> = fc
  .subarray(['aff_1', 'aff_2'])
  .chain((affiliateIds) => fc.constantFrom([], affiliateIds))
  .map((affiliateIds) =>
    affiliateIds.map((affiliateId) => ({
      orderId: 'cnv_1',
      affiliateId,
      currency: 'USD',
      amountMinor: 980n,
      paidMinor: 980n,
      isInPayout: true,
      offerId: 'off_1',
      clickId: null,
      ranksLast: false,
    })),
  );

/** Another order of the same facts, some of them twice. */
function shuffled(facts: Fact[]): fc.Arbitrary<Fact[]> {
  return fc
    .tuple(
      fc.shuffledSubarray(facts, { minLength: facts.length, maxLength: facts.length }),
      fc.shuffledSubarray(facts, { minLength: 0 }),
    )
    .chain(([all, again]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }));
}

const withShuffle = arbitraryHistory.chain((history) =>
  shuffled(history.facts).map((order) => ({ ...history, order })),
);

/** A fact as received in the order in which the history lists it, however late it is worked on. */
function toKnown(history: History): (fact: Fact) => KnownFact {
  const receipt = new Map(history.facts.map((fact, index) => [fact.id, `ibx_${String(index).padStart(3, '0')}`]));
  return (fact) => ({ fact, inboxId: receipt.get(fact.id) ?? '', posted: false });
}

function factsOf(facts: KnownFact[]): FactSet {
  return addFacts(facts);
}

/** The order settled from `stored` facts and those that `arrive` in this batch. */
function settleHistory(
  history: History,
  stored: KnownFact[],
  arrive: KnownFact[],
): { order: CreditedOrder; target: Target } {
  const scope = { programId: 'prg_1', livemode: true };
  const arrivals = arrive.map(({ fact, inboxId }): Arrival => ({
    fact,
    event: { id: inboxId, ...scope, version: '0', kind: 'stripe', facts: [fact], awaited: false, receivedAt: '' },
  }));
  const material = {
    id: 'cnv_1',
    scope,
    before: null,
    refs: [],
    losers: [],
    sums: new Map([['cnv_1', history.paid]]),
    pairing: null,
    joined: null,
  };
  const loaded = assembleOrder({ ...material, knownFacts: stored, arrivals }, history.catalog);
  const { evidence, beganAt } = loaded.summary;
  const weighed = {
    ...loaded,
    customerId: null,
    firstOfSubscription: true,
    kind: kindOf(loaded.summary, true),
    evidences: weighEvidence(evidence, beganAt ?? '', history.catalog, []),
    buyerEmails: [],
  };
  const order = creditOrder(weighed, noBindings);
  return { order, target: targetsOf(order, history.context).all };
}

describe('the rules of the ledger hold for any facts', () => {
  test('generated facts are facts', () => {
    check(
      fc.property(arbitraryHistory, ({ facts }) => {
        for (const fact of facts) factSchema.parse(fact);
      }),
    );
  });

  test('adding facts is commutative and idempotent', () => {
    check(
      fc.property(withShuffle, (history) => {
        const known = toKnown(history);
        const once = addFacts(history.facts.map(known));
        const other = addFacts(history.order.map(known));
        assert.deepEqual(sorted(other), sorted(once));
        for (const fact of history.facts) assert.equal(addFact(once, known(fact)), once);
      }),
    );
  });

  test('the same facts settle to the same target, in any order, any number of times, in any batching', () => {
    check(
      fc.property(withShuffle, fc.nat(), (history, cut) => {
        const known = toKnown(history);
        const expected = settleHistory(history, [], history.facts.map(known));
        const at = cut % (history.order.length + 1);
        const actual = settleHistory(
          history,
          history.order.slice(0, at).map(known),
          history.order.slice(at).map(known),
        );
        assert.deepEqual(actual.order.summary, expected.order.summary);
        assert.deepEqual(actual.target, expected.target);
        assert.equal(actual.order.reference, expected.order.reference);
        assert.equal(actual.order.orderId, expected.order.orderId);
      }),
    );
  });

  test('postings bring the ledger from wherever it stands to the target, and none of them is zero', () => {
    const ledgerSums = fc.uniqueArray(
      fc.record({
        affiliateId: fc.constantFrom('aff_1', 'aff_2', 'aff_9'),
        currency: fc.constantFrom(...currencies),
        amountMinor: fc.constantFrom(-500n, 0n, 7n, 980n, 3_000n),
      }),
      { maxLength: 4, selector: ({ affiliateId, currency }) => `${affiliateId} ${currency}` },
    );
    check(
      fc.property(withShuffle, ledgerSums, fc.nat(), (history, before, posted) => {
        const known = toKnown(history);
        const { order, target } = settleHistory(history, [], history.facts.map(known));
        const facts: FactSet = new Map(
          [...order.facts].map(([id, one], index) => [id, { ...one, posted: ((posted >> index) & 1) === 1 }]),
        );
        const targets: Targets = targetsOf(order, history.context);
        const postings = planPostings(before, facts, targets);
        for (const posting of postings) assert.notEqual(posting.amountMinor, 0n);
        assert.deepEqual(total([...before, ...postings]), total(sumOf(target)));
        const settled = planPostings([...sumOf(target)], markPosted(facts), targets);
        assert.deepEqual(settled, [], 'what stands at its target needs no posting');
      }),
    );
  });

  test('what was refunded and disputed never exceeds the gross, and what remains lies between nothing and the net', () => {
    check(
      fc.property(arbitraryHistory, (history) => {
        const facts = factsOf(history.facts.map(toKnown(history)));
        const { payment, refundedMinor, disputedMinor, remainingMinor } = summarize(facts, 'USD');
        if (!payment) {
          assert.deepEqual([refundedMinor, disputedMinor, remainingMinor], [0n, 0n, 0n]);
          return;
        }
        assert.ok(payment.grossMinor > 0n && payment.netMinor >= 0n && payment.netMinor <= payment.grossMinor);
        assert.ok(refundedMinor >= 0n && disputedMinor >= 0n);
        assert.ok(refundedMinor + disputedMinor <= payment.grossMinor);
        assert.ok(remainingMinor >= 0n && remainingMinor <= payment.netMinor);
      }),
    );
  });

  test('nothing is earned without an amount, by nobody, by a rejected order, or by more than the rate of net', () => {
    check(
      fc.property(arbitraryHistory, (history) => {
        const { order, target } = settleHistory(history, [], history.facts.map(toKnown(history)));
        if (target.commissionMinor === 0n) return;
        assert.ok(target.commissionMinor > 0n);
        assert.ok(target.affiliateId !== null && target.reason === null);
        assert.ok(['pending', 'approved'].includes(target.status), target.status);
        assert.notEqual(order.summary.tracker, 'rejected');
        const terms = order.credit.terms;
        assert.ok(terms?.affiliateActive === true && terms.offerActive);
        if (terms.commission.type === 'cpa') assert.equal(target.commissionMinor, BigInt(terms.commission.amountMinor));
        else {
          const most = (order.summary.payment?.netMinor ?? 0n) * BigInt(terms.commission.rateBps);
          assert.ok(target.commissionMinor * 10_000n <= most + 5_000n);
          assert.equal(target.commissionCurrency, order.summary.payment?.currency);
        }
      }),
    );
  });
});

function sorted(facts: FactSet): KnownFact[] {
  return [...facts.values()].sort((a, b) => (a.fact.id < b.fact.id ? -1 : 1));
}

function markPosted(facts: FactSet): FactSet {
  return new Map([...facts].map(([id, known]) => [id, { ...known, posted: true }]));
}

function sumOf({ affiliateId, commissionCurrency, commissionMinor }: Target): LedgerSum[] {
  if (affiliateId === null || commissionCurrency === null) return [];
  return [{ affiliateId, currency: commissionCurrency, amountMinor: commissionMinor }];
}

function total(sums: LedgerSum[]): Record<string, bigint> {
  const byKey = new Map<string, bigint>();
  for (const { affiliateId, currency, amountMinor } of sums) {
    const key = `${affiliateId} ${currency}`;
    byKey.set(key, (byKey.get(key) ?? 0n) + amountMinor);
  }
  return Object.fromEntries([...byKey].filter(([, amountMinor]) => amountMinor !== 0n));
}
