import { hash } from 'node:crypto';
import type { Evidence, Fact, FactCustomer, Normalized } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import type { ConversionField, GivenFields, Problems } from './names.ts';
import { readAmount, readEmail, readTime, readUrl, readWord } from './values.ts';

/** Where a tracker's word stands: lead < hold < sale < rejected. */
export const trackerStates = ['lead', 'hold', 'sale', 'rejected'] as const;
export type TrackerState = (typeof trackerStates)[number];

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

/** The sender's words and the states they stand for; matching ignores case. */
export interface StatusTable {
  states: ReadonlyMap<string, TrackerState>;
  /** A word that the table does not have: refused, or recorded as `unknown`, which pays nothing. */
  unknownWord: 'refused' | 'recorded';
}

export function buildStatusTable(
  statuses: Readonly<Record<string, TrackerState>>,
  unknownWord: StatusTable['unknownWord'],
): StatusTable {
  const states = new Map(Object.entries(statuses).map(([word, state]) => [word.trim().toLowerCase(), state]));
  return { states, unknownWord };
}

/** Our own four words, for senders who speak them. */
export const canonicalStatuses = { lead: 'lead', hold: 'hold', sale: 'sale', rejected: 'rejected' } as const;

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
  if (!isAbout(given)) problems.add('click_id', 'is required, or an order id, a customer, an affiliate or a code');
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

/** A Stripe id of an order; of a connected account's with that in front, since its ids are unique within it. */
const stripeOrderId = /^(acct_[A-Za-z0-9]+:)?((?:pi|ch|py|cs|in)_[A-Za-z0-9_]+)$/;

/**
 * The references by which an order id of the sender's own names an order. Stripe's ids mean the same to everybody, so a
 * call that carries one meets Stripe's webhook of the same payment; Stripe itself cuts some of them to 25 characters.
 */
export function orderRefs(orderId: string, scope: string | null): string[] {
  const [, account = '', id] = stripeOrderId.exec(orderId) ?? [];
  if (id === undefined) return [scope === null ? `order:${orderId}` : `order:${scope}:${orderId}`];
  const ref = `stripe:${account}${id}`;
  return /^(?:cs|in)_/.test(id) ? [ref, `stripe:${account}~${id.slice(0, 25)}`] : [ref];
}

/** The reference of a customer by the sender's own id, which may be Stripe's. */
export function customerRef(id: string): string {
  return /^(?:acct_[A-Za-z0-9]+:)?cus_[A-Za-z0-9_]+$/.test(id) ? `stripe:${id}` : `id:${id}`;
}

/** The id that a stored message's facts were given where the sender named none; undefined where it did. */
export function callIdOf(facts: readonly Fact[]): string | undefined {
  const ids = facts.flatMap((fact) => [fact.id, ...fact.refs, fact.type === 'refund' ? fact.refundId : '']);
  return ids.find((id) => id.startsWith('call:'))?.slice('call:'.length);
}

/** A reference of this call's own, where the sender gave none by which a repeat could be known. */
export function callRef(context: { callId?: string | undefined }): string {
  return `call:${context.callId ?? newId('ibx').slice('ibx_'.length)}`;
}

/** An id that the same meaning always gives, so that a repeated message adds nothing. */
export function digestId(prefix: string, meaning: unknown): string {
  return `${prefix}:${hash('sha256', JSON.stringify(meaning), 'base64url').slice(0, 32)}`;
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
function isAbout(given: GivenFields): boolean {
  return subjects.some((field) => given[field] !== undefined);
}

function nameCustomer(customer: FactCustomer | null): string {
  return customer?.refs[0] ?? `email:${customer?.email ?? ''}`;
}

function isLive(given: GivenFields, context: FactContext): boolean {
  return context.livemode && !given.clickId?.text.startsWith('test_');
}
