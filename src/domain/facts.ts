import { z } from 'zod';

/**
 * A fact is what one inbound message says about an order (or about a customer). It is the canonical form that every
 * source is normalized to, the unit of deduplication, and the only thing that the ledger is computed from.
 *
 * Facts are plain JSON: they are stored as they are, and read back through these schemas.
 */

/** Amount in minor units. JSON integers are exact up to 2^53; money.ts bounds amounts far below that. */
const minor = z.int();

/**
 * The money of a fact. `currency` null means that the sender named none: the offer's counts. Only then may the amount
 * still be the sender's decimal text in major units (`major`), since its exponent is not known before the offer is.
 */
export const amountSchema = z.union([
  z.strictObject({ minor, currency: z.string().nullable() }),
  z.strictObject({ major: z.string(), currency: z.null() }),
]);
export type FactAmount = z.infer<typeof amountSchema>;

/** What a fact offers as proof of who referred it. pipeline/rules/attribution.ts has the order in which evidence counts. */
export const evidenceSchema = z.strictObject({
  /** An affiliate named by an authenticated caller or in signed metadata: an affiliate id or a referral code. */
  affiliate: z.string().optional(),
  clickId: z.string().optional(),
  /**
   * A value that a visitor's browser may have set (Stripe's client_reference_id): a click id in it is a click like any
   * other, an affiliate id is the weakest evidence of all, anything else names nobody.
   */
  reference: z.string().optional(),
  referralCode: z.string().optional(),
  couponCode: z.string().optional(),
  /** Discounts as the provider names them: ids of promotion codes and coupons, and their words where they are spelled out. */
  discounts: z.array(z.string()).optional(),
  /** The offer, by id or code, where the sender names one. */
  offer: z.string().optional(),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/**
 * The customer as this message knows them. `refs` are scoped by their maker: `stripe:cus_1`, `stripe:acct_9:cus_1`,
 * `rc:SOURCE_ACCOUNT:user_7`, `id:user_7` (the caller's own id). The e-mail identifies only where there are no refs; of a
 * message without a key it is such a ref, as the source's own (domain/keyless.ts).
 */
const customerSchema = z.strictObject({ refs: z.array(z.string()), email: z.string().nullable() });
export type FactCustomer = z.infer<typeof customerSchema>;

/**
 * The number of the reading by which messages become facts: raised when a normalizer reads differently what it read before.
 * A message of an older reading stands as it was read until somebody replays it.
 */
export const READING = 5;

/** What a surface wants to show again (a source's name, products, metadata). No rule reads it. */
const noteSchema = z.record(z.string(), z.unknown());
export type FactNote = z.infer<typeof noteSchema>;

const common = {
  /** Unique within a program and livemode: a repeated message makes the same id and so adds nothing. */
  id: z.string(),
  /** Every reference by which this message knows the order; messages that share one are about the same order. */
  refs: z.array(z.string()),
  /** When it happened, by the source's own clock: ISO 8601 UTC with milliseconds. */
  occurredAt: z.iso.datetime(),
  /**
   * When the order began, as far as this message tells: its checkout session, payment intent or invoice was made. Absent: no
   * earlier than it happened. Clicks are judged by it, since whoever pays late (a bank debit, net 30) ordered long before.
   */
  beganAt: z.iso.datetime().optional(),
  /**
   * When a message was received that came without any key: such a sender may say any time, so its sale is held, capped,
   * ranked and compared with bans by this; the time that it says counts for the window of its click alone.
   */
  receivedAt: z.iso.datetime().optional(),
  customer: customerSchema.nullable(),
  evidence: evidenceSchema,
  note: noteSchema.optional(),
};

/**
 * Which document states the amount. When several facts state the amount of one sale the most authoritative wins,
 * whatever the order of arrival: invoice, checkout, payment (Stripe), store (RevenueCat), api, postback.
 */
const documentSchema = z.enum(['invoice', 'checkout', 'payment', 'store', 'api', 'postback']);
export type SaleDocument = z.infer<typeof documentSchema>;

/**
 * one_off: a purchase by itself. subscription: a payment of a subscription, of which the first that is not zero is the
 * sale and the others are renewals. recurring: a payment that the source itself calls a renewal.
 */
const phaseSchema = z.enum(['one_off', 'subscription', 'recurring']);

/** What may be undone and done again: of several states of one refund or dispute the one that was stated last counts. */
const stated = {
  /** When the source said so, which may be later than `occurredAt`. Absent: then. */
  statedAt: z.iso.datetime().optional(),
};

export const factSchema = z.discriminatedUnion('type', [
  /** Money was paid. Commission is computed on `net` (of tax and discounts, where the source says so). */
  z.strictObject({
    ...common,
    type: z.literal('sale'),
    document: documentSchema,
    gross: amountSchema,
    net: amountSchema,
    phase: phaseSchema,
    /** Reference of the subscription (`stripe:sub_1`, `rc:…`), where the payment belongs to one. */
    subscription: z.string().nullable(),
    goal: z.string(),
    /** Paid out of band, or without an invoice as the payment itself says: no other document may be paired with it. */
    standsAlone: z.literal(true).optional(),
  }),
  /** Something short of money: a trial, an unpaid checkout, a signup event. Pays nothing. */
  z.strictObject({
    ...common,
    type: z.literal('lead'),
    subscription: z.string().nullable(),
    goal: z.string(),
    /**
     * A visitor's browser said so, without any key: the weakest evidence of all, and nothing else of it is believed. The
     * e-mail is the visitor's word, and counts against this lead alone (a self-referral).
     */
    anonymous: z.strictObject({ email: z.string().nullable() }).optional(),
  }),
  /** A payable action without an amount (a CPA conversion by API or postback). */
  z.strictObject({ ...common, type: z.literal('action'), goal: z.string() }),
  /** The status that a tracker gives an order. `unknown`: a word that the source does not map; it is recorded and pays nothing. */
  z.strictObject({
    ...common,
    type: z.literal('tracker'),
    state: z.enum(['unknown', 'lead', 'hold', 'sale', 'rejected']),
    word: z.string(),
    amount: amountSchema.nullable(),
    goal: z.string(),
    /** Without tax and shipping; absent, and null: the amount. */
    net: amountSchema.nullable().optional(),
    /** As of a sale; absent: a purchase by itself. */
    phase: phaseSchema.optional(),
    subscription: z.string().nullable().optional(),
  }),
  /** Joins references, brings a customer or evidence; says nothing about money (charge.succeeded, invoice_payment.paid). */
  z.strictObject({ ...common, type: z.literal('link') }),
  /**
   * A refund with an id of its own. `amount` null takes all that remains (a store's full refund without a price).
   * `paymentRef` is the payment that it is of, where the sender says so: an order may have several.
   */
  z.strictObject({
    ...common,
    type: z.literal('refund'),
    refundId: z.string(),
    amount: amountSchema.nullable(),
    paymentRef: z.string().optional(),
    ...stated,
  }),
  /** The refund did not go through (failed, cancelled) or was reversed: the merchant has the money again. */
  z.strictObject({ ...common, type: z.literal('refund_failed'), refundId: z.string(), ...stated }),
  /** How much of one payment has been refunded in all. An order may have several payments; `paymentRef` says which it is. */
  z.strictObject({ ...common, type: z.literal('refund_total'), paymentRef: z.string(), amount: amountSchema }),
  /** Money that a dispute took out, until it is won. `lost` is the last word of the provider about a dispute that it had called won. */
  z.strictObject({
    ...common,
    type: z.literal('dispute'),
    disputeId: z.string(),
    amount: amountSchema,
    lost: z.literal(true).optional(),
    ...stated,
  }),
  z.strictObject({ ...common, type: z.literal('dispute_won'), disputeId: z.string(), ...stated }),
  /** About a customer, not an order: binds them to an affiliate by `evidence`, or joins their `customer.refs`. `refs` is empty. */
  z.strictObject({ ...common, type: z.literal('customer') }),
  /** A secondary funnel event (pageview, registration) of a click or customer. `refs` is empty: no order, no money. */
  z.strictObject({ ...common, type: z.literal('funnel'), eventType: z.string(), url: z.string().nullable() }),
  /**
   * Another system settled this order and pays whoever earned by it: here it is known and earns nothing. A sale of the same
   * order states the amount, where that is known.
   */
  z.strictObject({ ...common, type: z.literal('imported'), subscription: z.string().nullable(), goal: z.string() }),
  /** What a person decided about the commission. */
  z.strictObject({
    ...common,
    type: z.literal('decision'),
    status: z.enum(['approved', 'rejected']),
    reason: z.string().nullable(),
    /** The API key or the name of the rule that decided. */
    by: z.string(),
    /** The grounds of the review that it settles: those that were open when it was made. */
    settles: z.array(z.string()).optional(),
  }),
  /** Whom a person assigned the order to, where a review asked whose it is or nobody did: stronger than all evidence. */
  z.strictObject({
    ...common,
    type: z.literal('assignment'),
    affiliateId: z.string(),
    /** The offer that the order stood on then, for an affiliate whom no evidence names. */
    offerId: z.string().optional(),
    reason: z.string().optional(),
    by: z.string(),
    settles: z.array(z.string()),
  }),
  /** What a person says the order's amount is, whatever its documents state: the newest word counts. */
  z.strictObject({
    ...common,
    type: z.literal('correction'),
    gross: amountSchema,
    /** Null: the same share of the gross as before. */
    net: amountSchema.nullable(),
    reason: z.string(),
    by: z.string(),
  }),
  /**
   * Whom a person bound a customer to, by `evidence`, for what they buy from `since` on: of several the newest decision that has
   * begun by then counts. About a customer, so `refs` is empty.
   */
  z.strictObject({
    ...common,
    type: z.literal('binding'),
    since: z.iso.datetime(),
    reason: z.string(),
    by: z.string(),
  }),
  /** A bonus, or what a person takes back: an order of its own, with nothing in it but this. Never 0. */
  z.strictObject({
    ...common,
    type: z.literal('adjustment'),
    affiliateId: z.string(),
    amount: z.strictObject({ minor, currency: z.string() }),
    reason: z.string(),
    /** The caller's own id of it. */
    reference: z.string().nullable(),
    by: z.string(),
  }),
]);
export type Fact = z.infer<typeof factSchema>;
export type FactType = Fact['type'];
export type FactOf<T extends FactType> = Extract<Fact, { type: T }>;

export type AnonymousLead = FactOf<'lead'> & { anonymous: NonNullable<FactOf<'lead'>['anonymous']> };

/** Whether a fact is no more than a visitor's word. */
export function isAnonymous(fact: Fact): fact is AnonymousLead {
  return fact.type === 'lead' && fact.anonymous !== undefined;
}

/**
 * What a source's pure normalizer makes of one authentic message. `ignored`: nothing in it concerns us, and the reason says
 * why. `unprocessable`: it concerns us but cannot be read; it is kept for replay.
 */
export type Normalized =
  | { kind: 'facts'; livemode: boolean; facts: Fact[] }
  | { kind: 'ignored'; livemode: boolean; reason: string }
  | { kind: 'unprocessable'; livemode: boolean; error: string };
