import { currencyExponent } from '../../domain/currency.ts';
import type { Evidence, Fact, FactAmount } from '../../domain/facts.ts';
import { parseMajorAmount } from '../../domain/money.ts';
import { rejections, type Rejection } from '../../domain/outcomes.ts';
import type { TakenEvent } from './take-work.ts';
import { defaultCurrency, defaultOffer, offerOf } from '../rules/assumed-currency.ts';
import type { Catalog } from '../rules/catalog.ts';

const YEAR_MS = 366 * 86_400_000;

/**
 * Whether a message by an authenticated caller is refused although it is well formed: it names what does not exist, or
 * asks for what the offer cannot give. Providers' webhooks are never refused for that: the money is real.
 */
export function rejectEvent(event: TakenEvent, catalog: Catalog): { reason: Rejection; message: string } | null {
  if (event.kind !== 'conversion' && event.kind !== 'postback' && event.kind !== 'event') return null;
  for (const fact of event.facts) {
    const reason = rejectEvidence(fact, catalog) ?? rejectDate(fact, event.receivedAt) ?? rejectOffer(fact, catalog);
    if (reason) return { reason, message: messageOf(reason, fact.evidence) };
  }
  return null;
}

function rejectEvidence({ type, evidence }: Fact, catalog: Catalog): Rejection | null {
  if (evidence.clickId !== undefined && !catalog.click(evidence.clickId)) return 'click_not_found';
  // A buyer may have typed the code: the order is kept, and nobody is credited by it.
  const isOrder = type === 'sale' || type === 'action' || type === 'tracker';
  for (const text of [evidence.affiliate, isOrder ? undefined : evidence.referralCode]) {
    if (text !== undefined && !catalog.affiliate(text)) return 'affiliate_not_found';
  }
  if (evidence.offer !== undefined && !catalog.offer(evidence.offer)) return 'offer_not_found';
  return null;
}

function rejectDate(fact: Fact, receivedAt: string): Rejection | null {
  // Most facts are of the year in which they are received: no more than that has to be read then.
  if (fact.occurredAt.startsWith(receivedAt.slice(0, 5))) return null;
  return Date.parse(fact.occurredAt) - Date.parse(receivedAt) > YEAR_MS ? 'occurred_at_in_future' : null;
}

function rejectOffer(fact: Fact, catalog: Catalog): Rejection | null {
  if (fact.type !== 'sale' && fact.type !== 'action' && fact.type !== 'tracker') return null;
  const named = offerOf(fact.evidence, catalog);
  const offer = named ?? (namesSomebody(fact.evidence, catalog) ? defaultOffer(catalog) : null);
  if (named && named.status !== 'published') return 'offer_not_active';
  const currency = offer?.currency ?? defaultCurrency(catalog);
  const { gross, net } = amountsOf(fact);
  // Tax and shipping may be all of the amount.
  if (!isReadable(gross, currency, 1n) || !isReadable(net, currency, 0n)) return 'amount_invalid';
  // A customer alone may be bound to another offer; whether an amount is needed then shows when they are loaded.
  const needsAmount = fact.type === 'action' || (fact.type === 'tracker' && fact.state === 'sale' && !fact.amount);
  if (needsAmount && offer && offer.commission.type !== 'cpa') return 'amount_required';
  return null;
}

/** Whether it is known who would be paid, and so by which offer. What names nobody is parked, whatever is missing of it. */
function namesSomebody({ clickId, affiliate, referralCode, couponCode }: Evidence, catalog: Catalog): boolean {
  // A click or an affiliate that there is not has been refused before.
  if (clickId !== undefined || affiliate !== undefined) return true;
  if (referralCode !== undefined && catalog.affiliate(referralCode)) return true;
  return couponCode !== undefined && catalog.byCoupon(couponCode) !== null;
}

function amountsOf(fact: Fact): { gross: FactAmount | null; net: FactAmount | null } {
  if (fact.type === 'sale') return { gross: fact.gross, net: fact.net };
  return fact.type === 'tracker' ? { gross: fact.amount, net: fact.net ?? null } : { gross: null, net: null };
}

function isReadable(amount: FactAmount | null, currency: string, least: bigint): boolean {
  if (amount === null) return true;
  if ('minor' in amount) return amount.currency === null || currencyExponent(amount.currency) !== null;
  const parsed = parseMajorAmount(amount.major, currency);
  return parsed.ok && parsed.amountMinor >= least;
}

function messageOf(reason: Rejection, evidence: Evidence): string {
  const named: Partial<Record<Rejection, string | undefined>> = {
    click_not_found: evidence.clickId,
    affiliate_not_found: evidence.affiliate ?? evidence.referralCode,
    offer_not_found: evidence.offer,
  };
  const value = named[reason];
  return value === undefined ? rejections[reason] : `${rejections[reason]}: ${value}`;
}
