/** A decimal in plain form without superfluous zeros ('0149.90' is '149.9'), or null where the text is none. */
export function toPlainDecimal(text: string): string | null {
  // Bounds the backtracking of the expression over long runs of zeros.
  if (text.length > 64) return null;
  const match = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
  if (!match || !/\d/.test(text)) return null;
  const [, sign = '', whole = '', decimals = ''] = match;
  const absolute = `${whole || '0'}${decimals ? `.${decimals}` : ''}`;
  return absolute === '0' ? '0' : sign + absolute;
}
