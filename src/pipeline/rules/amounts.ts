import { isCurrency } from '../../domain/currency.ts';
import type { FactAmount } from '../../domain/facts.ts';
import { parseMajorAmount } from '../../domain/money.ts';

/** Minor units of a fact's amount; null where its text is no amount of the assumed currency, or its number no amount. */
export function resolveAmount(
  amount: FactAmount,
  assumedCurrency: string,
): { amountMinor: bigint; currency: string } | null {
  if ('major' in amount) {
    const parsed = parseMajorAmount(amount.major, assumedCurrency);
    return parsed.ok && parsed.amountMinor >= 0n
      ? { amountMinor: parsed.amountMinor, currency: assumedCurrency }
      : null;
  }
  const currency = amount.currency ?? assumedCurrency;
  return amount.minor < 0 || !isCurrency(currency) ? null : { amountMinor: BigInt(amount.minor), currency };
}
