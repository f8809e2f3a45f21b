import type { z } from 'zod';
import type { Fact, FactCustomer, Normalized } from '../../domain/facts.ts';
import type { RevenuecatSettings } from '../../program/sources.ts';
import { digestId, orderRefs } from '../fields/references.ts';
import { isTooFarAhead } from '../fields/values.ts';
import { readPrice } from './amounts.ts';
import { aliasSchema, envelopeSchema, purchaseSchema, transferSchema } from './schemas.ts';
import type { Envelope, Purchase } from './schemas.ts';
import { readEmail, receiverIds, subscriberIds, toEvidence, toSubscriber } from './subscriber.ts';
import { UnreadableMessage } from '../unreadable-message.ts';

/** What the normalizer knows of the source beside the body. */
export interface RevenueCatContext extends Pick<RevenuecatSettings, 'amountBasis' | 'campaignAsCoupon'> {
  receivedAt: Date;
  /** The source's mode; true: each message says itself whether it is test. Sandbox events are never live. */
  livemode: boolean;
  /** The source, where its ids are its own; null where they are the program's. */
  orderScope: string | null;
  /** Whether Stripe's own webhooks report what the stores STRIPE and RC_BILLING bill. */
  stripeReports: boolean;
}

/**
 * A parsed webhook of RevenueCat (www.revenuecat.com/docs/integrations/webhooks, read 2026-11): purchases and renewals as
 * sales, trials as leads, support refunds and their reversals, and which ids are one customer. Never throws.
 */
export function normalizeRevenueCat(body: unknown, context: RevenueCatContext): Normalized {
  let { livemode } = context;
  try {
    const { event } = parse(envelopeSchema, body);
    livemode &&= !isTest(event);
    const reading = readEvent(event, (body as { event: unknown }).event, context);
    if ('ignored' in reading) return { kind: 'ignored', livemode, reason: reading.ignored };
    return { kind: 'facts', livemode, facts: [reading] };
  } catch (error) {
    if (error instanceof UnreadableMessage) return { kind: 'unprocessable', livemode, error: error.message };
    throw error;
  }
}

type Reading = Fact | { ignored: string };

function readEvent(envelope: Envelope, event: unknown, context: RevenueCatContext): Reading {
  switch (envelope.type) {
    case 'INITIAL_PURCHASE':
    case 'RENEWAL':
    case 'NON_RENEWING_PURCHASE':
      return readPurchase(envelope.type, parse(purchaseSchema, event), context);
    case 'CANCELLATION':
      return readCancellation(parse(purchaseSchema, event), context);
    case 'REFUND_REVERSED':
      return readReversal(parse(purchaseSchema, event), context);
    case 'SUBSCRIBER_ALIAS':
      return readAlias(event, context);
    case 'TRANSFER':
      return readTransfer(event, context);
    // INVOICE_ISSUANCE carries a price, but nobody has paid it yet.
    default:
      return { ignored: envelope.type.toLowerCase() };
  }
}

function readPurchase(
  type: 'INITIAL_PURCHASE' | 'RENEWAL' | 'NON_RENEWING_PURCHASE',
  purchase: Purchase,
  context: RevenueCatContext,
): Reading {
  if (purchase.store === 'PROMOTIONAL' || purchase.period_type === 'PROMOTIONAL') return { ignored: 'promotional' };
  if (purchase.is_family_share) return { ignored: 'family_share' };
  const order = readOrder(purchase, context);
  const occurredAt = toInstant(purchase.purchased_at_ms ?? purchase.event_timestamp_ms, context);
  if (order.byStripe) return readIdentity(type, purchase, context, occurredAt);

  const subscription = type === 'NON_RENEWING_PURCHASE' ? null : order.subscription;
  const common = { ...describeSubscriber(purchase, context), refs: order.refs, occurredAt };
  const id = `revenuecat:${type.toLowerCase()}:${order.ref}`;
  const price = readPrice(purchase, context.amountBasis);
  if (price && price.grossMinor < 0) throw new UnreadableMessage(`${type}: the price is negative`);
  if (purchase.period_type === 'TRIAL' || price?.grossMinor === 0) {
    if (type === 'RENEWAL') return { ignored: 'free_period' };
    return { ...common, id, type: 'lead', subscription, goal: 'trial' };
  }
  if (!price) {
    // Offers with a fixed amount pay for a first purchase of unknown price. Of a renewal without a price nobody can say
    // whether it is the first money, unless a trial came before it.
    if (type === 'RENEWAL' && !purchase.is_trial_conversion)
      throw new UnreadableMessage('RENEWAL: the price is not known');
    return { ...common, id, type: 'action', goal: 'purchase' };
  }
  const { currency } = price;
  return {
    ...common,
    id,
    type: 'sale',
    document: 'store',
    gross: { minor: price.grossMinor, currency },
    net: { minor: price.netMinor, currency },
    phase: readPhase(type, subscription),
    subscription,
    goal: 'purchase',
  };
}

/**
 * Of cancellations, those that gave money back. The refund of one transaction has one id, so that it can be reversed, and
 * made again after that: each event is a statement of its own, of which the last counts.
 */
function readCancellation(purchase: Purchase, context: RevenueCatContext): Reading {
  const price = readPrice(purchase, context.amountBasis);
  const isRefund = purchase.cancel_reason === 'CUSTOMER_SUPPORT' || (price !== null && price.grossMinor < 0);
  if (!isRefund) return { ignored: `cancellation:${(purchase.cancel_reason ?? 'unknown').toLowerCase()}` };
  const order = readOrder(purchase, context);
  // Stripe tells of its refunds itself, with ids that this event does not have.
  if (context.stripeReports && isBilledByStripe(purchase)) return { ignored: 'reported_by_stripe' };
  if (purchase.transaction_id === null) throw new UnreadableMessage('CANCELLATION: a refund without transaction_id');
  // An estimate in USD cannot be set against a sale in the customer's currency; stores refund all of a transaction.
  const isKnown = price !== null && price.isPurchased && price.grossMinor !== 0;
  return {
    ...describeSubscriber(purchase, context),
    ...readStatement(purchase, context),
    id: `revenuecat:refund:${order.ref}:${stateAt(purchase)}`,
    refs: order.refs,
    type: 'refund',
    refundId: `refund:${order.ref}`,
    amount: isKnown ? { minor: Math.abs(price.grossMinor), currency: price.currency } : null,
  };
}

/** REFUND_REVERSED (App Store): the customer's refund was taken back. */
function readReversal(purchase: Purchase, context: RevenueCatContext): Reading {
  if (context.stripeReports && isBilledByStripe(purchase)) return { ignored: 'reported_by_stripe' };
  if (purchase.transaction_id === null) throw new UnreadableMessage('REFUND_REVERSED: without transaction_id');
  const order = readOrder(purchase, context);
  return {
    ...describeSubscriber(purchase, context),
    ...readStatement(purchase, context),
    id: `revenuecat:refund_reversed:${order.ref}:${stateAt(purchase)}`,
    refs: order.refs,
    type: 'refund_failed',
    refundId: `refund:${order.ref}`,
  };
}

function readStatement(purchase: Purchase, context: RevenueCatContext) {
  const statedAt = toInstant(purchase.event_timestamp_ms, context);
  return { occurredAt: statedAt, statedAt };
}

/** What tells one statement from another, and is the same in a retry: the time of the event, else its id. */
function stateAt({ event_timestamp_ms: time, id }: Purchase): string {
  return String(time ?? id ?? '');
}

function readAlias(event: unknown, context: RevenueCatContext): Reading {
  const alias = parse(aliasSchema, event);
  const customer = toSubscriber(subscriberIds(alias), readEmail(alias), context.orderScope);
  return toCustomerFact(customer, toEvidence(alias, context.campaignAsCoupon), alias.event_timestamp_ms, context);
}

/**
 * The purchases of some users now belong to another, who stays another person (www.revenuecat.com/docs/projects/restore-behavior,
 * read 2026-11); each subscription goes on for whoever sold it. Only anonymous users turn out to be the receiver.
 */
function readTransfer(event: unknown, context: RevenueCatContext): Reading {
  const transfer = parse(transferSchema, event);
  const ids = receiverIds(transfer);
  if (ids.length < 2 && transfer.transferred_from.length > 0) return { ignored: 'transfer_between_users' };
  const customer = toSubscriber(ids, null, context.orderScope);
  return toCustomerFact(customer, {}, transfer.event_timestamp_ms, context);
}

/**
 * Where Stripe reports the money, the event only tells who the customer is and who referred them. Whoever began a
 * subscription at Stripe is Stripe's customer of it, and nothing else says so; who has it when it renews may be another.
 */
function readIdentity(type: string, purchase: Purchase, context: RevenueCatContext, occurredAt: string): Reading {
  const { subscription } = readOrder(purchase, context);
  const { customer, evidence } = describeSubscriber(purchase, context);
  const isStripes = type === 'INITIAL_PURCHASE' && subscription?.startsWith('stripe:') === true;
  const known = customer !== null && isStripes ? { ...customer, refs: [...customer.refs, subscription] } : customer;
  return toCustomerFact(known, evidence, Date.parse(occurredAt), context);
}

function toCustomerFact(
  customer: FactCustomer | null,
  evidence: Fact['evidence'],
  time: number | null,
  context: RevenueCatContext,
): Reading {
  const joins = customer !== null && customer.refs.length > 1;
  if (!customer || (!joins && Object.keys(evidence).length === 0)) return { ignored: 'nothing_to_link' };
  // An absurd time does no harm here. RevenueCat's own sample of a TRANSFER is dated in the year 4466.
  const stated = time === null || isTooFarAhead(new Date(time), context.receivedAt) ? null : new Date(time);
  const occurredAt = (stated ?? context.receivedAt).toISOString();
  return {
    id: digestId('revenuecat:customer', [customer, evidence]),
    refs: [],
    occurredAt,
    customer,
    evidence,
    type: 'customer',
  };
}

interface Order {
  /** The reference by which RevenueCat knows the transaction. */
  ref: string;
  refs: string[];
  /** Stripe tells of this payment under an id that RevenueCat does not know. */
  byStripe: boolean;
  subscription: string | null;
}

/**
 * `STORE:transaction_id`; of the store STRIPE, where it names the subscription's item, with the number of the renewal.
 * Where it is an id of a Stripe payment, the two reports meet in it.
 */
function readOrder(purchase: Purchase, context: RevenueCatContext): Order {
  const { transaction_id: transaction, renewal_number: renewal, original_transaction_id: original } = purchase;
  const prefix = context.orderScope === null ? 'rc' : `rc:${context.orderScope}`;
  const store = purchase.store ?? 'UNKNOWN_STORE';
  if (transaction === null && purchase.id === null)
    throw new UnreadableMessage('neither transaction_id nor id is given');
  const numbered = store === 'STRIPE' && renewal !== null ? `:${renewal}` : '';
  const ref = transaction === null ? `${prefix}:event:${purchase.id}` : `${prefix}:${store}:${transaction}${numbered}`;
  const billed = isBilledByStripe(purchase);
  const shared = billed && transaction !== null ? orderRefs(transaction, null).filter(isStripeRef) : [];
  const stripeSubscription = billed ? [transaction, original].find((id) => id?.startsWith('sub_')) : undefined;
  return {
    ref,
    refs: [ref, ...shared],
    byStripe: context.stripeReports && billed && shared.length === 0,
    subscription: stripeSubscription
      ? `stripe:${stripeSubscription}`
      : original === null
        ? null
        : `${prefix}:subscription:${store}:${original}`,
  };
}

function describeSubscriber(purchase: Purchase, context: RevenueCatContext): Pick<Fact, 'customer' | 'evidence'> {
  return {
    customer: toSubscriber(subscriberIds(purchase), readEmail(purchase), context.orderScope),
    evidence: toEvidence(purchase, context.campaignAsCoupon),
  };
}

/**
 * The first money of a subscription is its sale, whatever RevenueCat calls it: after a period that was free by an offer code,
 * or a trial whose conversion was lost, it comes as a renewal. Only of an unknown subscription its word has to do.
 */
function readPhase(type: string, subscription: string | null) {
  if (type === 'NON_RENEWING_PURCHASE') return 'one_off';
  if (subscription !== null) return 'subscription';
  return type === 'RENEWAL' ? 'recurring' : 'one_off';
}

export function isBilledByStripe({ store }: { store: string | null }): boolean {
  return store === 'STRIPE' || store === 'RC_BILLING';
}

function isStripeRef(ref: string): boolean {
  return ref.startsWith('stripe:');
}

function isTest(event: Envelope): boolean {
  const environment = event.environment ?? event.purchase_environment;
  return environment?.toUpperCase() === 'SANDBOX' || event.type === 'TEST' || event.store === 'TEST_STORE';
}

function toInstant(time: number | null, context: RevenueCatContext): string {
  if (time === null) return context.receivedAt.toISOString();
  const date = new Date(time);
  if (isTooFarAhead(date, context.receivedAt) || Number.isNaN(date.getTime())) {
    throw new UnreadableMessage(`the time ${time} is more than a year ahead`);
  }
  return date.toISOString();
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UnreadableMessage(`${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'not readable'}`);
}
