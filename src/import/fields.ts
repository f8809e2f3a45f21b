import { z } from 'zod';
import { currency } from '../http/fields.ts';
import { validationError } from '../domain/errors.ts';
import type { FactAmount } from '../domain/facts.ts';
import { MAX_AMOUNT_MINOR, parseMajorAmount } from '../domain/money.ts';
import { parseTime } from '../domain/parse-time.ts';

/** Fields that the readers of several systems share. Empty text and null mean that the system does not say. */

/** An id, a code or a name, as it stands in lists: text, or a number that is read as one. */
export const word = z
  .union([z.string(), z.int()])
  .transform((value) => String(value).trim())
  .pipe(
    z
      .string()
      .min(1)
      .max(255)
      .refine((value) => !value.includes('\0'), 'must not contain NUL'),
  );

/** The same where it may be left out. */
export const maybeWord = z.preprocess((value) => (value === '' ? null : value), word.nullish()).transform(orNull);

export const maybeCurrency = z
  .preprocess((value) => (value === '' ? null : value), currency.nullish())
  .transform(orNull);

/** ISO 8601 with an offset, Unix seconds or milliseconds, or a day, which begins in UTC. */
export const time = z.union([z.string(), z.number()]).transform((value, context) => {
  const text = String(value).trim();
  const read = parseTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (read) return read;
  context.addIssue({
    code: 'custom',
    message: 'must be ISO 8601 with an offset, Unix time, or a day such as 2026-01-31',
  });
  return z.NEVER;
});

export const maybeTime = z.preprocess((value) => (value === '' ? null : value), time.nullish()).transform(orNull);

/** An amount in minor units of a currency; 0 is none. Null currency: the offer's. */
export function minorAmount(minor: number | null | undefined, code: string | null): FactAmount | null {
  return minor ? { minor, currency: code } : null;
}

/** An amount as a number of major units; 0 is none. Throws VALIDATION_ERROR with `field` where `code` has fewer decimals. */
export function majorAmount(value: number | null | undefined, code: string, field: string): FactAmount | null {
  if (!value) return null;
  const parsed = parseMajorAmount(String(value), code);
  if (!parsed.ok) throw validationError(`${field} ${parsed.problem}`, { [field]: parsed.problem });
  return { minor: Number(parsed.amountMinor), currency: code };
}

/** Whole minor units, not negative. */
export const cents = z.int('must be a whole number of minor units').min(0).max(Number(MAX_AMOUNT_MINOR));

export const majorUnits = z
  .number()
  .min(0)
  .max(Number(MAX_AMOUNT_MINOR) / 1000)
  .refine((value) => /^\d+(\.\d{1,4})?$/.test(String(value)), 'has more decimals than any currency');

function orNull<T>(value: T | null | undefined): T | null {
  return value ?? null;
}
