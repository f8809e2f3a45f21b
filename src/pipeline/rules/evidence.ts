import { compareInstants, compareText } from '../../domain/orderings.ts';
import type { Catalog, ClickRules, TermsSnapshot } from './catalog.ts';
import type { EvidenceItem } from './summarize.ts';

export type EvidenceKind =
  | 'assignment'
  | 'payout'
  | 'affiliate'
  | 'click'
  | 'subscription'
  | 'binding'
  | 'referral_code'
  | 'coupon'
  | 'reference'
  | 'anonymous_lead';

/** An affiliate that a piece of evidence points to. */
export interface Candidate {
  by: EvidenceKind;
  /** What the message said: an id, a code. */
  value: string;
  affiliateId: string;
  /** The offer named or clicked; null where the evidence knows none. */
  offerId: string | null;
  clickId: string | null;
}

/** Evidence that was not followed, and why, in words. `affiliateId` is whom it named; absent where it named nobody. */
export interface PassedOver {
  by: EvidenceKind | 'offer';
  value: string;
  why: string;
  affiliateId?: string;
}

export interface Evidences {
  /** Valid evidence of the order's own, strongest first. */
  candidates: Candidate[];
  passedOver: PassedOver[];
  /** A click that would count, were it not past the window; set only where nothing else of the order's own counts. */
  expired: Candidate | null;
  /** The offer that the evidence names, and how. */
  offer: NamedOffer | null;
  /** Whether the program's default offer stood in for one that some evidence does not know. */
  usedDefaultOffer: boolean;
}

export interface NamedOffer {
  value: string;
  offerId: string;
}

const DAY_MS = 86_400_000;

// Clocks of shops and of the hub differ: so much later than the order a click may still be.
const CLOCK_ERROR_MS = 10 * 60_000;

/**
 * Reads the evidence of an order (or a customer fact) against the program's catalog. Strongest first: an affiliate named
 * by an authenticated caller or in signed metadata, a click, one named without a key, (the bindings come here, see
 * `chooseCandidate`,) a referral code, a coupon, an affiliate id that a visitor's browser handed on; the coupon first where the program says so. Clicks
 * must lie inside the offer's window at `beganAt`, the moment at which the order began.
 */
export function weighEvidence(
  items: EvidenceItem[],
  beganAt: string,
  catalog: Catalog,
  judged: TermsSnapshot[],
): Evidences {
  const passedOver: PassedOver[] = [];
  const offer = firstOffer(items, catalog, passedOver);
  const namedOffer = offer?.offerId ?? null;
  const named: Candidate[] = [];
  const namedByAnybody: Candidate[] = [];
  const codes: Candidate[] = [];
  const coupons: Candidate[] = [];
  const references: Candidate[] = [];
  const clicks: ClickRules[] = [];
  const inOrder = items.length < 2 ? items : items.toSorted(compareItems);
  for (const { evidence, keyless } of inOrder) {
    const { clickId, reference } = evidence;
    const referencedClick = reference === undefined ? null : catalog.click(reference);
    if (clickId !== undefined) {
      const click = catalog.click(clickId);
      if (click) clicks.push(click);
      else passedOver.push({ by: 'click', value: clickId, why: 'no such click' });
    }
    if (referencedClick) clicks.push(referencedClick);
    const whoNamed = keyless ? namedByAnybody : named;
    collect(whoNamed, passedOver, 'affiliate', evidence.affiliate, catalog.affiliate, namedOffer);
    collect(codes, passedOver, 'referral_code', evidence.referralCode, catalog.affiliate, namedOffer);
    collect(coupons, passedOver, 'coupon', evidence.couponCode, catalog.byCoupon, namedOffer);
    for (const code of evidence.discounts ?? []) {
      collect(coupons, passedOver, 'coupon', code, catalog.byCoupon, namedOffer);
    }
    if (reference !== undefined && !referencedClick) {
      collect(references, passedOver, 'reference', reference, byId(catalog), namedOffer);
    }
  }
  const { valid, expired } = judgeClicks(clicks, namedOffer, beganAt, catalog, judged, passedOver);
  const candidates = catalog.program.couponFirst
    ? coupons.concat(named, valid, namedByAnybody, codes, references)
    : named.concat(valid, namedByAnybody, codes, coupons, references);
  const usedDefaultOffer = expired?.offerId === null || candidates.some(({ offerId }) => offerId === null);
  // An affiliate named without an offer, who also brought the click: the click's offer is meant.
  for (const candidate of candidates) {
    const own = valid.find((click) => click.affiliateId === candidate.affiliateId);
    candidate.offerId ??= own?.offerId ?? null;
    candidate.clickId ??= own?.clickId ?? null;
  }
  return { candidates, passedOver, expired: candidates.length === 0 ? expired : null, offer, usedDefaultOffer };
}

function compareItems(a: EvidenceItem, b: EvidenceItem): number {
  return compareText(a.occurredAt, b.occurredAt) || compareText(a.factId, b.factId);
}

/** Affiliates by id alone: a text that only looks like somebody's referral code names nobody. */
function byId(catalog: Catalog): (id: string) => { id: string } | null {
  return (id) => {
    const affiliate = catalog.affiliate(id);
    return affiliate?.id === id ? affiliate : null;
  };
}

function collect(
  into: Candidate[],
  passedOver: PassedOver[],
  by: EvidenceKind,
  text: string | undefined,
  find: (text: string) => { id: string } | null,
  offerId: string | null,
): void {
  if (text === undefined) return;
  const affiliate = find(text);
  if (affiliate) into.push({ by, value: text, affiliateId: affiliate.id, offerId, clickId: null });
  else
    passedOver.push({ by, value: text, why: by === 'coupon' ? 'no affiliate has this coupon' : 'no such affiliate' });
}

/**
 * Clicks inside the window, the one that the program's model prefers first. A click that is a little later than the order
 * began can only be a clock that runs ahead: it counts where no earlier one does. One that is later than that did not lead
 * to the order.
 */
function judgeClicks(
  clicks: ClickRules[],
  namedOffer: string | null,
  beganAt: string,
  catalog: Catalog,
  judged: TermsSnapshot[],
  passedOver: PassedOver[],
): { valid: Candidate[]; expired: Candidate | null } {
  const model = catalog.program.attributionModel;
  const byTime =
    clicks.length < 2 ? clicks : [...new Map(clicks.map((click) => [click.id, click])).values()].sort(compareInstants);
  if (model === 'last_click') byTime.reverse();
  const before: Candidate[] = [];
  const after: Candidate[] = [];
  let expired: Candidate | null = null;
  for (const click of byTime) {
    const offerId = namedOffer ?? click.offerId;
    const candidate: Candidate = {
      by: 'click',
      value: click.id,
      affiliateId: click.affiliateId,
      offerId,
      clickId: click.id,
    };
    const windowDays = windowOf(click.affiliateId, offerId, catalog, judged);
    const ageMs = Date.parse(beganAt) - Date.parse(click.occurredAt);
    if (ageMs > windowDays * DAY_MS) {
      expired ??= candidate;
      passedOver.push(pass(candidate, `older than the window of ${windowDays} days`));
    } else if (ageMs < -CLOCK_ERROR_MS) passedOver.push(pass(candidate, 'made after the order began'));
    else if (ageMs < 0) after.push(candidate);
    else before.push(candidate);
  }
  return { valid: [...before, ...after], expired };
}

/** The window as it was when the order was first judged, else as the offer has it now. */
function windowOf(affiliateId: string, offerId: string | null, catalog: Catalog, judged: TermsSnapshot[]): number {
  const id = offerId ?? catalog.program.defaultOfferId;
  const snapshot = judged.find((terms) => terms.affiliateId === affiliateId && terms.offerId === id);
  if (snapshot) return snapshot.attributionWindowDays;
  return (id === null ? null : catalog.offer(id))?.attributionWindowDays ?? 30;
}

function firstOffer(items: EvidenceItem[], catalog: Catalog, passedOver: PassedOver[]): NamedOffer | null {
  for (const { evidence } of items) {
    if (evidence.offer === undefined) continue;
    const offer = catalog.offer(evidence.offer);
    if (offer) return { value: evidence.offer, offerId: offer.id };
    passedOver.push({ by: 'offer', value: evidence.offer, why: 'no such offer' });
  }
  return null;
}

export function pass(candidate: Candidate, why: string): PassedOver {
  return { by: candidate.by, value: candidate.value, why, affiliateId: candidate.affiliateId };
}
