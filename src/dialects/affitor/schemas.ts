import { z } from 'zod';
import { isCurrency } from '../../domain/currency.ts';
import { emailPattern } from '../../domain/email.ts';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { isIdMacro } from '../../domain/unreplaced-macros.ts';

/**
 * The bodies of Affitor's tracking API, as its endpoint pages have them (https://docs.affitor.com/api-reference, read
 * 2026-11). The same schemas make `/affitor/openapi.json`. Messages that are sentences are the pages' own.
 */

const words = (description: string) => z.string().nullish().meta({ description });
const key = (description: string) => z.string().trim().max(255).nullish().meta({ description });

const additionalData = z
  .looseObject({
    test_mode: z
      .boolean()
      .nullish()
      .meta({ description: 'Makes a test record that never counts, with a live key, too' }),
    program_id: z
      .union([z.string(), z.int()])
      .nullish()
      .meta({ description: 'The program of a test record that comes without an API key: its id or number' }),
    event_name: words('A label of the event'),
  })
  .nullish()
  .meta({ description: 'Extension object' });

/** Read first: whether the rest is a test record, which needs less. */
export const trackingBody = z.looseObject({ additional_data: additionalData });

const programId = z
  .union([z.string(), z.int()])
  .nullish()
  .meta({ description: 'Whose referral code it is, where several programs of the hub have the same' });

const URL_REQUIRED = 'affiliate_url is required';
const clickFields = {
  page_url: words('Where the click happened'),
  page_title: words('document.title'),
  referrer_url: words('document.referrer'),
  session_id: words("The browser's session"),
  user_agent: words('The User-Agent header when absent'),
  screen_resolution: words('1920x1080'),
  viewport_size: words('1280x800'),
  language: words('en-US'),
  timezone: words('America/New_York'),
  existing_click_id: key('Of the same partner and within its window it is answered again instead of a new one'),
  program_id: programId,
  additional_data: additionalData,
};
export const clickBody = z
  .object({
    affiliate_url: z.string(URL_REQUIRED).trim().min(1, URL_REQUIRED).meta({
      description: 'The whole landing URL with ?aff=CODE',
      example: 'https://yoursite.com/pricing?aff=PARTNER123',
    }),
    ...clickFields,
  })
  .meta({ id: 'ClickRequest' });
export const testClickBody = z.object({ affiliate_url: words('The landing URL'), ...clickFields });

export const leadBody = z
  .object({
    click_id: key('The value of the cookie affitor_click_id; it proves the attribution where there is no API key'),
    customer_key: key('Your own id of the customer: the key of all their sales'),
    email: z
      .string()
      .trim()
      .max(254)
      .regex(emailPattern, 'must be an e-mail address')
      .nullish()
      .meta({ description: "The customer's e-mail" }),
    session_id: words("The browser's session"),
    page_url: words('Where the signup happened'),
    program_id: z.unknown().optional(),
    additional_data: additionalData,
  })
  .meta({ id: 'LeadRequest', description: 'At least one of click_id and customer_key' });

export type LeadBody = z.output<typeof leadBody>;

const ID_REQUIRED = 'transaction_id is required and must be a string';
const ID_NOT_FILLED_IN = 'transaction_id stands for no value: the sender did not fill it in';
const ID_NOT_REPLACED = 'transaction_id holds a macro, which the sender did not replace by a value';
const AMOUNT_REQUIRED = 'amount_cents is required and must be a positive integer';
const transactionId = z
  .string(ID_REQUIRED)
  .trim()
  .min(1, ID_REQUIRED)
  .max(255)
  .refine((id) => !isPlaceholder(id), ID_NOT_FILLED_IN)
  .refine((id) => !isIdMacro(id), ID_NOT_REPLACED)
  .meta({ description: 'Your own id of the payment; a repeat is answered 409' });
const amountCents = z
  .int(AMOUNT_REQUIRED)
  .positive(AMOUNT_REQUIRED)
  .max(Number(MAX_AMOUNT_MINOR), AMOUNT_REQUIRED)
  .meta({ description: 'In the smallest unit of the currency' });
const saleFields = {
  customer_key: key('Your own id of the customer, as in the lead'),
  click_id: key('The value of the cookie affitor_click_id; this or customer_key'),
  currency: z
    .string()
    .trim()
    .toUpperCase()
    .refine(isCurrency, 'must be an ISO 4217 currency such as USD')
    .nullish()
    .meta({ description: 'ISO 4217; USD when absent' }),
  sale_type: z.enum(['payment', 'subscription']).nullish(),
  line_items: z.unknown().optional().meta({ description: 'Kept with the message' }),
  is_recurring: z.boolean().nullish().meta({ description: 'True for the renewals of a subscription' }),
  subscription_id: key('Your own id of the subscription'),
  subscription_interval: z.enum(['monthly', 'quarterly', 'annual']).nullish(),
  product_id: key('Kept with the sale'),
  additional_data: additionalData,
};
export const saleBody = z
  .object({ transaction_id: transactionId, amount_cents: amountCents, ...saleFields })
  .meta({ id: 'SaleRequest' });
export const testSaleBody = z.object({
  transaction_id: transactionId.nullish(),
  amount_cents: amountCents.nullish(),
  ...saleFields,
});
export type SaleBody = z.output<typeof testSaleBody>;

const REFUND_ID_REQUIRED = 'transaction_id is required';
const REFUND_AMOUNT = 'refund_amount_cents must be a positive integer';
export const refundBody = z
  .object({
    transaction_id: z
      .string(REFUND_ID_REQUIRED)
      .trim()
      .min(1, REFUND_ID_REQUIRED)
      .max(255)
      .meta({ description: 'Of the sale' }),
    refund_amount_cents: z
      .int(REFUND_AMOUNT)
      .min(0, REFUND_AMOUNT)
      .max(Number(MAX_AMOUNT_MINOR), REFUND_AMOUNT)
      .nullish()
      .meta({ description: 'All that remains when absent or 0. A repeated amount is the same refund.' }),
    refund_reason: z.string().max(1000).nullish().meta({ description: 'Kept with the message' }),
    additional_data: additionalData,
  })
  .meta({ id: 'RefundRequest' });
