// Pure: an affiliate as the form has them, and as the hub takes them.
import { parseAmount } from '../currencies.ts';
import { fieldProblem } from '../parts/form.tsx';
import { amountText, parseRate } from '../terms.ts';
import type { AffiliateDetail as Affiliate } from '../types.ts';

export const blankAffiliate = {
  displayName: '',
  email: '',
  referralCode: '',
  couponCodes: '',
  status: 'active',
  type: 'external',
  companyName: '',
  website: '',
  paymentEmail: '',
  paymentMethod: '',
  paymentDetails: '',
  postbackUrl: '',
  ownTerms: 'none',
  rate: '',
  amount: '',
};
export type TypedAffiliate = typeof blankAffiliate;

export function typedAffiliate(affiliate: Affiliate, currency: string): TypedAffiliate {
  const { commissionOverride: own } = affiliate;
  return {
    displayName: affiliate.displayName,
    email: affiliate.email,
    referralCode: affiliate.referralCode,
    couponCodes: affiliate.couponCodes.join('\n'),
    status: affiliate.status,
    type: affiliate.type,
    companyName: affiliate.companyName ?? '',
    website: affiliate.website ?? '',
    paymentEmail: affiliate.paymentEmail ?? '',
    paymentMethod: affiliate.paymentMethod ?? '',
    paymentDetails: affiliate.paymentDetails ?? '',
    postbackUrl: affiliate.postbackUrl ?? '',
    ownTerms: own === null ? 'none' : 'rateBps' in own ? 'rate' : 'amount',
    rate: own && 'rateBps' in own ? String(own.rateBps / 100) : '',
    amount: own && 'amountMinor' in own ? amountText(own.amountMinor, currency) : '',
  };
}

/** What is typed as the hub takes it; empty is none. */
export function affiliateBody(
  { referralCode, couponCodes, ownTerms, rate, amount, ...typed }: TypedAffiliate,
  currency: string,
): object {
  const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());
  return {
    displayName: typed.displayName.trim(),
    email: typed.email.trim(),
    ...(referralCode.trim() === '' ? {} : { referralCode: referralCode.trim() }),
    couponCodes: couponCodes.split(/[\s,]+/).filter((code) => code !== ''),
    status: typed.status,
    type: typed.type,
    companyName: orNull(typed.companyName),
    website: orNull(typed.website),
    paymentEmail: orNull(typed.paymentEmail),
    paymentMethod: orNull(typed.paymentMethod),
    paymentDetails: orNull(typed.paymentDetails),
    postbackUrl: orNull(typed.postbackUrl),
    commissionOverride: readOwnTerms(ownTerms, rate, amount, currency),
  };
}

function readOwnTerms(kind: string, rate: string, amount: string, currency: string): object | null {
  if (kind === 'none') return null;
  if (kind === 'rate') {
    const rateBps = parseRate(rate);
    if (rateBps === null) throw fieldProblem('rate', 'must be a percentage from 0 to 100, such as 20 or 12.5');
    return { rateBps };
  }
  const amountMinor = parseAmount(amount, currency);
  if (amountMinor === null) throw fieldProblem('amount', `must be an amount in ${currency}`);
  return { amountMinor };
}
