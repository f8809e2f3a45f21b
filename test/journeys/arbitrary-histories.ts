import * as fc from 'fast-check';
import { isAnonymous, type Evidence, type Fact, type FactCustomer } from '../../src/domain/facts.ts';
import { keylessRef } from '../../src/domain/keyless.ts';
import type { CommissionTerms } from '../../src/domain/terms.ts';
import { arbitraryOrderFact, arbitraryTimes, START } from '../pipeline/rules/arbitrary-facts.ts';
import { arbitraryCall, arbitraryStripeReversal } from '../pipeline/rules/arbitrary-messages.ts';
import { arbitraryBreaks, type Break } from './arbitrary-decisions.ts';

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
    identifyByEmail?: boolean;
    /** Whether that is changed after the first phase. */
    identifiesOtherwise?: boolean;
    /** What buyers with an affiliate's domain are; absent: flagged. */
    sameDomain?: 'flag' | 'review';
  };
  commission: CommissionTerms;
  otherCommission: CommissionTerms;
  /** What arrives, each list of facts as one message. */
  events: Fact[][];
  /** Whether callers contradict themselves: then the amount received first counts, and receipt is part of the history. */
  contradictions: boolean;
  /** What people decide and pay in between, in order. */
  breaks: Break[];
}

export const commissions: CommissionTerms[] = [
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
    evidence: fc.subarray(soundEvidence, { maxLength: 2 }).map((some) => [{}, ...some]),
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
    const alone = (facts: fc.Arbitrary<Fact>): fc.Arbitrary<Fact[]> => facts.map((fact) => [fact]);
    const messages = fc.uniqueArray(
      fc.oneof(
        { weight: weights.sales, arbitrary: alone(arbitrarySale(names)) },
        { weight: 1, arbitrary: alone(arbitraryLink(names)) },
        { weight: 2, arbitrary: alone(arbitraryCustomerFact(names)) },
        { weight: 2, arbitrary: arbitraryStripeReversal(names.orders, names.times) },
        { weight: 2, arbitrary: arbitraryCall(names) },
        { weight: weights.leads, arbitrary: alone(arbitraryLead(names)) },
      ),
      { minLength: 1, maxLength: 20, size: 'max', selector: (facts) => facts.map(({ id }) => id).join() },
    );
    const keyed = messages.map((all) => group(contradictions ? restated(all, names.times) : agreeing(all)));
    return fc
      .tuple(keyed, arbitraryKeylessEvents(names))
      .map(([ours, keyless]) => interleave(ours, keyless))
      .chain((events) => {
        const references = Array.from({ length: names.orders }, (_, index) => [
          `stripe:pi_${index + 1}`,
          keylessRef('src_@_1', `order:${index + 1}`),
        ]);
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
          events: fc.constant(events),
          contradictions: fc.constant(contradictions),
          breaks: arbitraryBreaks(references.flat(), events.length),
        });
      });
  });
}

interface Placed {
  /** Before which of the other events it comes. */
  place: number;
  fact: Fact;
}

/**
 * What sources without a key say, among all the rest: of the same order ids, clicks, customers and e-mails, at any time, received
 * whenever. What people decide about such orders, or give back, has a key.
 */
function arbitraryKeylessEvents(names: Names): fc.Arbitrary<Placed[]> {
  const event = fc
    .record({
      source: fc.constantFrom('src_@_1', 'src_@_1', 'src_@_2'),
      place: fc.nat(20),
      receivedAt: fc.constantFrom(...names.times),
      fact: fc.oneof(
        { weight: 6, arbitrary: arbitrarySale({ ...names, transfers: true }) },
        { weight: 1, arbitrary: arbitraryCustomerFact(names) },
      ),
      order: fc.integer({ min: 1, max: names.orders }),
    })
    .map(({ source, place, receivedAt, fact, order }): Placed | null => {
      const ref = keylessRef(source, `order:${order}`);
      const own: Fact = { ...fact, id: `${source} ${fact.id}`, refs: fact.refs.length === 0 ? [] : [ref] };
      if (fact.type === 'refund' || fact.type === 'decision')
        return { place, fact: { ...own, customer: null, evidence: {} } };
      if (!saidByTrackers.has(fact.type)) return null;
      const said = { ...own, receivedAt, customer: ownCustomer(source, fact.customer) };
      if ('subscription' in said && said.subscription) said.subscription = keylessRef(source, said.subscription);
      return { place, fact: said.type === 'sale' ? { ...said, document: 'postback' } : said };
    })
    .filter((placed) => placed !== null);
  return fc.uniqueArray(event, { maxLength: 10, size: 'max', selector: ({ fact }) => fact.id });
}

const saidByTrackers: ReadonlySet<Fact['type']> = new Set(['sale', 'action', 'tracker', 'lead', 'funnel']);

function ownCustomer(source: string, customer: FactCustomer | null): FactCustomer | null {
  if (customer === null) return null;
  const [ref = `email:${customer.email?.toLowerCase()}`] = customer.refs;
  return { refs: [keylessRef(source, ref)], email: customer.email };
}

/** Of each order one postback states an amount without a status: of two the one received first would count. */
function interleave(keyed: Fact[][], keyless: Placed[]): Fact[][] {
  const events = [...keyed];
  const stated = new Set<string>();
  for (const { place, fact } of keyless) {
    const [ref = fact.id] = fact.type === 'sale' ? fact.refs : [];
    if (stated.has(ref)) continue;
    stated.add(ref);
    events.splice(place % (events.length + 1), 0, [fact]);
  }
  return events;
}

/** The same history without what came without a key; what people decide of that finds nothing. */
export function withoutKeyless({ events, breaks, ...history }: History): History {
  const keyedOf = (all: Fact[][]): Fact[][] =>
    all
      .map((facts) => facts.filter((fact) => !JSON.stringify(fact).includes('"keyless:')))
      .filter((facts) => facts.length > 0);
  return {
    ...history,
    events: keyedOf(events),
    breaks: breaks.map((one) => ({ ...one, after: keyedOf(events.slice(0, one.after)).length })),
  };
}

interface Names {
  times: string[];
  orders: number;
  people: FactCustomer[];
  evidence: Evidence[];
  /** Whether subscriptions may change hands: else each is one customer's for good. */
  transfers: boolean;
}

/** Facts about one order mostly, under its own references; every order of a subscription names it as a customer's, too. */
function arbitrarySale({ orders, times, people, evidence, transfers }: Names): fc.Arbitrary<Fact> {
  return fc.integer({ min: 1, max: orders }).chain((order) =>
    arbitraryOrderFact({
      refs: [`stripe:pi_${order}`, `stripe:in_${order}`, `order:${order}`],
      customers: people,
      evidence,
      subscriptions: ['stripe:sub_1', 'stripe:sub_2'],
      affiliates: ['aff_@_a', 'aff_@_b'],
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
function restated(messages: Fact[][], times: string[]): Fact[][] {
  const repeats = messages.flatMap((facts, index) => {
    const occurredAt = times[index % times.length] ?? '';
    const differs = facts.some((fact) => fact.occurredAt !== occurredAt);
    return index % 4 === 0 && differs ? [facts.map((fact) => ({ ...fact, occurredAt }))] : [];
  });
  return [...messages, ...repeats];
}

/** Leaves each order one call and one postback that state an amount: of two the one received first would count. */
function agreeing(messages: Fact[][]): Fact[][] {
  const stated = new Set<string>();
  return messages.filter((facts) =>
    facts.every((fact) => {
      if (fact.type !== 'sale' || (fact.document !== 'api' && fact.document !== 'postback')) return true;
      // A link may join all orders of the history, so the whole history has one call.
      if (stated.has(fact.document)) return false;
      stated.add(fact.document);
      return true;
    }),
  );
}

/** Some messages carry the facts of two. */
export function group(messages: Fact[][]): Fact[][] {
  const events: Fact[][] = [];
  for (const [index, facts] of messages.entries()) {
    const last = events.at(-1);
    if (last && last.length === 1 && index % 5 === 4) last.push(...facts);
    else events.push([...facts]);
  }
  return events;
}
