// Pure: what an offer pays, in words, and as people type it.
import { digitsOf, parseAmount } from './currencies.ts';
import { formatMoney } from './formats.ts';
import type { Terms } from './types.ts';

/** `12.5 %` of 1250 basis points. */
export function formatRate(rateBps: number): string {
  return `${rateBps / 100} %`;
}

/** `12.5` or `12,5` as 1250 basis points; null where it is no percentage with at most two decimals. */
export function parseRate(text: string): number | null {
  const match = /^(\d{1,3})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (!match) return null;
  const bps = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return bps <= 10_000 ? bps : null;
}

/** `12.50` of 1250 US cents, as it is typed. */
export function amountText(minor: number, currency: string): string {
  return (minor / 10 ** digitsOf(currency)).toFixed(digitsOf(currency));
}

/** Short, for lists. */
export function termsInShort(terms: Terms, currency: string): string {
  if (terms.type === 'cpa') return `${formatMoney(terms.amountMinor, currency)} a customer`;
  if (terms.type === 'cps') return `${formatRate(terms.rateBps)} of the first sale`;
  return `${formatRate(terms.rateBps)} of all payments${lengthOf(terms.durationMonths)}`;
}

function lengthOf(months: number | null): string {
  return months === null ? '' : `, ${months} ${months === 1 ? 'month' : 'months'}`;
}

/** What it means, with an example, in a sentence. */
export function termsInWords(terms: Terms, currency: string): string {
  if (terms.type === 'cpa') {
    return `A new customer brings the affiliate ${formatMoney(terms.amountMinor, currency)}, once, whatever they pay.`;
  }
  // So much that no rate has to be rounded.
  const paid = Math.max(10_000, 100 * 10 ** digitsOf(currency));
  const earned = (paid / 10_000) * terms.rateBps;
  const example = `of ${formatMoney(paid, currency)} without tax and shipping that is ${formatMoney(earned, currency)}`;
  if (terms.type === 'cps') {
    return `A customer's one-off or first sale brings the affiliate ${formatRate(terms.rateBps)}: ${example}. Renewals bring nothing.`;
  }
  const { durationMonths: months } = terms;
  const howLong =
    months === null
      ? 'for as long as they pay'
      : `for ${months} ${months === 1 ? 'month' : 'months'} from the first one on`;
  return `Every payment of a customer brings the affiliate ${formatRate(terms.rateBps)}, ${howLong}: ${example}.`;
}

/** The terms as they are typed: what does not belong to the type is kept beside, for whoever changes their mind. */
export interface TypedTerms {
  type: string;
  rate: string;
  amount: string;
  months: string;
}

export function typedTerms(terms: Terms | null, currency: string): TypedTerms {
  return {
    type: terms?.type ?? 'cps',
    rate: terms && terms.type !== 'cpa' ? String(terms.rateBps / 100) : '',
    amount: terms?.type === 'cpa' ? amountText(terms.amountMinor, currency) : '',
    months: terms?.type === 'revshare' && terms.durationMonths !== null ? String(terms.durationMonths) : '',
  };
}

/** The terms that were typed, or which field is not right yet and why. */
export function readTerms({ type, rate, amount, months }: TypedTerms, currency: string): Terms | TermsProblem {
  if (type === 'cpa') {
    const amountMinor = parseAmount(amount, currency);
    const example = amountText(1_250, currency);
    return amountMinor === null
      ? { field: 'commission.amountMinor', message: `must be an amount in ${currency} such as ${example}` }
      : { type, amountMinor };
  }
  const rateBps = parseRate(rate);
  if (rateBps === null) {
    return { field: 'commission.rateBps', message: 'must be a percentage from 0 to 100, such as 20 or 12.5' };
  }
  if (type === 'cps') return { type, rateBps };
  const count = months.trim() === '' ? null : Number(months);
  if (count !== null && (!Number.isInteger(count) || count < 1 || count > 1_200)) {
    return { field: 'commission.durationMonths', message: 'must be 1 to 1200 months, or empty: for life' };
  }
  return { type: 'revshare', rateBps, durationMonths: count };
}

export interface TermsProblem {
  field: string;
  message: string;
}
