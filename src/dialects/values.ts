import { z } from 'zod';
import { currencyExponent } from '../domain/currency.ts';
import { parseMajorAmount, type ParsedAmount } from '../domain/money.ts';

/** Values as the documented systems print them: numbers of dollars, percents, dates without milliseconds. */

/** '2026-01-15T10:30:00Z', of a Date or an ISO 8601 UTC text. */
export function toSeconds(time: Date | string): string {
  return `${(typeof time === 'string' ? time : time.toISOString()).slice(0, 19)}Z`;
}

/**
 * 1999 minor units of USD as the number 19.99, the very one that the text '19.99' is read as: the amount and the power of
 * ten are exact doubles, so their quotient is rounded once.
 */
export function toMajorNumber(amountMinor: bigint | number, currency: string | null): number {
  return Number(amountMinor) / 10 ** (currencyExponent(currency ?? 'USD') ?? 2);
}

/** A JSON number of major units, exactly as it is written: 19.99 is 1999, 19.999 is refused. */
export function readMajorNumber(value: number, currency: string): ParsedAmount {
  return parseMajorAmount(String(value), currency);
}

/** 2050 basis points as the number 20.5. */
export function toPercent(rateBps: number): number {
  return rateBps / 100;
}

/** A percentage from 0 to 100 with at most two decimals, in basis points; null where it is none. */
export function readPercent(value: number | string): number | null {
  const match = /^(\d{1,3})(?:\.(\d{1,2})0*)?$/.exec(String(value));
  if (!match) return null;
  const rateBps = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return rateBps <= 10_000 ? rateBps : null;
}

/** What forms send for a field that was left empty counts as null. For fields that may be left out, and tell nobody's orders apart. */
export function blankAsNull<T>(schema: z.ZodType<T>) {
  return z.preprocess((value) => (typeof value === 'string' && value.trim() === '' ? null : value), schema);
}
