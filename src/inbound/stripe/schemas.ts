import { z } from 'zod';

/**
 * The pieces that Stripe's objects are read with. Only what is read is described, and an optional field of a strange
 * shape counts as absent: Stripe adds and moves fields with every API version, and a message must not be lost over one
 * that says nothing about money. What a fact cannot do without (ids, amounts, currencies, times) is required.
 */

/** Stricter than PostgreSQL, which refuses NUL and half surrogates: no control characters at all. */
// oxlint-disable-next-line no-control-regex
const storable = (text: string): boolean => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed();

const storableText = z.string().trim().min(1).max(500).refine(storable, 'holds characters that cannot be stored');

/** A text that may be absent, null, empty or unusable: all of these are null. */
export const optionalText = orAbsent(storableText, null);

/**
 * Ids, and words of Stripe's own. They become keys of indexes, so they are held to what Stripe promises of its ids: at
 * most 255 characters; merchants can choose the ids of customers, but not beyond ASCII here.
 */
export const requiredWord = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'is not an id or word of Stripe');
export const optionalWord = orAbsent(requiredWord, null);

export const requiredInteger = z.int();
export const optionalInteger = orAbsent(z.int(), null);
export const flag = orAbsent(z.boolean(), false);

/** Key-value pairs of the merchant's own. Stripe's values are strings; anything else is passed over when it is read. */
export const metadata = orAbsent(z.record(z.string(), z.unknown()), {});
export type Metadata = Record<string, unknown>;

/** An object that Stripe names by id, or sends whole where the sender had it expanded. */
export const expandable = orAbsent(
  z.union([
    requiredWord.transform((id) => ({ id, metadata: {} as Metadata })),
    z.object({ id: requiredWord, metadata }),
  ]),
  null,
);
export type Expandable = { id: string; metadata: Metadata } | null;

/** Stripe's list object; entries that cannot be read are left out. */
export function listOf<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return orAbsent(
    z.object({ data: entriesOf(entry) }).transform((list) => list.data),
    [],
  );
}

/** A bare array; entries that cannot be read are left out. */
export function arrayOf<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return orAbsent(entriesOf(entry), []);
}

/** The fields by which every money object names its customer. */
export const customerFields = {
  customer: expandable,
  /** The customer as an Accounts v2 account, beside `customer` or instead of it. */
  customer_account: expandable,
};

/** Something that Stripe names by id or sends whole, with the word that buyers type where it is a promotion code. */
const named = orAbsent(
  z.union([storableText.transform((id) => ({ id, code: null })), z.object({ id: optionalText, code: optionalText })]),
  null,
);

/**
 * A discount by everything that names it: its promotion code by id (`promo_…`) and, only where it was expanded, by its
 * word; its coupon by id, which stands in `source` since 2025-09-30.clover, and in the promotion code's `promotion`.
 */
export const discount = orAbsent(
  z
    .object({
      promotion_code: named,
      coupon: named,
      source: orAbsent(z.object({ coupon: named }), null),
    })
    .transform(({ promotion_code: promotion, coupon, source }): string[] =>
      [promotion?.code, promotion?.id, coupon?.id, source?.coupon?.id].filter((name) => typeof name === 'string'),
    ),
  [],
);
export const discounts = arrayOf(discount);

/** `schema`, or `absent` where the value is missing, null or of another shape. */
export function orAbsent<T, A>(schema: z.ZodType<T>, absent: A): z.ZodType<T | A> {
  // Without a default zod takes a missing key for an error before the transform is asked.
  return z
    .unknown()
    .default(null)
    .transform((value): T | A => {
      const parsed = schema.safeParse(value);
      return parsed.success ? parsed.data : absent;
    });
}

function entriesOf<T>(entry: z.ZodType<T>): z.ZodType<T[]> {
  return z.array(z.unknown()).transform((entries) =>
    entries.flatMap((each) => {
      const parsed = entry.safeParse(each);
      return parsed.success ? [parsed.data] : [];
    }),
  );
}
