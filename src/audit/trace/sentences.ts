import type { TermsSnapshot } from '../../pipeline/rules/catalog.ts';
import type { Explanation } from '../../pipeline/rules/commission.ts';
import type { PassedOver } from '../../pipeline/rules/evidence.ts';
import { nameKey, tellMoney } from '../tell-facts.ts';
import type { NamedAffiliate, TracedOrder, TracedPayout } from './trace-story.ts';

// Words for people, used by the verdict, the checklist and the parts of a trace alike.

/** `Ann (aff_1)` */
export function nameAffiliate(id: string, affiliates: Readonly<Record<string, NamedAffiliate>>): string {
  const name = affiliates[id]?.name;
  return name === undefined ? id : `${name} (${id})`;
}

const evidenceWords: Readonly<Record<PassedOver['by'], (value: string) => string>> = {
  assignment: () => 'a person assigned the order to them',
  payout: () => 'the order is in a payout to them already',
  affiliate: (value) => `the affiliate '${value}', named by whoever reported the order`,
  click: (value) => `the click ${value}`,
  subscription: (value) => `the subscription is theirs since ${value}`,
  binding: (value) => `the customer is theirs since ${value}`,
  referral_code: (value) => `the referral code '${value}'`,
  coupon: (value) => `the coupon code '${value}'`,
  reference: (value) => `the client_reference_id '${value}'`,
  anonymous_lead: (value) => `the lead that a browser told of (${value})`,
  offer: (value) => `the offer '${value}'`,
};

/** A piece of evidence as a part of a sentence. */
export function tellEvidence({ by, value }: { by: PassedOver['by']; value: string }): string {
  return evidenceWords[by](value);
}

/** A piece of evidence that was not followed, and why not. */
export function tellPassedOver(passedOver: PassedOver, affiliates: TracedOrder['affiliates']): string {
  const { affiliateId, why } = passedOver;
  const of = affiliateId === undefined ? '' : ` of ${nameAffiliate(affiliateId, affiliates)}`;
  return `${tellEvidence(passedOver)}${of}: ${why}`;
}

/** `20 % of what remains of net`, with the window: the terms as they were recorded with the order. */
export function tellTerms({ commission, currency, attributionWindowDays, dailyCap }: TermsSnapshot): string {
  const cap = dailyCap === 0 ? '' : `, at most ${dailyCap} a day`;
  const window = `clicks count for ${attributionWindowDays} days`;
  if (commission.type === 'cpa') {
    return `CPA: ${tellMoney(BigInt(commission.amountMinor), currency)} for the first conversion of a customer${cap}; ${window}`;
  }
  const rate = `${tellRate(commission.rateBps)} of net`;
  if (commission.type === 'cps') return `CPS: ${rate} of the first payment${cap}; ${window}`;
  const lasting = commission.durationMonths === null ? 'for life' : `for ${commission.durationMonths} months`;
  return `RevShare: ${rate} of every payment ${lasting}${cap}; ${window}`;
}

export function tellRate(rateBps: number): string {
  return `${rateBps / 100} %`;
}

/** `120.00 USD gross, 100.00 USD net, 30.00 USD of it refunded` */
export function tellAmounts({ currency, grossMinor, netMinor, refundedMinor, disputedMinor }: Amounts): string {
  const money = (minor: number): string => tellMoney(BigInt(minor), currency);
  return [
    ...(grossMinor === netMinor ? [money(netMinor)] : [`${money(grossMinor)} gross`, `${money(netMinor)} net`]),
    ...(refundedMinor > 0 ? [`${money(refundedMinor)} of it refunded`] : []),
    ...(disputedMinor > 0 ? [`${money(disputedMinor)} of it disputed`] : []),
  ].join(', ');
}

type Amounts = NonNullable<Explanation['amounts']>;

/** Who earns how much of what: `Ann (aff_1) earns 20.00 USD: 20 % of 100.00 USD.` */
export function tellEarning({ story: { order }, affiliates }: TracedOrder): string {
  const { affiliateId, commissionCurrency, commissionMinor, explanation } = order;
  if (affiliateId === null || commissionCurrency === null) return 'It earns nothing.';
  const terms = termsOf(order);
  const who = nameAffiliate(affiliateId, affiliates);
  return `${who} earns ${tellMoney(commissionMinor, commissionCurrency)}${tellReckoning(terms, explanation)}.`;
}

/** Who gives or takes how much of whose balance, and why: `Ann (aff_1) is given 50.00 USD by the key 'shop' (key_1): a bonus.` */
export function tellAdjustment({ story: { order, names }, affiliates }: TracedOrder): string {
  const { affiliateId, commissionCurrency, commissionMinor, explanation } = order;
  const { by = '', reason = '' } = explanation?.adjustment ?? {};
  const [verb, minor] = commissionMinor < 0n ? ['is charged', -commissionMinor] : ['is given', commissionMinor];
  const who = nameAffiliate(affiliateId ?? '', affiliates);
  return `${who} ${verb} ${tellMoney(minor, commissionCurrency ?? '')} by ${nameKey(by, names.keys)}: ${reason}.`;
}

/** The payout that money of the order is in. */
export function payoutOf({ story: { chapters } }: TracedOrder): TracedPayout | null {
  const postings = chapters.flatMap((chapter) => chapter.postings);
  return postings.map(({ payout }) => payout).find((payout) => payout !== null) ?? null;
}

function tellReckoning(terms: TermsSnapshot | null, explanation: Explanation | null): string {
  if (terms === null) return '';
  if (terms.commission.type === 'cpa') return ', a fixed amount';
  const amounts = explanation?.amounts;
  return amounts ? `: ${tellRate(terms.commission.rateBps)} of ${tellAmounts(amounts)}` : '';
}

/** The terms by which the order is credited; null where it is credited to nobody. */
export function termsOf({ terms, affiliateId, offerId }: TracedOrder['story']['order']): TermsSnapshot | null {
  return terms.find((each) => each.affiliateId === affiliateId && each.offerId === offerId) ?? null;
}

/** `2026-11-03 12:00 UTC` */
export function tellTime(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}

/** How long it is from one instant to another, in whole days, at least 0. */
export function daysBetween(from: string, to: string): number {
  return Math.max(0, Math.floor((Date.parse(to) - Date.parse(from)) / 86_400_000));
}
