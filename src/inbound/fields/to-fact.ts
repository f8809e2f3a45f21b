import type { Evidence, Fact, FactAmount, FactCustomer, FactNote, Normalized } from '../../domain/facts.ts';
import { keylessRef, withoutSource } from '../../domain/keyless.ts';
import { clickOf, isTestClick } from '../../domain/test-clicks.ts';
import type { GivenFields } from './given.ts';
import { readNet } from './net.ts';
import type { Problems } from './problems.ts';
import { callRef, customerRef, digestId, orderRefs, subscriptionRef } from './references.ts';
import type { StatusTable, TrackerState } from './statuses.ts';
import { namesSubject } from './subjects.ts';
import { readAmount, readEmail, readId, readRenewal, readTime, readUrl, readWord, type Worthless } from './values.ts';

/** Secondary funnel events. */
export const funnelEventTypes = ['pageview', 'registration', 'lead'] as const;
export type FunnelEventType = (typeof funnelEventTypes)[number];

export interface FactContext {
  /** False for what came by a test key; a `test_` click makes it false too. */
  livemode: boolean;
  receivedAt: Date;
  /** How the message came; an explicit API call is more authoritative than a postback. */
  document: 'api' | 'postback';
  /** Scopes the sender's order and subscription ids to one source; null: they are the program's. */
  orderScope: string | null;
  /**
   * The source, where it asks for no key; null: the sender had one. Without a key it may say any time, so the time of receipt
   * is kept beside it, and any id, so all that it names is its source's own.
   */
  keyless: string | null;
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
  const amount = readAmount(given, problems, worthlessIn(context.document, state));
  const net = readNet(given, amount, problems);
  const goal = readWord(given, 'goal', problems) ?? 'purchase';
  const series = readSeries(given, context, problems);
  const who = readWho(given, context, problems);
  const order = readOrderRefs(given, goal, context, state !== null, problems);
  const time = readTime(given, context.receivedAt, problems);
  const note = readNote(given, problems);
  if (!namesSubject(given)) problems.add('click_id', 'is required, or an order id, a customer, an affiliate or a code');
  if (amount === null && series.isRenewal && (state === null || state === 'sale')) {
    // What is not known to be paid pays nothing, and a fixed amount pays for the first payment only.
    problems.add(given.amount?.name ?? 'amount', 'is required of a renewal', 'amount_required');
  }
  problems.throwIfAny();

  const meaning = [order, word?.toLowerCase(), amount, goal, who.customer, who.evidence, time];
  const further = [series.phase, series.subscription, isSame(amount, net) ? null : net];
  const common = {
    // What says nothing of a series or of parts keeps the id that it had before messages could say so.
    id: digestId(context.document, isPlain(further) ? meaning : [...meaning, ...further]),
    refs: order,
    occurredAt: time ?? context.receivedAt.toISOString(),
    ...receiptOf(context),
    ...who,
    ...(note ? { note } : {}),
  };
  return { kind: 'facts', livemode: isLive(given, context), facts: [toFact()] };

  function toFact(): Fact {
    const { phase, subscription } = series;
    if (word !== null && state !== null) {
      const isPayment = state !== 'lead' && state !== 'unknown' && !isPlain(further);
      const parts = isPayment ? { net, phase, subscription } : {};
      return { ...common, type: 'tracker', state, word, amount, goal, ...parts };
    }
    if (amount === null || net === null) return { ...common, type: 'action', goal };
    const { document } = context;
    return { ...common, type: 'sale', document, gross: amount, net, phase, subscription, goal };
  }
}

function worthlessIn(document: FactContext['document'], state: TrackerState | 'unknown' | null): Worthless {
  if (state !== null && state !== 'sale') return 'absent';
  return document === 'postback' ? 'zero_absent' : 'refused';
}

interface Series {
  isRenewal: boolean;
  phase: 'one_off' | 'subscription' | 'recurring';
  subscription: string | null;
}

/**
 * A payment that the sender calls a renewal is one; of a subscription whose payments it does not call so the first is the
 * sale. "No" says no more than nothing: forms and templates send it by default.
 */
function readSeries(given: GivenFields, context: FactContext, problems: Problems): Series {
  const isRenewal = readRenewal(given, problems) === true;
  const id = readWord(given, 'subscriptionId', problems);
  const subscription = id === null ? null : ownRef(subscriptionRef(id, scopeOf(context)), context);
  const phase = isRenewal ? 'recurring' : subscription === null ? 'one_off' : 'subscription';
  return { isRenewal, phase, subscription };
}

/** Whether a message says nothing of a series (phase, subscription) and of parts of its amount (net). */
function isPlain([phase, subscription, net]: unknown[]): boolean {
  return phase === 'one_off' && subscription === null && net === null;
}

function isSame(gross: FactAmount | null, net: FactAmount | null): boolean {
  return JSON.stringify(gross) === JSON.stringify(net);
}

/** What the message says beside money and people, to be shown again. */
function readNote(given: GivenFields, problems: Problems): FactNote | null {
  const productId = readWord(given, 'productId', problems);
  const note = {
    ...(productId === null ? {} : { productId }),
    ...(given.metadata ? { metadata: JSON.parse(given.metadata.text) as unknown } : {}),
  };
  return Object.keys(note).length > 0 ? note : null;
}

function receiptOf({ keyless, receivedAt }: FactContext): { receivedAt?: string } {
  return keyless === null ? {} : { receivedAt: receivedAt.toISOString() };
}

/** What the sender calls something: without a key only its source calls it so. */
function ownRef(ref: string, { keyless }: FactContext): string {
  return keyless === null ? ref : keylessRef(keyless, ref);
}

/** Without a key the whole reference is the source's own, so nothing within it has to be. */
function scopeOf({ keyless, orderScope }: FactContext): string | null {
  return keyless === null ? orderScope : null;
}

function orderRefsOf(orderId: string, context: FactContext): string[] {
  return orderRefs(orderId, scopeOf(context)).map((ref) => ownRef(ref, context));
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
  const who = readWho(given, context, problems);
  const orderId = readId(given, 'orderId', problems);
  const time = readTime(given, context.receivedAt, problems);
  const url = readUrl(given, problems);
  if (!given.clickId && !who.customer) problems.add('click_id', 'is required, or a customer');
  problems.throwIfAny();

  const { clickId } = who.evidence;
  const subject = clickId ? ownRef(`click:${clickId}`, context) : nameCustomer(who.customer);
  const occurredAt = time ?? context.receivedAt.toISOString();
  const note = readNote(given, problems);
  const about = { ...who, ...receiptOf(context), ...(note ? { note } : {}) };
  const livemode = isLive(given, context);
  if (eventType === 'lead') {
    const refs = orderId === null ? [ownRef(`lead:${withoutSource(subject)}`, context)] : orderRefsOf(orderId, context);
    const id = digestId('lead', [refs, who.customer, who.evidence, time]);
    const lead: Fact = { ...about, id, refs, occurredAt, type: 'lead', subscription: null, goal: 'lead' };
    return { kind: 'facts', livemode, facts: [lead] };
  }
  // Two views of a page are two views; a second registration of the same visitor is a repeat.
  const own = eventType === 'pageview' && time === null && orderId === null;
  const meaning = [eventType, subject, who.customer, who.evidence, url, orderId, time];
  const id = own ? callRef(context) : digestId('funnel', meaning);
  return { kind: 'facts', livemode, facts: [{ ...about, id, refs: [], occurredAt, type: 'funnel', eventType, url }] };
}

interface Who {
  customer: FactCustomer | null;
  evidence: Evidence;
}

function readWho(given: GivenFields, context: FactContext, problems: Problems): Who {
  const evidence: Evidence = {};
  const clickId = readId(given, 'clickId', problems);
  if (clickId !== null) evidence.clickId = clickOf(clickId);
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
  const customer = known ? { refs: customerRefs(customerId, email, context), email } : null;
  return { customer, evidence };
}

/** Without a key an e-mail is no guest's, whom a message with a key might know: it is one more id of the source's own. */
function customerRefs(customerId: string | null, email: string | null, context: FactContext): string[] {
  if (customerId !== null) return [ownRef(customerRef(customerId), context)];
  return context.keyless === null || email === null ? [] : [ownRef(`email:${email.toLowerCase()}`, context)];
}

function readOrderRefs(
  given: GivenFields,
  goal: string,
  context: FactContext,
  isStatus: boolean,
  problems: Problems,
): string[] {
  const orderId = readId(given, 'orderId', problems);
  if (orderId !== null) return orderRefsOf(orderId, context);
  if (given.clickId && (context.document === 'postback' || isStatus)) {
    return [ownRef(`click:${clickOf(given.clickId.text)}:${goal.toLowerCase()}`, context)];
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

function nameCustomer(customer: FactCustomer | null): string {
  return customer?.refs[0] ?? `email:${customer?.email ?? ''}`;
}

function isLive(given: GivenFields, context: FactContext): boolean {
  return context.livemode && !(given.clickId && isTestClick(given.clickId.text));
}
