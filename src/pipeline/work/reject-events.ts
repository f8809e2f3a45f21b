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
    const reason =
      rejectEvidence(fact.evidence, catalog) ?? rejectDate(fact, event.receivedAt) ?? rejectOffer(fact, catalog);
    if (reason) return { reason, message: messageOf(reason, fact.evidence) };
  }
  return null;
}

function rejectEvidence(evidence: Evidence, catalog: Catalog): Rejection | null {
  if (evidence.clickId !== undefined && !catalog.click(evidence.clickId)) return 'click_not_found';
  for (const text of [evidence.affiliate, evidence.referralCode]) {
    if (text !== undefined && !catalog.affiliate(text)) return 'affiliate_not_found';
  }
  if (evidence.offer !== undefined && !catalog.offer(evidence.offer)) return 'offer_not_found';
  return null;
}

function rejectDate(fact: Fact, receivedAt: string): Rejection | null {
  return Date.parse(fact.occurredAt) - Date.parse(receivedAt) > YEAR_MS ? 'occurred_at_in_future' : null;
}

function rejectOffer(fact: Fact, catalog: Catalog): Rejection | null {
  if (fact.type !== 'sale' && fact.type !== 'action' && fact.type !== 'tracker') return null;
  const named = offerOf(fact.evidence, catalog);
  const offer = named ?? (Object.keys(fact.evidence).length > 0 ? defaultOffer(catalog) : null);
  if (named && named.status !== 'published') return 'offer_not_active';
  const currency = offer?.currency ?? defaultCurrency(catalog);
  if (amountsOf(fact).some((amount) => !isReadable(amount, currency))) return 'amount_invalid';
  // A customer alone may be bound to another offer; whether an amount is needed then shows when they are loaded.
  const needsAmount = fact.type === 'action' || (fact.type === 'tracker' && fact.state === 'sale' && !fact.amount);
  if (needsAmount && offer && offer.commission.type !== 'cpa') return 'amount_required';
  return null;
}

function amountsOf(fact: Fact): FactAmount[] {
  if (fact.type === 'sale') return [fact.gross, fact.net];
  return fact.type === 'tracker' && fact.amount ? [fact.amount] : [];
}

function isReadable(amount: FactAmount, currency: string): boolean {
  if ('minor' in amount) return amount.currency === null || currencyExponent(amount.currency) !== null;
  const parsed = parseMajorAmount(amount.major, currency);
  return parsed.ok && parsed.amountMinor > 0n;
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
