import { z } from 'zod';
import { fieldSpellings, foldName, type ConversionField } from '../inbound/fields/names.ts';
import { conversionReasons, messageReasons } from '../domain/outcomes.ts';
import { amountMinor, livemode, timestamp, word, wordOrText } from '../http/fields.ts';
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

/** Of a rejected one: what whoever rejected it wrote. */
export const conversionReason = wordOrText(conversionReasons).meta({
  description: 'Why it pays nothing, where it does not; of a rejected one the words of whoever rejected it',
});
export const messageReason = wordOrText(messageReasons);

export const shownConversion = {
  id: z.string(),
  kind: z.enum(conversionKinds).nullable(),
  status: z.enum(conversionStatuses),
  reason: conversionReason.nullable(),
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
export type ConversionView = z.output<typeof conversionSchema>;

const commission = z
  .strictObject({ amountMinor, currency: z.string().nullable(), status: word(conversionStatuses) })
  .nullable();

const tracked = z
  .strictObject({
    tracked: z.literal(true),
    conversionId: z.string().nullable().meta({ description: 'Null in a dry run that would make it' }),
    status: word(conversionStatuses).nullable(),
    kind: word(conversionKinds).nullable(),
    livemode,
    commission,
  })
  .meta({ id: 'ConversionTracked' });
const untracked = z
  .strictObject({
    tracked: z.literal(false),
    reason: messageReason,
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
  sub1: "What the affiliate's link said; where there is no click",
  url: 'The page where it happened',
  metadata: 'Kept with the conversion; at most 50 keys, 5 levels, 16 KiB',
};

const otherTypes: Partial<Record<ConversionField, string[]>> = { isRenewal: ['boolean', 'string', 'number'] };

/** What a field is called in the document, where its own name is no spelling of it. */
const documentedNames: Partial<Record<ConversionField, string>> = { isRenewal: 'isRecurring' };

const examples: Record<string, object[]> = {
  ConversionInput: [
    {
      clickId: 'clk_…',
      amount: '119.00',
      currency: 'USD',
      orderId: 'A-1',
      customerId: 'user-7',
      tax: '19.00',
      shipping: '4.90',
      productId: 'pro-yearly',
    },
    {
      amount: '49.00',
      currency: 'USD',
      orderId: 'A-2',
      customerId: 'user-7',
      isRecurring: true,
      subscriptionId: 'S-1',
      metadata: { plan: 'pro' },
    },
  ],
  EventInput: [{ eventType: 'registration', clickId: 'clk_…', customerId: 'user-7' }],
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
    const name = id === 'EventInput' && field === 'goal' ? 'eventType' : (documentedNames[field] ?? field);
    const type = field === 'metadata' ? 'object' : (otherTypes[field] ?? ['string', 'number']);
    return [name, { type, description: meanings[field] ?? 'Kept with the conversion' }] as const;
  });
  return z.record(z.string(), z.unknown()).meta({
    id,
    description: `Other spellings, in any case and with \`_\` or \`-\` anywhere:\n\n${aliasTable(properties, fields)}`,
    ...rendersAs({
      properties: Object.fromEntries(properties),
      propertyNames: undefined,
      additionalProperties: true,
      examples: examples[id],
    }),
  });
}

/** The spellings of each field, in Markdown. */
function aliasTable(
  properties: readonly (readonly [name: string, ...unknown[]])[],
  fields: readonly ConversionField[],
) {
  const rows = fields.map((field, index) => {
    const [name = ''] = properties[index] ?? [];
    const others = fieldSpellings[field].filter((spelling) => foldName(spelling) !== foldName(name));
    return others.length === 0 ? [] : [`| \`${name}\` | ${others.map((other) => `\`${other}\``).join(', ')} |`];
  });
  return ['| field | also |', '|---|---|', ...rows.flat()].join('\n');
}
