import { z } from 'zod';
import { conversionReasons } from '../../domain/outcomes.ts';
import { commissionOverrideSchema } from '../../domain/terms.ts';
import { wordOrText } from '../../http/fields.ts';

/**
 * The shapes of `data` in messages: the same objects, with the same field names, as the API answers. The schemas filter
 * nothing. They document: /event-types, the docs pages and the samples are made from them, and tests check by them.
 */

const id = (prefix: string, noun: string) => z.string().describe(`Id of the ${noun}, \`${prefix}_…\``);
const time = (what: string) => z.iso.datetime().describe(`${what}; ISO 8601 UTC with milliseconds`);
const minor = (what: string) => z.int().describe(`${what}, in minor units of the currency`);
const currency = z.string().describe('ISO 4217 code');

const conversionStatus = z
  .enum(['pending', 'approved', 'paid', 'rejected', 'reversed', 'parked', 'not_tracked', 'merged'])
  .describe('The status of its commission, else `parked` (nobody to pay), `not_tracked` or `merged`');

export const conversionDataSchema = z.object({
  id: id('cnv', 'conversion'),
  kind: z.enum(['sale', 'renewal', 'lead', 'action']).nullable().describe('null only where it was merged into another'),
  status: conversionStatus,
  reason: wordOrText(conversionReasons).nullable().describe('Why it pays nothing, where it does not'),
  amountMinor: minor('The net amount that the commission is computed from, before refunds'),
  grossMinor: minor('What the customer paid'),
  refundedMinor: minor('What went back to the customer'),
  currency: currency.nullable(),
  livemode: z.boolean().describe('false for tests, which are never paid'),
  affiliateId: id('aff', 'affiliate').nullable(),
  offerId: id('off', 'offer').nullable(),
  customerId: id('cus', 'customer').nullable(),
  clickId: z.string().nullable().describe('The click that it is attributed to'),
  orderId: z.string().nullable().describe("The sender's own order id"),
  goal: z.string().nullable(),
  commission: z
    .object({
      id: id('com', 'commission'),
      amountMinor: minor('What the affiliate earns'),
      currency: currency.nullable(),
      status: conversionStatus,
    })
    .nullable()
    .describe('null where no affiliate earns'),
  occurredAt: time('When it happened, by the source').nullable(),
  createdAt: time('When the hub first heard of it'),
});

export const commissionDataSchema = z.object({
  id: id('com', 'commission'),
  conversionId: id('cnv', 'conversion'),
  affiliateId: id('aff', 'affiliate').nullable(),
  amountMinor: minor('The sum of its ledger entries'),
  currency: currency.nullable(),
  status: z
    .enum(['pending', 'approved', 'paid', 'rejected', 'reversed', 'parked', 'not_tracked', 'merged'])
    .describe('The last three: it earns nothing any more'),
  reason: wordOrText(conversionReasons).nullable(),
  review: z
    .object({ reasons: z.array(z.string()), since: time('When it was opened') })
    .nullable()
    .describe('While it lasts nobody is paid before a person decided; null: none'),
  livemode: z.boolean(),
  createdAt: time('When it was recorded'),
  paidAt: time('When it was paid out').nullable(),
});

export const affiliateDataSchema = z.object({
  id: id('aff', 'affiliate'),
  livemode: z.boolean().describe('false: a test key made it, and it earns nothing live'),
  displayName: z.string(),
  email: z.string(),
  type: z.enum(['external', 'internal']),
  companyName: z.string().nullable(),
  website: z.string().nullable(),
  paymentEmail: z.string().nullable(),
  paymentMethod: z.string().nullable(),
  paymentDetails: z.string().nullable(),
  referralCode: z.string(),
  trackingUrl: z.string().describe("The affiliate's own link, which leads to the default offer"),
  couponCodes: z.array(z.string()),
  status: z.enum(['pending', 'active', 'paused', 'banned']),
  commissionOverride: commissionOverrideSchema.nullable().describe("Own terms, which beat the offer's"),
  postbackUrl: z.string().nullable().describe("Template of the affiliate's own tracker URL"),
  customFields: z.record(z.string(), z.unknown()),
  activatedAt: time('When it first became active').nullable(),
  createdAt: time('When it joined'),
  updatedAt: time('When it last changed'),
});

export const payoutDataSchema = z.object({
  id: id('pay', 'payout'),
  affiliateId: id('aff', 'affiliate'),
  amountMinor: minor('What is paid'),
  currency,
  status: z.enum(['pending', 'paid', 'failed']),
  batchId: id('pab', 'batch').nullable().describe('null: it was made alone'),
  reference: z.string().nullable().describe('By which the payment is known where it was made'),
  note: z.string().nullable(),
  createdAt: time('When it was made'),
  paidAt: time('When it was paid').nullable(),
  failedAt: time('When it failed').nullable(),
});

export const adjustmentDataSchema = z.object({
  id: id('adj', 'adjustment'),
  affiliateId: id('aff', 'affiliate'),
  amountMinor: minor('What is added to the balance; negative: taken from it'),
  currency,
  status: z.enum(['approved', 'paid']).describe('`paid`: in a payout that was paid'),
  reason: z.string(),
  reference: z.string().nullable().describe("The caller's own id of it"),
  createdBy: z.string().describe('The API key, or `command` for the command line'),
  payoutId: z.string().nullable().describe('The payout that it is in, unless that failed'),
  livemode: z.boolean(),
  occurredAt: time('When it is of'),
  createdAt: time('When it was recorded'),
});

export const endpointDisabledDataSchema = z.object({
  id: id('whe', 'endpoint'),
  livemode: z.boolean().describe('false: a test key made it, and it gets test messages only'),
  kind: z.enum(['webhook', 'rest_hook', 'postback']),
  url: z.string(),
  eventTypes: z.array(z.string()).describe('Empty: all'),
  description: z.string().nullable(),
  rateLimitPerSecond: z.int().nullable(),
  disabled: z.literal(true),
  disabledReason: z.enum(['gone', 'failing']),
  reason: z.enum(['gone', 'failing']).describe('`gone`: it answered 410; `failing`: five days of only failures'),
  failingSince: time('The first failure after the last success').nullable(),
  createdAt: time('When it was created'),
  updatedAt: time('When it last changed'),
});

export const messageExhaustedDataSchema = z.object({
  messageId: id('evt', 'message'),
  endpointId: id('whe', 'endpoint'),
  attempts: z.int().describe('How often it was tried'),
  lastError: z.string().nullable().describe('What came of the last attempt'),
});
