import { currencyExponent } from '../../domain/currency.ts';
import type { Evidence, Fact, FactAmount } from '../../domain/facts.ts';
import { parseMajorAmount } from '../../domain/money.ts';
import { rejections, type Rejection } from '../../domain/outcomes.ts';
import type { ClaimedEvent } from './take-work.ts';
import type { OfferRules, World } from '../rules/catalog.ts';

const YEAR_MS = 366 * 86_400_000;

/**
 * Whether a message by an authenticated caller is refused although it is well formed: it names what does not exist, or
 * asks for what the offer cannot give. Providers' webhooks are never refused for that: the money is real.
 */
export function rejectEvent(event: ClaimedEvent, world: World): { reason: Rejection; message: string } | null {
  if (event.kind !== 'conversion' && event.kind !== 'postback' && event.kind !== 'event') return null;
  for (const fact of event.facts) {
    const reason =
      rejectEvidence(fact.evidence, world) ?? rejectDate(fact, event.receivedAt) ?? rejectOffer(fact, world);
    if (reason) return { reason, message: messageOf(reason, fact.evidence) };
  }
  return null;
}

/** The first offer that was named or clicked: its currency is what an amount without one is taken for. */
export function evidentOffer(evidence: Evidence[], world: World): OfferRules | null {
  for (const one of evidence) {
    const offer = offerOf(one, world);
    if (offer) return offer;
  }
  return null;
}

/** The currency of a program's amounts where no offer is named: its default offer's, else its own. */
export function defaultCurrency(world: World): string {
  return defaultOffer(world)?.currency ?? world.program.currency;
}

function rejectEvidence(evidence: Evidence, world: World): Rejection | null {
  if (evidence.clickId !== undefined && !world.click(evidence.clickId)) return 'click_not_found';
  for (const text of [evidence.affiliate, evidence.referralCode]) {
    if (text !== undefined && !world.affiliate(text)) return 'affiliate_not_found';
  }
  if (evidence.offer !== undefined && !world.offer(evidence.offer)) return 'offer_not_found';
  return null;
}

function rejectDate(fact: Fact, receivedAt: string): Rejection | null {
  return Date.parse(fact.occurredAt) - Date.parse(receivedAt) > YEAR_MS ? 'occurred_at_in_future' : null;
}

function rejectOffer(fact: Fact, world: World): Rejection | null {
  if (fact.type !== 'sale' && fact.type !== 'action' && fact.type !== 'tracker') return null;
  const named = offerOf(fact.evidence, world);
  const offer = named ?? (Object.keys(fact.evidence).length > 0 ? defaultOffer(world) : null);
  if (named && named.status !== 'published') return 'offer_not_active';
  const currency = offer?.currency ?? defaultCurrency(world);
  if (amountsOf(fact).some((amount) => !isReadable(amount, currency))) return 'amount_invalid';
  // A customer alone may be bound to another offer; whether an amount is needed then shows when they are loaded.
  const needsAmount = fact.type === 'action' || (fact.type === 'tracker' && fact.state === 'sale' && !fact.amount);
  if (needsAmount && offer && offer.commission.type !== 'cpa') return 'amount_required';
  return null;
}

function offerOf(evidence: Evidence, world: World): OfferRules | null {
  if (evidence.offer !== undefined) return world.offer(evidence.offer);
  const click = evidence.clickId === undefined ? null : world.click(evidence.clickId);
  return click?.offerId ? world.offer(click.offerId) : null;
}

function defaultOffer(world: World): OfferRules | null {
  return world.program.defaultOfferId === null ? null : world.offer(world.program.defaultOfferId);
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
