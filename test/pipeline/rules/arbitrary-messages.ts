import * as fc from 'fast-check';
import { AppError } from '../../../src/domain/errors.ts';
import type { Evidence, Fact, Normalized } from '../../../src/domain/facts.ts';
import { normalizeConversion } from '../../../src/inbound/conversion/normalize.ts';
import { normalizePostback } from '../../../src/inbound/postback/normalize.ts';
import { compileSettings } from '../../../src/inbound/postback/settings.ts';
import { normalizeStripe } from '../../../src/inbound/stripe/normalize.ts';
import { postbackSettingsSchema } from '../../../src/program/sources.ts';

/**
 * Messages in the words of their senders, read by the hub's own normalizers: what one message says in several facts, and
 * what only a sender's shape says (what a credit note carries of refunds, what a capture released, a tracker's net).
 */

/** What Stripe says of money that goes back, of the orders `pi_N` and `in_N`; no two messages disagree about one object. */
export function arbitraryStripeReversal(orders: number, times: string[]): fc.Arbitrary<Fact[]> {
  const at = (index: number): number => Math.floor(Date.parse(times[index % times.length] ?? '') / 1000);
  return fc
    .record({
      event: fc.constantFrom(...reversalEvents),
      order: fc.integer({ min: 1, max: orders }),
      number: fc.integer({ min: 1, max: 3 }),
      said: fc.nat({ max: times.length - 1 }),
      variant: fc.nat({ max: 3 }),
    })
    .map(({ event, order, number, said, variant }) => {
      const created = at(number);
      const object = event.startsWith('credit_note.')
        ? creditNote(event, order, number, created, variant)
        : event === 'charge.refunded'
          ? refundedCharge(order, number, created, variant)
          : refund(order, number, created, statuses[variant] ?? 'succeeded');
      return factsOf(
        normalizeStripe({ object: 'event', type: event, created: at(said), livemode: true, data: { object } }),
      );
    })
    .filter((facts) => facts.length > 0);
}

const reversalEvents = [
  'credit_note.created',
  'credit_note.updated',
  'credit_note.voided',
  'refund.created',
  'refund.failed',
  'charge.refunded',
] as const;
const statuses = ['succeeded', 'pending', 'failed', 'canceled'];

/** Of both shapes, partly before payment, with and without refunds; a refund that is attached later lowers what is left. */
function creditNote(event: string, order: number, number: number, created: number, variant: number): object {
  const attached = variant > 0 && event !== 'credit_note.created';
  const common = {
    id: `cn_${order}_${number}`,
    object: 'credit_note',
    amount: 1_000 * number,
    currency: number === 3 ? 'eur' : 'usd',
    created,
    invoice: `in_${order}`,
    status: event === 'credit_note.voided' ? 'void' : 'issued',
  };
  if (number === 2) {
    return { ...common, type: 'post_payment', refund: attached ? `re_${order}_1` : null, out_of_band_amount: 700 };
  }
  const refunds = attached ? [{ refund: `re_${order}_1`, amount_refunded: 300 * variant }] : [];
  return { ...common, post_payment_amount: 900 * number, pre_payment_amount: 100 * number, refunds };
}

function refund(order: number, number: number, created: number, status: string): object {
  return {
    id: `re_${order}_${number}`,
    object: 'refund',
    amount: 333 * number,
    currency: 'usd',
    created,
    charge: `ch_${order}`,
    payment_intent: `pi_${order}`,
    status,
  };
}

/** A cumulative figure: of a whole capture, or of a part whose rest was released, with the release listed or not. */
function refundedCharge(order: number, number: number, created: number, variant: number): object {
  const partial = variant > 1;
  return {
    id: `ch_${order}`,
    object: 'charge',
    amount: 10_000,
    amount_captured: partial ? 7_000 : 10_000,
    captured: true,
    amount_refunded: (partial ? 3_000 : 0) + 333 * number,
    refunded: false,
    currency: 'usd',
    payment_intent: `pi_${order}`,
    refunds: { data: variant % 2 === 1 ? [refund(order, number, created, 'succeeded')] : [], has_more: true },
  };
}

/** The names that generated calls may use. */
interface CallNames {
  orders: number;
  times: string[];
  evidence: Evidence[];
}

const keyed = compileSettings(postbackSettingsSchema.parse({}));
const keyless = compileSettings(postbackSettingsSchema.parse({ requireKey: false }));

/**
 * What backends and trackers say of the orders `order:N`: renewals, subscriptions, tax and shipping, statuses. Every other
 * order is told by a source without a key, whose messages all come at one time.
 */
export function arbitraryCall({ orders, times, evidence }: CallNames): fc.Arbitrary<Fact[]> {
  const receivedAt = new Date(times.at(-1) ?? '');
  return fc
    .record(
      {
        by: fc.constantFrom('postback', 'postback', 'json'),
        order: fc.integer({ min: 1, max: orders }),
        said: fc.constantFrom(...evidence),
        status: fc.constantFrom(null, 'lead', 'hold', 'sale', 'sale', 'rejected', 'strange'),
        amount: fc.constantFrom('49.00', '49', '100', '12.34', '0', null),
        currency: fc.constantFrom(null, 'USD', 'USD', 'JPY'),
        tax: fc.constantFrom(null, null, '9', '1.5'),
        shipping: fc.constantFrom(null, null, '2'),
        is_recurring: fc.constantFrom(null, null, 'true', 'false'),
        subscription_id: fc.constantFrom(null, 'sub_1', 'plan'),
        user_id: fc.constantFrom(null, 'u1', 'cus_1'),
        goal: fc.constantFrom('purchase', 'purchase', 'signup'),
        occurred_at: fc.constantFrom(...times),
      },
      { noNullPrototype: true },
    )
    .map(({ by, order, said, ...fields }) => {
      const { affiliate, clickId, referralCode, couponCode, offer } = said;
      const given = {
        order_id: String(order),
        ...fields,
        affiliate_id: affiliate,
        click_id: clickId,
        referral_code: referralCode,
        coupon_code: couponCode,
        offer_id: offer,
      };
      const pairs = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
      const context = { livemode: true, receivedAt };
      return readCall(() =>
        by === 'json'
          ? normalizeConversion(Object.fromEntries(pairs), context)
          : order % 2 === 0
            ? normalizePostback(pairs, keyless, { ...context, orderScope: 'src_@_3', keyless: 'src_@_3' })
            : normalizePostback(pairs, keyed, { ...context, orderScope: null, keyless: null }),
      );
    })
    .filter((facts) => facts.length > 0);
}

/** Nothing where the call would be refused. */
function readCall(read: () => Normalized): Fact[] {
  try {
    return factsOf(read());
  } catch (error) {
    if (error instanceof AppError && error.code === 'VALIDATION_ERROR') return [];
    throw error;
  }
}

function factsOf(normalized: Normalized): Fact[] {
  return normalized.kind === 'facts' ? normalized.facts : [];
}
