import { currencyExponent } from '../../domain/currency.ts';
import type { FactAmount } from '../../domain/facts.ts';
import { MAX_AMOUNT_MINOR, multiplyRatio } from '../../domain/money.ts';
import { UnreadableMessage } from '../unreadable-message.ts';

/**
 * The decimals that Stripe's amounts have (docs.stripe.com/currencies, read 2026-11). All other currencies have two: also
 * ISK and UGX, which have none in ISO 4217, and HUF and TWD, which only payouts treat as zero-decimal.
 */
const ZERO_DECIMAL = new Set(
  'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '), // MGA has two in ISO 4217
);
const THREE_DECIMAL = new Set('BHD JOD KWD OMR TND'.split(' '));

/** An amount in ISO 4217 minor units, as facts state it. */
export type IsoAmount = Extract<FactAmount, { minor: number }>;

/** The part of the whole that an amount is to be reduced to: `part / whole`, `whole` above zero. */
export interface Share {
  part: number;
  whole: number;
}

/**
 * Stripe's integer as an amount of the upper-case currency in ISO 4217 minor units, reduced to `share` where one is
 * given; rounded once. Throws UnreadableMessage for unknown currencies and for negative or absurd amounts.
 */
export function toAmount(units: number, currencyCode: string, share: Share = { part: 1, whole: 1 }): IsoAmount {
  const currency = currencyCode.toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === null) throw new UnreadableMessage(`'${currencyCode}' is not an ISO 4217 currency`);
  if (units < 0) throw new UnreadableMessage(`the amount ${units} is negative`);
  const shift = exponent - stripeExponent(currency);
  const minor = multiplyRatio(
    BigInt(units),
    BigInt(share.part) * 10n ** BigInt(Math.max(shift, 0)),
    BigInt(share.whole) * 10n ** BigInt(Math.max(-shift, 0)),
  );
  if (minor > MAX_AMOUNT_MINOR) throw new UnreadableMessage(`the amount ${units} is larger than any the hub takes`);
  return { minor: Number(minor), currency };
}

/**
 * Gross and net of a payment: gross is what was paid, net leaves out the tax that is in `total`, in the proportion that
 * was paid. `total` and `tax` describe the whole document (discounts already taken off), `paid` may differ from `total`
 * where a customer balance, a credit note or a partial capture moved it.
 */
export function toPayment(
  paid: number,
  currency: string,
  document: { total: number; tax: number },
): { gross: IsoAmount; net: IsoAmount } {
  const gross = toAmount(paid, currency);
  // A proportion needs a positive total, and a tax within it.
  if (document.total <= 0 || document.tax <= 0 || document.tax > document.total) return { gross, net: gross };
  return { gross, net: toAmount(paid, currency, { part: document.total - document.tax, whole: document.total }) };
}

function stripeExponent(currency: string): number {
  if (ZERO_DECIMAL.has(currency)) return 0;
  return THREE_DECIMAL.has(currency) ? 3 : 2;
}
