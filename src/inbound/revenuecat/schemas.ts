import { z } from 'zod';
import { isStorable } from '../../domain/storable-text.ts';

const unstorable = 'must not contain NUL or broken Unicode';

/** Absent, null and '' are the same to RevenueCat: nothing is known. */
const word = z.preprocess(
  (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : (value ?? null)),
  z
    .string()
    .trim()
    .max(255)
    .refine(isStorable, unstorable)
    .transform((text) => (text === '' ? null : text))
    .nullable(),
);
const words = z.preprocess((value) => value ?? [], z.array(word));
const flag = z.preprocess((value) => value ?? false, z.boolean());
const milliseconds = z.preprocess((value) => value ?? null, z.number().nonnegative().max(8.64e15).nullable());
/** A decimal in major units, or a share of 1: JSON number or numeric text. */
const decimal = z.preprocess(
  (value) => (typeof value === 'number' ? String(value) : (value ?? null)),
  z
    .string()
    .regex(/^-?\d+(\.\d+)?(e-\d{1,3})?$/i, 'must be a decimal number')
    .max(64)
    .nullable(),
);

/** What every event has. */
export const envelopeSchema = z.object({
  event: z.object({
    type: z.string().min(1).max(100).refine(isStorable, unstorable),
    environment: word,
    purchase_environment: word,
    store: word,
  }),
});
export type Envelope = z.infer<typeof envelopeSchema>['event'];

/** Attributes come as `{name: {value, updated_at_ms}}`, in older payloads as plain text. */
const attribute = z.union([
  z.object({ value: z.unknown(), updated_at_ms: z.unknown() }).transform(({ value }) => value),
  z.unknown(),
]);

/** Who a subscriber is, on every event but TRANSFER. */
const identity = {
  id: word,
  event_timestamp_ms: milliseconds,
  app_user_id: word,
  original_app_user_id: word,
  aliases: words,
  // Attributes of any other shape are ignored: they must not hold up the money.
  subscriber_attributes: z.record(z.string(), attribute).catch({}),
};

/**
 * The fields of purchases, renewals and cancellations that count
 * (www.revenuecat.com/docs/integrations/webhooks/event-types-and-fields, read 2026-11). Any of them may be missing.
 */
export const purchaseSchema = z.object({
  ...identity,
  store: word,
  period_type: word,
  purchased_at_ms: milliseconds,
  transaction_id: word,
  original_transaction_id: word,
  renewal_number: word,
  is_trial_conversion: flag,
  is_family_share: flag,
  cancel_reason: word,
  // Of another shape it is ignored, as attributes are.
  offer_code: word.catch(null),
  currency: word,
  price: decimal,
  price_in_purchased_currency: decimal,
  tax_percentage: decimal,
  commission_percentage: decimal,
  takehome_percentage: decimal,
});
export type Purchase = z.infer<typeof purchaseSchema>;

export const aliasSchema = z.object(identity);
export type Alias = z.infer<typeof aliasSchema>;

export const transferSchema = z.object({
  id: word,
  event_timestamp_ms: milliseconds,
  transferred_from: words,
  transferred_to: words,
});
export type Transfer = z.infer<typeof transferSchema>;
