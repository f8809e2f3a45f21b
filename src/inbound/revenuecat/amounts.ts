import { isCurrency } from '../../domain/currency.ts';
import { roundMajorAmount } from '../../domain/money.ts';
import type { RevenuecatSettings } from '../../program/sources.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import type { Purchase } from './schemas.ts';

/** What a purchase cost, in minor units; negative for refunds. */
export interface PurchaseAmount {
  grossMinor: number;
  /** What commission is computed on, by the source's `amountBasis`. */
  netMinor: number;
  currency: string;
  /** Whether the currency is the customer's own, as against RevenueCat's estimate in USD. */
  isPurchased: boolean;
}

/**
 * The price in the currency of the purchase, else RevenueCat's estimate in USD; null where neither is known. Prices are
 * major units with perhaps more decimals than the currency has: the product with the shares is exact, rounded once.
 */
export function readPrice(purchase: Purchase, basis: RevenuecatSettings['amountBasis']): PurchaseAmount | null {
  const currency = purchase.currency?.toUpperCase() ?? null;
  const own = purchase.price_in_purchased_currency;
  const isPurchased = own !== null && currency !== null && isCurrency(currency);
  const price = isPurchased ? own : purchase.price;
  if (price === null) return null;
  const code = isPurchased ? currency : 'USD';
  return {
    grossMinor: round(price, code),
    netMinor: round(multiply(price, keptShare(purchase, basis)), code),
    currency: code,
    isPurchased,
  };
}

/**
 * net_of_tax: 1 − tax; proceeds: 1 − tax − the store's commission, both shares of the price. A share that RevenueCat
 * does not know is not taken off; `takehome_percentage`, deprecated, is 1 − commission where that is not stated.
 */
function keptShare(purchase: Purchase, basis: RevenuecatSettings['amountBasis']): Scaled {
  if (basis === 'gross') return ONE;
  const tax = readShare(purchase.tax_percentage, 'tax_percentage') ?? ZERO;
  if (basis === 'net_of_tax') return subtract(ONE, tax);
  const takehome = readShare(purchase.takehome_percentage, 'takehome_percentage');
  const commission =
    readShare(purchase.commission_percentage, 'commission_percentage') ?? (takehome ? subtract(ONE, takehome) : ZERO);
  const kept = subtract(subtract(ONE, tax), commission);
  return kept.units < 0n ? ZERO : kept;
}

/** An exact decimal: units / 10^scale. */
interface Scaled {
  units: bigint;
  scale: number;
}
const ZERO: Scaled = { units: 0n, scale: 0 };
const ONE: Scaled = { units: 1n, scale: 0 };

function readShare(text: string | null, field: string): Scaled | null {
  if (text === null) return null;
  const share = toScaled(text);
  if (share.units < 0n || subtract(ONE, share).units < 0n)
    throw new UnreadableMessage(`${field} must be between 0 and 1`);
  return share;
}

function round(price: string | Scaled, currency: string): number {
  const rounded = roundMajorAmount(toText(typeof price === 'string' ? toScaled(price) : price), currency);
  if (!rounded.ok) throw new UnreadableMessage(`the price ${rounded.problem}`);
  return Number(rounded.amountMinor);
}

function multiply(text: string, share: Scaled): Scaled {
  const value = toScaled(text);
  return { units: value.units * share.units, scale: value.scale + share.scale };
}

function subtract(one: Scaled, other: Scaled): Scaled {
  const scale = Math.max(one.scale, other.scale);
  const at = (value: Scaled): bigint => value.units * 10n ** BigInt(scale - value.scale);
  return { units: at(one) - at(other), scale };
}

/** '-9.99' is -999 / 10²; '5e-7', as JavaScript writes very small numbers, is 5 / 10⁷. */
function toScaled(text: string): Scaled {
  const [mantissa = '0', exponent = '0'] = text.toLowerCase().split('e-');
  const [whole = '0', decimals = ''] = mantissa.split('.');
  return { units: BigInt(whole + decimals), scale: decimals.length + Number(exponent) };
}

function toText({ units, scale }: Scaled): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return units < 0n ? `-${text}` : text;
}
