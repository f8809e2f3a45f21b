import currencyCodes from 'currency-codes';

/**
 * ISO 4217 decimals that the library's table has wrong or does not have yet, each reviewed by hand.
 * `Intl` is no source: it follows CLDR's usage and disagrees with ISO 4217 on 16 live currencies.
 */
const reviewed: Record<string, number> = {
  // Sierra Leone's leone since 2022 and the Caribbean guilder since 2025 have two decimals.
  SLE: 2,
  XCG: 2,
  // Their predecessors, which payment providers still send (docs.stripe.com/currencies, read 2026-11).
  SLL: 2,
  STD: 2,
};

/** Decimals of an ISO 4217 code ('USD' 2, 'JPY' 0, 'KWD' 3), or null where the code is not a currency. Upper case only. */
export function currencyExponent(code: string): number | null {
  const own = reviewed[code];
  if (own !== undefined) return own;
  return exponents.get(code) ?? null;
}

export function isCurrency(code: string): boolean {
  return currencyExponent(code) !== null;
}

// Built once: the library searches its list on every call.
const exponents: ReadonlyMap<string, number> = new Map(currencyCodes.data.map((entry) => [entry.code, entry.digits]));
