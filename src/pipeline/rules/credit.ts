import { mailboxOf, organizationOf } from '../../domain/email.ts';
import type { NotTrackedReason } from '../../domain/outcomes.ts';
import type { Choice } from './attribution.ts';
import type { Candidate, Evidences, NamedOffer, PassedOver } from './evidence.ts';
import type { RememberedRules, TermsSnapshot } from './catalog.ts';
import { type Ground, groundOf } from './review.ts';
import type { Decided } from './payment.ts';
import type { OrderSummary } from './summarize.ts';

export type OrderKind = 'sale' | 'renewal' | 'lead' | 'action';

/** An order's kind and whom it is credited to, before it is compared with other orders. */
export interface Credit {
  kind: OrderKind | null;
  chosen: Candidate | null;
  passedOver: PassedOver[];
  terms: TermsSnapshot | null;
  /** Why nothing is paid, as far as this order alone can tell. */
  reason: NotTrackedReason | 'no_attribution' | null;
  /** The CPA slot that the order asks for. */
  cpaSlot: string | null;
  offer: NamedOffer | null;
  rules: RememberedRules | null;
  /** What a person has to decide before anybody is paid. */
  grounds: Ground[];
  flags: string[];
  /** Nothing but an anonymous lead credits it. */
  byLead: boolean;
  /** So, or told of without a key: it takes places after all others. */
  ranksLast: boolean;
  /** The person who decided whose it is; null where evidence did. */
  decided: Decided | null;
}

/** Of what is no order: there is nobody to find, and nothing to compare. */
export const noCredit: Credit = {
  kind: null,
  chosen: null,
  passedOver: [],
  terms: null,
  reason: null,
  cpaSlot: null,
  offer: null,
  rules: null,
  grounds: [],
  flags: [],
  byLead: false,
  ranksLast: false,
  decided: null,
};

const leadGoals: ReadonlySet<string> = new Set(['lead', 'registration', 'signup']);

/** What the facts make of the order; null while they say nothing that counts (a refund that came before its sale). */
export function kindOf(summary: OrderSummary, firstOfSubscription: boolean): OrderKind | null {
  if (summary.phase === 'recurring') return 'renewal';
  if (summary.payment) return summary.phase === 'subscription' && !firstOfSubscription ? 'renewal' : 'sale';
  if (summary.sale || summary.imported) return 'sale';
  if (isPayable(summary)) return leadGoals.has(summary.goal ?? '') ? 'lead' : 'action';
  if (summary.lead || summary.tracker === 'lead') return 'lead';
  return summary.tracker === null ? null : 'action';
}

/** Who bought, as the customer is known beside the order. */
export interface Buyer {
  id: string | null;
  emails: string[];
}

/** Credits an order, and says which CPA slot it asks for. `terms` are those of the chosen affiliate and offer. */
export function creditSummary(
  summary: OrderSummary,
  kind: OrderKind | null,
  choice: Pick<Choice, 'chosen' | 'passedOver' | 'byLead'>,
  { expired, offer }: Pick<Evidences, 'expired' | 'offer'>,
  terms: TermsSnapshot | null,
  buyer: Buyer,
  rules: RememberedRules | null,
  { banned, grounds, decided }: { banned: boolean; grounds: Ground[]; decided: Decided | null },
): Credit {
  const emails = [...summary.emails, ...buyer.emails];
  const reason = kind === null ? null : reasonOf(summary, choice.chosen ?? expired, expired, terms, emails, banned);
  const sharedDomains = terms && reason === null ? sharedOrganizations(terms, emails) : [];
  const tooLate = choice.chosen === null && reason === 'outside_window' ? expired : null;
  const credit: Credit = {
    kind,
    chosen: choice.chosen ?? tooLate,
    passedOver: tellOnce(choice.passedOver, choice.chosen ?? tooLate),
    terms,
    reason,
    cpaSlot: null,
    offer,
    rules,
    grounds: [...grounds, ...groundsOf(summary, sharedDomains, rules)],
    flags: sharedDomains.length > 0 ? ['same_domain'] : [],
    byLead: choice.byLead,
    ranksLast: choice.byLead || summary.keyless,
    decided,
  };
  if (asksForCpaSlot(summary, credit)) credit.cpaSlot = cpaSlotOf(credit, buyer.id, summary.goal);
  return credit;
}

/**
 * Evidence that several messages repeat is told of once, and what was followed is not passed over as well: neither what other
 * messages say again, nor a click for which the order is known though it came too late.
 */
function tellOnce(passedOver: PassedOver[], chosen: Candidate | null): PassedOver[] {
  if (passedOver.length === 0) return passedOver;
  const told = new Set(chosen ? [keyOf(chosen)] : []);
  return passedOver.filter((one) => {
    const key = keyOf(one);
    if (told.has(key)) return false;
    told.add(key);
    return true;
  });
}

function keyOf({ by, value }: Pick<PassedOver, 'by' | 'value'>): string {
  return `${by} ${value}`;
}

function reasonOf(
  summary: OrderSummary,
  credited: Candidate | null,
  expired: Candidate | null,
  terms: TermsSnapshot | null,
  buyerEmails: string[],
  banned: boolean,
): Credit['reason'] {
  if (summary.tracker === 'unknown' && !isPayable(summary) && !summary.lead) return 'unknown_status';
  if (!credited) return 'no_attribution';
  if (credited === expired) return 'outside_window';
  if (!terms) return 'offer_not_active';
  if (!terms.affiliateActive || banned) return 'affiliate_not_active';
  if (!terms.offerActive) return 'offer_not_active';
  if (isSelfReferral(terms, buyerEmails)) return 'self_referral';
  if (summary.payment || summary.imported || !isPayable(summary)) return null;
  // Money was paid, but nobody can say how much: not even a fixed amount is due on that.
  if (summary.sale) return 'amount_invalid';
  return terms.commission.type === 'cpa' ? null : 'amount_required';
}

/** Whether the buyer is the affiliate: by the mailboxes that their addresses lead to. */
export function isSelfReferral(terms: TermsSnapshot, buyerEmails: readonly string[]): boolean {
  if (buyerEmails.length === 0) return false;
  const buyers = new Set(buyerEmails.map(mailboxOf));
  return terms.affiliateEmails.some((email) => buyers.has(mailboxOf(email)));
}

/** Domains at which both buyer and affiliate have an address, those of public mail providers left out. */
export function sharedOrganizations(terms: TermsSnapshot, buyerEmails: readonly string[]): string[] {
  // Most buyers have no e-mail here, and this is asked of every order.
  if (buyerEmails.length === 0) return [];
  const affiliates = new Set(terms.affiliateEmails.flatMap((email) => organizationOf(email) ?? []));
  const buyers = new Set(buyerEmails.flatMap((email) => organizationOf(email) ?? []));
  return [...buyers].filter((domain) => affiliates.has(domain)).sort();
}

function groundsOf(summary: OrderSummary, sharedDomains: string[], rules: RememberedRules | null): Ground[] {
  const grounds: Ground[] = [];
  if (summary.incomparable.length > 0) grounds.push(groundOf('currency_mismatch', summary.incomparable));
  if (sharedDomains.length > 0 && rules?.sameDomain === 'review') grounds.push(groundOf('same_domain', sharedDomains));
  return grounds;
}

/** Whether somebody said that there is something to pay for: more than a lead, and not in words that nobody maps. */
export function isPayable(summary: OrderSummary): boolean {
  return (
    summary.sale || summary.imported || summary.action || ['hold', 'sale', 'rejected'].includes(summary.tracker ?? '')
  );
}

export function asksForCpaSlot(summary: OrderSummary, credit: Credit): boolean {
  if (credit.reason !== null || credit.terms?.commission.type !== 'cpa' || credit.kind === 'renewal') return false;
  // An order of which nothing remains gives its place to the next; a dispute that is won takes it again.
  if (summary.nothingRemains) return false;
  return isPayable(summary) && summary.tracker !== 'rejected' && summary.decision?.status !== 'rejected';
}

/** CPA pays once per customer and offer; where no customer is known, once per click, offer and goal. */
function cpaSlotOf(credit: Credit, customerId: string | null, goal: string | null): string | null {
  const offerId = credit.terms?.offerId ?? '';
  if (customerId !== null) return `customer:${customerId}:${offerId}`;
  const clickId = credit.chosen?.clickId ?? null;
  return clickId === null ? null : `click:${clickId}:${offerId}:${goal ?? ''}`;
}
