import * as fc from 'fast-check';
import { isAnonymous, type Evidence, type Fact, type FactCustomer } from '../../src/domain/facts.ts';
import type { CommissionTerms } from '../../src/domain/terms.ts';
import { arbitraryOrderFact, arbitraryTimes, START } from '../pipeline/rules/arbitrary-facts.ts';

/**
 * A program and all that ever happens to it. Ids have an `@` in them, which each run replaces by its own mark, so that
 * one history can be lived through many times in one database.
 */
export interface History {
  program: {
    couponFirst: boolean;
    attributionModel: 'last_click' | 'first_click';
    autoApprove: boolean;
    holdDays: number;
    timezone: string;
    identifyByEmail: boolean;
    /** Whether that is changed after the first phase. */
    identifiesOtherwise: boolean;
  };
  commission: CommissionTerms;
  otherCommission: CommissionTerms;
  /** What arrives, each list of facts as one message. */
  events: Fact[][];
  /** Whether callers contradict themselves: then the amount received first counts, and receipt is part of the history. */
  contradictions: boolean;
  /** How many of the events come before a payout of all that is payable then; null: nobody is paid. */
  paidAfter: number | null;
}

/** One way in which a history may reach the pipeline. */
export interface Delivery {
  /** Batches of indexes into the history's events, some of them twice: before the payout, and after it. */
  phases: number[][][];
  workers: number;
  /** Each message is received again in this order; else all were received in the order of the history, and only worked on so. */
  receivedAnew: boolean;
}

const commissions: CommissionTerms[] = [
  { type: 'cps', rateBps: 2_000 },
  { type: 'revshare', rateBps: 3_333, durationMonths: 1 },
  { type: 'revshare', rateBps: 1_000, durationMonths: null },
  { type: 'cpa', amountMinor: 3_000 },
];

const soundEvidence: Evidence[] = [
  { affiliate: 'aff_@_a' },
  { affiliate: 'code-b' },
  { clickId: 'clk_@_1' },
  { clickId: 'clk_@_2' },
  { couponCode: 'cpn-b' },
  { discounts: ['promo_1', 'cpn-b'] },
];

const evidence: Evidence[] = [
  ...soundEvidence,
  { affiliate: 'aff_@_paused' },
  { affiliate: 'nobody' },
  { clickId: 'clk_@_2', couponCode: 'CPN-A' },
  { clickId: 'clk_@_edge' },
  { clickId: 'clk_@_old' },
  { reference: 'clk_@_1' },
  { reference: 'aff_@_b' },
  { referralCode: 'code-a' },
  { couponCode: 'cpn-self' },
  { affiliate: 'aff_@_a', offer: 'off_@_2' },
  { affiliate: 'aff_@_b', offer: 'off_@_closed' },
];

/** The clicks of every program, in days before the start of the history. */
export const clicks = [
  { name: '1', affiliate: 'a', offer: '1', daysBefore: 1 },
  { name: '2', affiliate: 'b', offer: '2', daysBefore: 2 },
  { name: 'edge', affiliate: 'b', offer: null, daysBefore: 30 },
  { name: 'old', affiliate: 'a', offer: '1', daysBefore: 61 },
].map(({ daysBefore, ...click }) => ({ ...click, at: new Date(START - daysBefore * 86_400_000).toISOString() }));

// Identities that overlap, so that customers turn out to be one; and an e-mail, which identifies only where no id does.
const customers: FactCustomer[] = [
  { refs: ['stripe:cus_1'], email: null },
  { refs: ['stripe:cus_1', 'id:u1'], email: 'buyer@shop.example' },
  { refs: ['id:u1'], email: null },
  { refs: ['stripe:cus_2'], email: null },
  { refs: ['stripe:cus_2', 'rc:u2'], email: 'Other@shop.example' },
  { refs: ['rc:u2'], email: 'a@shop.example' },
  { refs: ['id:u3'], email: 'buyer@shop.example' },
  { refs: ['id:u3'], email: 'a@shop.example' },
  { refs: [], email: 'buyer@shop.example' },
  { refs: [], email: 'other@shop.example' },
  { refs: [], email: 'a@shop.example' },
  { refs: ['id:u1', 'rc:u2'], email: null },
];

// Those whom leads may name.
const browserCustomers: FactCustomer[] = [
  { refs: ['id:u1'], email: null },
  { refs: ['id:u1'], email: 'buyer@shop.example' },
  { refs: ['id:u3'], email: null },
  { refs: ['id:u4'], email: null },
];

export const arbitraryHistory: fc.Arbitrary<History> = historiesOf(
  {
    people: fc.subarray(customers, { minLength: 1, maxLength: 4 }),
    evidence: fc
      .tuple(fc.subarray(soundEvidence, { minLength: 1 }), fc.subarray(evidence, { maxLength: 3 }))
      .map(([sound, others]) => [...sound, ...others]),
  },
  { sales: 12, leads: 3 },
);

/** A shop whose customers are known by what their browsers said, and now and then by more. */
export const arbitraryBrowserHistory: fc.Arbitrary<History> = historiesOf(
  {
    people: fc.subarray([...browserCustomers, ...customers.slice(0, 2)], { minLength: 1, maxLength: 4 }),
    evidence: fc.subarray(soundEvidence, { maxLength: 2 }),
  },
  { sales: 8, leads: 8 },
);

function historiesOf(
  said: { people: fc.Arbitrary<FactCustomer[]>; evidence: fc.Arbitrary<Evidence[]> },
  weights: { sales: number; leads: number },
): fc.Arbitrary<History> {
  const drawn = fc.record({
    times: arbitraryTimes(),
    orders: fc.integer({ min: 1, max: 5 }),
    ...said,
    contradictions: fc.boolean(),
    transfers: fc.boolean(),
  });
  return drawn.chain(({ contradictions, ...names }) => {
    const facts = fc.uniqueArray(
      fc.oneof(
        { weight: weights.sales, arbitrary: arbitrarySale(names) },
        { weight: 1, arbitrary: arbitraryLink(names) },
        { weight: 2, arbitrary: arbitraryCustomerFact(names) },
        { weight: weights.leads, arbitrary: arbitraryLead(names) },
      ),
      { minLength: 1, maxLength: 20, size: 'max', selector: ({ id }) => id },
    );
    return fc.record({
      program: fc.record({
        couponFirst: fc.boolean(),
        attributionModel: fc.constantFrom('last_click' as const, 'first_click' as const),
        autoApprove: fc.boolean(),
        holdDays: fc.constantFrom(0, 3_000),
        timezone: fc.constantFrom('UTC', 'America/New_York', 'Pacific/Auckland'),
        identifyByEmail: fc.boolean(),
        identifiesOtherwise: fc.boolean(),
      }),
      commission: fc.constantFrom(...commissions),
      otherCommission: fc.constantFrom(...commissions),
      events: facts.map((all) => group(contradictions ? restated(all, names.times) : agreeing(all))),
      contradictions: fc.constant(contradictions),
      paidAfter: fc.option(fc.integer({ min: 1, max: 12 }), { freq: 2 }),
    });
  });
}

interface Names {
  times: string[];
  orders: number;
  people: FactCustomer[];
  evidence: Evidence[];
  /** Whether subscriptions may change hands: else each is one customer's for good. */
  transfers: boolean;
}

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
    return fc.record({
      program: fc.constant({
        couponFirst: false,
        attributionModel: 'last_click' as const,
        autoApprove: false,
        holdDays: 0,
        timezone: 'UTC',
        identifyByEmail: false,
        identifiesOtherwise: false,
      }),
      commission: fc.constantFrom(...commissions),
      otherCommission: fc.constantFrom(...commissions),
      events: fc.uniqueArray(fact, { minLength: 2, maxLength: 12, size: 'max', selector: ({ id }) => id }).map(group),
      contradictions: fc.constant(false),
      paidAfter: fc.option(fc.integer({ min: 1, max: 8 }), { freq: 2 }),
    });
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

/** Facts about one order mostly, under its own references; every order of a subscription names it as a customer's, too. */
function arbitrarySale({ orders, times, people, evidence, transfers }: Names): fc.Arbitrary<Fact> {
  return fc.integer({ min: 1, max: orders }).chain((order) =>
    arbitraryOrderFact({
      refs: [`stripe:pi_${order}`, `stripe:in_${order}`, `order:${order}`],
      customers: people,
      evidence,
      subscriptions: ['stripe:sub_1', 'stripe:sub_2'],
      times,
    }).map((fact) => {
      if (transfers || !('subscription' in fact) || !fact.subscription) return fact;
      const refs = [...(fact.customer?.refs ?? []), fact.subscription];
      return { ...fact, customer: { refs, email: fact.customer?.email ?? null } };
    }),
  );
}

/** A message that shows two orders to be one. */
function arbitraryLink({ orders, times }: Names): fc.Arbitrary<Fact> {
  const order = fc.integer({ min: 1, max: orders });
  return fc.tuple(order, order, fc.constantFrom(...times)).map(([a, b, occurredAt]) => {
    const refs = [`stripe:pi_${a}`, `stripe:in_${b}`];
    return { id: `link:${refs.join()}`, type: 'link', refs, occurredAt, customer: null, evidence: {} };
  });
}

function arbitraryCustomerFact({ times, people, evidence }: Names): fc.Arbitrary<Fact> {
  return fc
    .record({
      type: fc.constantFrom('customer' as const, 'customer' as const, 'funnel' as const),
      occurredAt: fc.constantFrom(...times),
      customer: fc.constantFrom(...people),
      evidence: fc.constantFrom({}, ...evidence),
    })
    .map(({ type, ...shared }): Fact => {
      const fact = { id: JSON.stringify([type, shared]), refs: [], ...shared };
      return type === 'customer' ? { ...fact, type } : { ...fact, type, eventType: 'registration', url: null };
    });
}

/** Leads: by browsers, each of one click and one reference, and by callers, who share the order of a customer's. */
function arbitraryLead({ times }: Names): fc.Arbitrary<Fact> {
  return fc
    .record({
      keyed: fc.nat({ max: 4 }).map((one) => one === 0),
      // Signups come early, most of them.
      occurredAt: fc.constantFrom(...times.slice(0, 1), ...times.slice(0, 2), ...times),
      ref: fc.constantFrom('id:u1', 'id:u1', 'id:u3', 'id:u4', 'visitor:clk_@_1'),
      click: fc.constantFrom('1', '1', '1', '2', '2', 'edge', 'old'),
      email: fc.constantFrom(null, null, 'buyer@shop.example', 'a@affiliates.example'),
    })
    .map(({ keyed, occurredAt, ref, click, email }): Fact => {
      const said = { refs: [`lead:${ref}`], evidence: { clickId: `clk_@_${click}` } };
      const about = { type: 'lead' as const, subscription: null, goal: 'lead', occurredAt };
      if (keyed) {
        const customer = { refs: [ref], email };
        return { id: JSON.stringify(['lead', said, customer]), ...about, ...said, customer };
      }
      const customer = { refs: [ref], email: null };
      return { id: JSON.stringify(['anonymous', said, customer]), ...about, ...said, customer, anonymous: { email } };
    });
}

/** The history without what browsers said without a key; null where they said nothing, or all of it. */
export function withoutAnonymous(history: History): History | null {
  const events = history.events.map((facts) => facts.filter((fact) => !isAnonymous(fact)));
  const keyed = events.filter((facts) => facts.length > 0);
  const isOther =
    keyed.length > 0 && events.some((facts, index) => facts.length < (history.events[index]?.length ?? 0));
  return isOther ? { ...history, events: keyed } : null;
}

/** Callers say some things twice, without a date of their own: the same fact, received at another time. */
function restated(facts: Fact[], times: string[]): Fact[] {
  const repeats = facts.flatMap((fact, index) => {
    const occurredAt = times[index % times.length] ?? fact.occurredAt;
    return index % 4 === 0 && occurredAt !== fact.occurredAt ? [{ ...fact, occurredAt }] : [];
  });
  return [...facts, ...repeats];
}

/** Leaves each order one call and one postback that state an amount: of two the one received first would count. */
function agreeing(facts: Fact[]): Fact[] {
  const stated = new Set<string>();
  return facts.filter((fact) => {
    if (fact.type !== 'sale' || (fact.document !== 'api' && fact.document !== 'postback')) return true;
    // A link may join all orders of the history, so the whole history has one call.
    if (stated.has(fact.document)) return false;
    stated.add(fact.document);
    return true;
  });
}

/** Some messages carry two facts. */
function group(facts: Fact[]): Fact[][] {
  const events: Fact[][] = [];
  for (const [index, fact] of facts.entries()) {
    const last = events.at(-1);
    if (last && last.length === 1 && index % 5 === 4) last.push(fact);
    else events.push([fact]);
  }
  return events;
}

/** Any order, any repeats, any batches, any number of workers. */
export function arbitraryDelivery(history: History): fc.Arbitrary<Delivery> {
  return fc.record({
    phases: fc.tuple(...phasesOf(history).map(arbitraryBatches)),
    workers: fc.integer({ min: 1, max: 4 }),
    receivedAnew: history.contradictions ? fc.constant(false) : fc.boolean(),
  });
}

/** The indexes of the events before and after the payout. */
export function phasesOf({ events, paidAfter }: History): number[][] {
  const indexes = events.map((_, index) => index);
  return paidAfter === null ? [indexes] : [indexes.slice(0, paidAfter), indexes.slice(paidAfter)];
}

function arbitraryBatches(indexes: number[]): fc.Arbitrary<number[][]> {
  return fc
    .tuple(fc.shuffledSubarray(indexes, { minLength: indexes.length }), fc.shuffledSubarray(indexes))
    .chain(([all, again]) => {
      const sequence = [...all, ...again];
      return fc
        .tuple(
          fc.shuffledSubarray(sequence, { minLength: sequence.length }),
          fc.array(fc.integer({ min: 1, max: 6 }), { minLength: sequence.length, maxLength: sequence.length }),
        )
        .map(([order, sizes]) => cut(order, sizes));
    });
}

function cut(order: number[], sizes: number[]): number[][] {
  const batches: number[][] = [];
  let start = 0;
  for (const size of sizes) {
    if (start >= order.length) break;
    batches.push(order.slice(start, start + size));
    start += size;
  }
  return batches;
}
