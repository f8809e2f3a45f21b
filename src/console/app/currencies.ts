// Pure: how many decimals currencies have, and amounts as people type them.

/**
 * Currencies whose minor unit is not a hundredth (ISO 4217, as src/domain/currency.ts has them; a test compares). `Intl` is no
 * source: it follows usage, by which the rupiah has no decimals.
 */
const otherDigits: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
};
const digits = new Map(
  Object.entries(otherDigits).flatMap(([count, codes]) =>
    codes.split(' ').map((code) => [code, Number(count)] as const),
  ),
);

/** The decimals of a currency: 2 of USD, 0 of JPY, 3 of KWD. */
export function digitsOf(currency: string): number {
  return digits.get(currency) ?? 2;
}

/** `49.90` as 4990 minor units of USD; null where it is no such amount. */
export function parseAmount(text: string, currency: string): number | null {
  const match = /^(\d{1,15})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match) return null;
  const [, whole = '', fraction = ''] = match;
  const count = digitsOf(currency);
  if (fraction.length > count) return null;
  const minor = Number(whole + fraction.padEnd(count, '0'));
  return Number.isSafeInteger(minor) ? minor : null;
}
