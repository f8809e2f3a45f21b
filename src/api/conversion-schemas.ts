import { z } from 'zod';
import { fieldSpellings, type ConversionField } from '../inbound/fields/names.ts';
import { amountMinor, livemode, timestamp } from '../http/fields.ts';
import { rendersAs } from '../http/json-schema.ts';
import { one } from './pagination.ts';

export const conversionKinds = ['sale', 'renewal', 'lead', 'action'] as const;
export const conversionStatuses = [
  'pending',
  'approved',
  'paid',
  'rejected',
  'reversed',
  'parked',
  'not_tracked',
  'merged',
] as const;

export const shownConversion = {
  id: z.string(),
  kind: z.enum(conversionKinds).nullable(),
  status: z.enum(conversionStatuses),
  reason: z.string().nullable(),
  amountMinor: amountMinor.meta({ description: 'Net: what commission is computed from, before refunds' }),
  grossMinor: amountMinor,
  refundedMinor: amountMinor,
  currency: z.string().nullable(),
  livemode,
  affiliateId: z.string().nullable(),
  offerId: z.string().nullable(),
  customerId: z.string().nullable(),
  clickId: z.string().nullable(),
  orderId: z.string().nullable(),
  goal: z.string().nullable(),
  commission: z
    .strictObject({ id: z.string(), amountMinor, currency: z.string().nullable(), status: z.enum(conversionStatuses) })
    .nullable(),
  occurredAt: timestamp.nullable(),
  createdAt: timestamp,
};
export const conversionSchema = z.strictObject(shownConversion).meta({ id: 'Conversion' });

const commission = z.strictObject({ amountMinor, currency: z.string().nullable(), status: z.string() }).nullable();

const tracked = z
  .strictObject({
    tracked: z.literal(true),
    conversionId: z.string().nullable().meta({ description: 'Null in a dry run that would make it' }),
    status: z.string().nullable(),
    kind: z.string().nullable(),
    livemode,
    commission,
  })
  .meta({ id: 'ConversionTracked' });
const untracked = z
  .strictObject({
    tracked: z.literal(false),
    reason: z.string(),
    message: z.string(),
    conversionId: z.string().nullable().optional().meta({ description: 'Null in a dry run that would make it' }),
  })
  .meta({ id: 'ConversionNotTracked' });
const later = z
  .strictObject({
    tracked: z.null(),
    status: z.enum(['processing', 'failed']),
    inboxEventId: z.string(),
    location: z.string().meta({ description: 'Where the outcome will be found' }),
  })
  .meta({ id: 'ConversionProcessing' });

export const trackedAnswers = { recorded: one(tracked), other: one(z.union([tracked, untracked])), later: one(later) };

const meanings: Partial<Record<ConversionField, string>> = {
  clickId: 'Click id; words that stand for nothing (null, undefined, 0, N/A, …) are refused',
  amount: 'Amount in major units, decimal, without grouping',
  amountMinor: 'Amount in minor units, an integer',
  orderId: 'Your order id; a repeat of it adds nothing. Words that stand for nothing are refused',
  customerId: 'Your id of the customer; words that stand for nothing (guest, null, 0, …) are nobody',
  customerEmail: 'E-mail of the customer',
  goal: 'What happened; default purchase',
  affiliateId: 'The affiliate, by id or referral code',
  referralCode: 'The affiliate, by referral code; an order with an unknown one is kept and credited to nobody yet',
  couponCode: 'The affiliate, by coupon code',
  currency: "ISO 4217; the offer's when absent",
  isRenewal: 'Whether it renews a subscription (true or false, 1 or 0, yes or no); a renewal needs an amount',
  subscriptionId: 'Your id of the subscription: its first payment is the sale, the others are renewals',
  tax: 'Part of the amount, in major units; commission is computed without it',
  shipping: 'As tax',
  productId: 'Kept with the conversion',
  status: 'lead, hold, sale or rejected: what a tracker says of the order',
  offerId: 'The offer, by id or code',
  occurredAt: 'ISO 8601 with an offset, or Unix time; now when absent',
  metadata: 'Kept with the conversion; at most 50 keys, 5 levels, 16 KiB',
};

const otherTypes: Partial<Record<ConversionField, string[]>> = { isRenewal: ['boolean', 'string', 'number'] };

const examples: Record<string, object[]> = {
  ConversionInput: [
    {
      click_id: 'clk_…',
      amount: '119.00',
      currency: 'USD',
      order_id: 'A-1',
      customer_id: 'user-7',
      tax: '19.00',
      shipping: '4.90',
      product_id: 'pro-yearly',
    },
    {
      amount: '49.00',
      currency: 'USD',
      order_id: 'A-2',
      customer_id: 'user-7',
      is_recurring: true,
      subscription_id: 'S-1',
      metadata: { plan: 'pro' },
    },
  ],
};

/** Only describes: the fields have many spellings, senders add their own, and the normalizer reads them. */
export const conversionBody = describeFreely('ConversionInput', [
  'clickId',
  'amount',
  'amountMinor',
  'orderId',
  'customerId',
  'customerEmail',
  'goal',
  'affiliateId',
  'referralCode',
  'couponCode',
  'currency',
  'isRenewal',
  'subscriptionId',
  'tax',
  'shipping',
  'status',
  'offerId',
  'productId',
  'occurredAt',
  'sub1',
  'sub2',
  'sub3',
  'sub4',
  'sub5',
  'metadata',
]);

/** A secondary funnel event; see `conversionBody`. */
export const eventBody = describeFreely('EventInput', [
  'goal',
  'clickId',
  'customerId',
  'customerEmail',
  'url',
  'occurredAt',
  'metadata',
]);

function describeFreely(id: string, fields: readonly ConversionField[]) {
  const properties = fields.map((field) => {
    const [first = field, ...others] = fieldSpellings[field];
    const also = others.length > 0 ? `Also: ${others.join(', ')}` : '';
    const description = [meanings[field], also].filter(Boolean).join('. ');
    const type = field === 'metadata' ? 'object' : (otherTypes[field] ?? ['string', 'number']);
    return [id === 'EventInput' && field === 'goal' ? 'event_type' : first, { type, description }] as const;
  });
  return z.record(z.string(), z.unknown()).meta({
    id,
    ...rendersAs({
      properties: Object.fromEntries(properties),
      propertyNames: undefined,
      additionalProperties: true,
      ...(examples[id] ? { examples: examples[id] } : {}),
    }),
  });
}
