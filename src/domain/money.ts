import { currencyExponent } from './currency.ts';

// Amounts are integer minor units per ISO 4217 (1999n USD is $19.99), never floats.

/** Larger amounts are taken for mistakes; the bound also keeps every amount and sum of amounts a safe JSON integer. */
export const MAX_AMOUNT_MINOR = 100_000_000_000_000n;

/** Basis points in 100 %. */
const FULL_RATE_BPS = 10_000n;

export type ParsedAmount = { ok: true; amountMinor: bigint } | { ok: false; problem: string };

/**
 * Reads a decimal text in major units ('149.9', '149.90', '-5') exactly. Grouping, exponents, signs but '-', and more
 * decimals than the currency has are refused ('1,234', '1e3', '1.005' USD); zeros past the currency's decimals are not.
 */
export function parseMajorAmount(text: string, currency: string): ParsedAmount {
  const exponent = currencyExponent(currency);
  if (exponent === null) return { ok: false, problem: `'${currency}' is not an ISO 4217 currency` };
  const match = /^(-?)(\d{1,18})(?:\.(\d{0,18}))?$/.exec(text.trim()) ?? /^(-?)()\.(\d{1,18})$/.exec(text.trim());
  if (!match) return { ok: false, problem: 'must be a plain decimal number such as 149.90, without grouping' };
  const [, sign = '', whole = '', decimals = ''] = match;
  const kept = decimals.slice(0, exponent).padEnd(exponent, '0');
  if (/[1-9]/.test(decimals.slice(exponent))) {
    return { ok: false, problem: `has more than the ${exponent} decimals of ${currency}` };
  }
  const amountMinor = BigInt(`${whole}${kept}` || '0') * (sign ? -1n : 1n);
  return withinBounds(amountMinor);
}

/** Reads an integer text in minor units ('4900', '-100'). */
export function parseMinorAmount(text: string): ParsedAmount {
  if (!/^-?\d{1,18}$/.test(text.trim())) return { ok: false, problem: 'must be a whole number of minor units' };
  return withinBounds(BigInt(text.trim()));
}

/**
 * Reads a decimal in major units that may have more decimals than the currency, as payment platforms state converted
 * prices, and rounds once, half up on the absolute value (19.995 USD is 2000).
 */
export function roundMajorAmount(value: number | string, currency: string): ParsedAmount {
  const exponent = currencyExponent(currency);
  if (exponent === null) return { ok: false, problem: `'${currency}' is not an ISO 4217 currency` };
  const plain = typeof value === 'number' ? numberToPlainDecimal(value) : value.trim();
  const match = plain === null ? null : /^(-?)(\d{1,18})(?:\.(\d+))?$/.exec(plain);
  if (!match) return { ok: false, problem: 'must be a decimal number' };
  const [, sign = '', whole = '', decimals = ''] = match;
  const padded = decimals.padEnd(exponent + 1, '0');
  const truncated = BigInt(`${whole}${padded.slice(0, exponent)}`);
  const roundUp = padded.charCodeAt(exponent) >= '5'.charCodeAt(0);
  const absolute = truncated + (roundUp ? 1n : 0n);
  return withinBounds(sign ? -absolute : absolute);
}

/** '1999' minor units of USD as '19.99'; always with the currency's own number of decimals. */
export function formatMajorAmount(amountMinor: bigint, currency: string): string {
  const exponent = currencyExponent(currency) ?? 2;
  const absolute = (amountMinor < 0n ? -amountMinor : amountMinor).toString().padStart(exponent + 1, '0');
  const sign = amountMinor < 0n ? '-' : '';
  if (exponent === 0) return `${sign}${absolute}`;
  return `${sign}${absolute.slice(0, -exponent)}.${absolute.slice(-exponent)}`;
}

/** `amount × rate`, rounded half up on the absolute value: the one rounding rule of the hub. */
export function applyRate(amountMinor: bigint, rateBps: bigint): bigint {
  return multiplyRatio(amountMinor, rateBps, FULL_RATE_BPS);
}

/** `amount × numerator / denominator` (denominator > 0), rounded once, half up on the absolute value. */
export function multiplyRatio(amountMinor: bigint, numerator: bigint, denominator: bigint): bigint {
  const product = amountMinor * numerator;
  const absolute = product < 0n ? -product : product;
  const rounded = (2n * absolute + denominator) / (2n * denominator);
  return product < 0n ? -rounded : rounded;
}

function withinBounds(amountMinor: bigint): ParsedAmount {
  if (amountMinor > MAX_AMOUNT_MINOR || amountMinor < -MAX_AMOUNT_MINOR) {
    return { ok: false, problem: 'is larger than any amount the hub takes (100,000,000,000,000 minor units)' };
  }
  return { ok: true, amountMinor };
}

/** JavaScript prints small and large numbers in exponent form, which no decimal reader should have to know. */
function numberToPlainDecimal(value: number): string | null {
  if (!Number.isFinite(value)) return null;
  const text = String(value);
  return /e/i.test(text) ? value.toFixed(12) : text;
}
