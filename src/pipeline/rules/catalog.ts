import type { CommissionOverride, CommissionTerms } from '../../domain/terms.ts';

/** What the pure rules know of a program's configuration, as loaded for one batch. */
export interface ProgramRules {
  id: string;
  currency: string;
  timezone: string;
  defaultOfferId: string | null;
  attributionModel: 'last_click' | 'first_click';
  couponFirst: boolean;
  holdDays: number;
  autoApprove: boolean;
  /** An equal domain of buyer and affiliate: told, or a reason for a review. */
  sameDomain: 'flag' | 'review';
}

/** Rules of a program that decided about an order: recorded with it where they did, since they may change. */
export type RememberedRules = Partial<
  Pick<ProgramRules, 'attributionModel' | 'couponFirst' | 'defaultOfferId' | 'timezone' | 'sameDomain'>
>;

export interface AffiliateRules {
  id: string;
  status: 'pending' | 'active' | 'paused' | 'banned';
  /** Lower case: the affiliate's own addresses, by which a self-referral is known. */
  emails: string[];
  override: CommissionOverride | null;
  /** When the affiliate was banned, and until when: ISO 8601 UTC, `until` exclusive, null: still. */
  bans: readonly Ban[];
}

export interface Ban {
  from: string;
  until: string | null;
}

export function isBannedAt({ bans }: AffiliateRules, at: string): boolean {
  return bans.some(({ from, until }) => from <= at && (until === null || at < until));
}

export interface OfferRules {
  id: string;
  commission: CommissionTerms;
  currency: string;
  attributionWindowDays: number;
  dailyCap: number;
  status: 'draft' | 'published' | 'paused' | 'archived';
}

export interface ClickRules {
  id: string;
  affiliateId: string;
  offerId: string | null;
  /** ISO 8601 UTC. */
  occurredAt: string;
  sub1: string | null;
}

/**
 * One program's configuration and the clicks that a batch names, looked up by what evidence carries, for live orders or for
 * test ones: live looks among what is live, test first among what is test.
 */
export interface Catalog {
  program: ProgramRules;
  /** By id or referral code (codes without case). */
  affiliate: (idOrCode: string) => AffiliateRules | null;
  byCoupon: (code: string) => AffiliateRules | null;
  click: (id: string) => ClickRules | null;
  /** A click of either mode: one that counted for an order when it was settled. */
  clickOfAnyMode: (id: string) => ClickRules | null;
  /** By id or code. */
  offer: (idOrCode: string) => OfferRules | null;
}

/**
 * The terms of one affiliate and offer as they were when the customer was bound, or the order attributed. Recorded, so
 * that later changes of the configuration touch new customers only and a replay stands on the terms of its time.
 */
export interface TermsSnapshot {
  affiliateId: string;
  offerId: string;
  /** The affiliate's override applied already. */
  commission: CommissionTerms;
  currency: string;
  attributionWindowDays: number;
  dailyCap: number;
  affiliateActive: boolean;
  offerActive: boolean;
  affiliateEmails: string[];
}

/** The same snapshot for all orders of a batch: the affiliate and the offer are as they were loaded for it. */
export function snapshotTerms(affiliate: AffiliateRules, offer: OfferRules): TermsSnapshot {
  const byOffer = snapshots.get(affiliate) ?? new WeakMap<OfferRules, TermsSnapshot>();
  snapshots.set(affiliate, byOffer);
  const snapshot = byOffer.get(offer) ?? makeSnapshot(affiliate, offer);
  byOffer.set(offer, snapshot);
  return snapshot;
}

const snapshots = new WeakMap<AffiliateRules, WeakMap<OfferRules, TermsSnapshot>>();

function makeSnapshot(affiliate: AffiliateRules, offer: OfferRules): TermsSnapshot {
  return {
    affiliateId: affiliate.id,
    offerId: offer.id,
    commission: applyOverride(offer.commission, affiliate.override),
    currency: offer.currency,
    attributionWindowDays: offer.attributionWindowDays,
    dailyCap: offer.dailyCap,
    // What is paid while an affiliate is banned is told by the bans: the terms hold before and after.
    affiliateActive: affiliate.status === 'active' || affiliate.status === 'banned',
    offerActive: offer.status === 'published',
    affiliateEmails: affiliate.emails,
  };
}

/** An override speaks the offer's own language: a rate for CPS and RevShare, an amount for CPA. Any other is left aside. */
function applyOverride(terms: CommissionTerms, override: CommissionOverride | null): CommissionTerms {
  if (!override) return terms;
  if (terms.type === 'cpa') return 'amountMinor' in override ? { ...terms, amountMinor: override.amountMinor } : terms;
  return 'rateBps' in override ? { ...terms, rateBps: override.rateBps } : terms;
}
