import { compareInstants } from '../../domain/orderings.ts';
import type { ClickRules, TermsSnapshot, Catalog } from './catalog.ts';
import type { EvidenceItem, OrderSummary } from './summarize.ts';

export type EvidenceKind = 'affiliate' | 'click' | 'binding' | 'referral_code' | 'coupon';

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

/** The affiliate that a customer's earliest attributed order (or a customer fact) bound them to. */
export interface Binding {
  affiliateId: string;
  offerId: string;
  clickId: string | null;
  /** ISO 8601 UTC. */
  boundAt: string;
  boundRef: string;
  /** The order id, or the id of the customer fact. */
  boundBy: string;
  terms: TermsSnapshot;
}

/** An attribution by an order's own evidence, with the terms of that time. */
export interface OwnAttribution {
  candidate: Candidate;
  terms: TermsSnapshot;
}

const DAY_MS = 86_400_000;

/**
 * Reads the evidence of an order (or a customer fact) against the program's catalog. Strongest first: an affiliate named
 * by an authenticated caller or in signed metadata, a click, (the binding comes here, see `chooseCandidate`,) a referral
 * code, a coupon; the coupon first where the program says so. Clicks must lie inside the offer's window at `at`.
 */
export function weighEvidence(items: EvidenceItem[], at: string, catalog: Catalog, judged: TermsSnapshot[]): Evidences {
  const passedOver: PassedOver[] = [];
  const offer = firstOffer(items, catalog, passedOver);
  const namedOffer = offer?.offerId ?? null;
  const named: Candidate[] = [];
  const codes: Candidate[] = [];
  const coupons: Candidate[] = [];
  const clicks: ClickRules[] = [];
  for (const { evidence } of [...items].sort((a, b) =>
    compareInstants({ occurredAt: a.occurredAt, id: a.factId }, { occurredAt: b.occurredAt, id: b.factId }),
  )) {
    const reference = evidence.reference;
    const referencedClick = reference === undefined ? null : catalog.click(reference);
    const clickId = evidence.clickId;
    for (const id of [clickId, referencedClick?.id]) {
      if (id === undefined) continue;
      const click = catalog.click(id);
      if (click) clicks.push(click);
      else passedOver.push({ by: 'click', value: id, why: 'no such click' });
    }
    const affiliateText = evidence.affiliate ?? (referencedClick ? undefined : reference);
    collect(named, passedOver, 'affiliate', affiliateText, catalog.affiliate, namedOffer);
    collect(codes, passedOver, 'referral_code', evidence.referralCode, catalog.affiliate, namedOffer);
    collect(coupons, passedOver, 'coupon', evidence.couponCode, catalog.byCoupon, namedOffer);
  }
  const { valid, expired } = judgeClicks(clicks, namedOffer, at, catalog, judged, passedOver);
  const usedDefaultOffer = [...named, ...codes, ...coupons, ...valid, ...(expired ? [expired] : [])].some(
    ({ offerId }) => offerId === null,
  );
  const ordered = [...named, ...valid, ...codes];
  const candidates = catalog.program.couponFirst ? [...coupons, ...ordered] : [...ordered, ...coupons];
  // An affiliate named without an offer, who also brought the click: the click's offer is meant.
  for (const candidate of candidates) {
    const own = valid.find((click) => click.affiliateId === candidate.affiliateId);
    candidate.offerId ??= own?.offerId ?? null;
    candidate.clickId ??= own?.clickId ?? null;
  }
  return { candidates, passedOver, expired: candidates.length === 0 ? expired : null, offer, usedDefaultOffer };
}

/**
 * The affiliate of an order. The binding of its customer beats referral codes and coupons (but not a coupon that comes
 * first), and is beaten by a named affiliate or a click; of a renewal the binding is the only evidence. For the order
 * that bound the customer its own evidence speaks, not the binding that came of it.
 */
export function chooseCandidate(
  evidences: Evidences,
  binding: Binding | null,
  options: { orderId: string; renewal: boolean; couponFirst: boolean },
): { chosen: Candidate | null; passedOver: PassedOver[] } {
  const bound: Candidate | null = binding && {
    by: 'binding',
    value: binding.boundBy,
    affiliateId: binding.affiliateId,
    offerId: binding.offerId,
    clickId: binding.clickId,
  };
  const stronger = ({ by }: Candidate): boolean =>
    by === 'affiliate' || by === 'click' || (by === 'coupon' && options.couponFirst);
  const own = options.renewal ? [] : evidences.candidates;
  const boundItself = binding?.boundBy === options.orderId && own.length > 0;
  const ranked = bound && !boundItself ? [...own.filter(stronger), bound, ...own.filter((one) => !stronger(one))] : own;
  const [chosen = null, ...others] = ranked;
  const passedOver = [...evidences.passedOver];
  if (options.renewal) {
    for (const candidate of evidences.candidates)
      passedOver.push(pass(candidate, 'a renewal follows the binding only'));
  }
  for (const candidate of others) passedOver.push(pass(candidate, 'weaker evidence'));
  return { chosen, passedOver };
}

/** Whether the binding speaks for an order: never for what the customer bought before they were bound by an event. */
export function bindingApplies(binding: Binding | null, summary: OrderSummary): binding is Binding {
  if (!binding || summary.occurredAt === null) return false;
  return boundByCustomerFact(binding) || summary.occurredAt >= binding.boundAt;
}

/** The merchant stated on the customer itself whose they are; that holds for all they ever bought. */
function boundByCustomerFact(binding: Binding): boolean {
  return !binding.boundBy.startsWith('cnv_');
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
 * Clicks inside the window, the one that the program's model prefers first. A click later than the sale can only be a
 * clock that runs ahead: it counts where no earlier one does.
 */
function judgeClicks(
  clicks: ClickRules[],
  namedOffer: string | null,
  at: string,
  catalog: Catalog,
  judged: TermsSnapshot[],
  passedOver: PassedOver[],
): { valid: Candidate[]; expired: Candidate | null } {
  const model = catalog.program.attributionModel;
  const byTime = [...new Map(clicks.map((click) => [click.id, click])).values()].sort(compareInstants);
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
    const ageMs = Date.parse(at) - Date.parse(click.occurredAt);
    if (ageMs > windowDays * DAY_MS) {
      expired ??= candidate;
      passedOver.push(pass(candidate, `older than the window of ${windowDays} days`));
    } else if (ageMs < 0) after.push(candidate);
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

function pass(candidate: Candidate, why: string): PassedOver {
  return { by: candidate.by, value: candidate.value, why, affiliateId: candidate.affiliateId };
}
