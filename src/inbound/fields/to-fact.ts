import type { Evidence, Fact, FactCustomer, Normalized } from '../../domain/facts.ts';
import type { GivenFields } from './given.ts';
import type { ConversionField } from './names.ts';
import type { Problems } from './problems.ts';
import { callRef, customerRef, digestId, orderRefs } from './references.ts';
import type { StatusTable, TrackerState } from './statuses.ts';
import { readAmount, readEmail, readTime, readUrl, readWord } from './values.ts';

/** Secondary funnel events. */
export const funnelEventTypes = ['pageview', 'registration', 'lead'] as const;
export type FunnelEventType = (typeof funnelEventTypes)[number];

export interface FactContext {
  /** False for what came by a test key; a `test_` click makes it false too. */
  livemode: boolean;
  receivedAt: Date;
  /** How the message came; an explicit API call is more authoritative than a postback. */
  document: 'api' | 'postback';
  /** Scopes the sender's order ids to one source; null: they are the program's. */
  orderScope: string | null;
  /**
   * Stands for the order id where a call without one is an order of its own. To normalize a stored message again, give
   * the id that its facts have (`callIdOf`); else a new one is made.
   */
  callId: string | undefined;
}

/**
 * One conversion as one fact: what a tracker says (`status` given), else a sale (with an amount) or an action (without).
 * Throws VALIDATION_ERROR with `details` where a field cannot be read, `problems` included.
 */
export function toConversionFact(
  given: GivenFields,
  statuses: StatusTable,
  context: FactContext,
  problems: Problems,
): Normalized {
  const word = readWord(given, 'status', problems);
  const state = word === null ? null : readState(word, given, statuses, problems);
  const amount = readAmount(given, problems, state === null || state === 'sale' ? 'refused' : 'absent');
  const goal = readWord(given, 'goal', problems) ?? 'purchase';
  const who = readWho(given, problems);
  const order = readOrderRefs(given, goal, context, state !== null, problems);
  const time = readTime(given, context.receivedAt, problems);
  if (!namesSubject(given)) problems.add('click_id', 'is required, or an order id, a customer, an affiliate or a code');
  problems.throwIfAny();

  const meaning = [order, word?.toLowerCase(), amount, goal, who.customer, who.evidence, time];
  const common = {
    id: digestId(context.document, meaning),
    refs: order,
    occurredAt: time ?? context.receivedAt.toISOString(),
    ...who,
  };
  return { kind: 'facts', livemode: isLive(given, context), facts: [toFact()] };

  function toFact(): Fact {
    if (word !== null && state !== null) return { ...common, type: 'tracker', state, word, amount, goal };
    if (amount === null) return { ...common, type: 'action', goal };
    const { document } = context;
    return {
      ...common,
      type: 'sale',
      document,
      gross: amount,
      net: amount,
      phase: 'one_off',
      subscription: null,
      goal,
    };
  }
}

/**
 * A secondary event: a lead becomes a conversion of kind lead, one a click (else one a customer); page views and
 * registrations are counted only. `usualType` is meant where the message names none of them. Throws VALIDATION_ERROR with `details`.
 */
export function toFunnelFact(
  given: GivenFields,
  usualType: FunnelEventType | null,
  context: FactContext,
  problems: Problems,
): Normalized {
  const eventType = readEventType(given, usualType, problems);
  const who = readWho(given, problems);
  const orderId = readWord(given, 'orderId', problems);
  const time = readTime(given, context.receivedAt, problems);
  const url = readUrl(given, problems);
  if (!given.clickId && !who.customer) problems.add('click_id', 'is required, or a customer');
  problems.throwIfAny();

  const subject = who.evidence.clickId ? `click:${who.evidence.clickId}` : nameCustomer(who.customer);
  const occurredAt = time ?? context.receivedAt.toISOString();
  const livemode = isLive(given, context);
  if (eventType === 'lead') {
    const refs = orderId === null ? [`lead:${subject}`] : orderRefs(orderId, context.orderScope);
    const id = digestId('lead', [refs, who.customer, who.evidence, time]);
    const lead: Fact = { ...who, id, refs, occurredAt, type: 'lead', subscription: null, goal: 'lead' };
    return { kind: 'facts', livemode, facts: [lead] };
  }
  // Two views of a page are two views; a second registration of the same visitor is a repeat.
  const own = eventType === 'pageview' && time === null && orderId === null;
  const meaning = [eventType, subject, who.customer, who.evidence, url, orderId, time];
  const id = own ? callRef(context) : digestId('funnel', meaning);
  return { kind: 'facts', livemode, facts: [{ ...who, id, refs: [], occurredAt, type: 'funnel', eventType, url }] };
}

interface Who {
  customer: FactCustomer | null;
  evidence: Evidence;
}

function readWho(given: GivenFields, problems: Problems): Who {
  const evidence: Evidence = {};
  const clickId = readWord(given, 'clickId', problems);
  if (clickId !== null) evidence.clickId = clickId;
  const affiliate = readWord(given, 'affiliateId', problems);
  if (affiliate !== null) evidence.affiliate = affiliate;
  const referralCode = readWord(given, 'referralCode', problems);
  if (referralCode !== null) evidence.referralCode = referralCode;
  const couponCode = readWord(given, 'couponCode', problems);
  if (couponCode !== null) evidence.couponCode = couponCode;
  const offer = readWord(given, 'offerId', problems);
  if (offer !== null) evidence.offer = offer;
  const customerId = readWord(given, 'customerId', problems);
  const email = readEmail(given, problems);
  const known = customerId !== null || email !== null;
  const customer = known ? { refs: customerId === null ? [] : [customerRef(customerId)], email } : null;
  return { customer, evidence };
}

function readOrderRefs(
  given: GivenFields,
  goal: string,
  context: FactContext,
  isStatus: boolean,
  problems: Problems,
): string[] {
  const orderId = readWord(given, 'orderId', problems);
  if (orderId !== null) return orderRefs(orderId, context.orderScope);
  if (given.clickId && (context.document === 'postback' || isStatus)) {
    return [`click:${given.clickId.text}:${goal.toLowerCase()}`];
  }
  if (isStatus) problems.add('order_id', 'or click_id is required: a status is about an order');
  return [callRef(context)];
}

function readState(
  word: string,
  given: GivenFields,
  statuses: StatusTable,
  problems: Problems,
): TrackerState | 'unknown' {
  const state = statuses.states.get(word.toLowerCase());
  if (state === undefined && statuses.unknownWord === 'refused') {
    problems.add(given.status?.name ?? 'status', `must be one of ${[...statuses.states.keys()].join(', ')}`);
  }
  return state ?? 'unknown';
}

function readEventType(given: GivenFields, usualType: FunnelEventType | null, problems: Problems): FunnelEventType {
  const word = readWord(given, 'goal', problems)?.toLowerCase();
  const known = funnelEventTypes.find((type) => type === word) ?? usualType;
  if (known === null) problems.add(given.goal?.name ?? 'event_type', `must be one of ${funnelEventTypes.join(', ')}`);
  return known ?? 'lead';
}

const subjects: readonly ConversionField[] = [
  'clickId',
  'orderId',
  'customerId',
  'customerEmail',
  'affiliateId',
  'referralCode',
  'couponCode',
];

/** Whether the message names anything that could tell who referred it, or what it is about. */
function namesSubject(given: GivenFields): boolean {
  return subjects.some((field) => given[field] !== undefined);
}

function nameCustomer(customer: FactCustomer | null): string {
  return customer?.refs[0] ?? `email:${customer?.email ?? ''}`;
}

function isLive(given: GivenFields, context: FactContext): boolean {
  return context.livemode && !given.clickId?.text.startsWith('test_');
}
