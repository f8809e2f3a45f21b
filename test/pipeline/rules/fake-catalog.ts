import type { CommissionOverride, CommissionTerms } from '../../../src/domain/terms.ts';
import type {
  AffiliateRules,
  ClickRules,
  OfferRules,
  ProgramRules,
  Catalog,
} from '../../../src/pipeline/rules/catalog.ts';

export interface FakeCatalog {
  program?: Partial<ProgramRules>;
  affiliates?: Record<
    string,
    { status?: AffiliateRules['status']; email?: string; override?: CommissionOverride; coupon?: string }
  >;
  offers?: Record<
    string,
    { commission: CommissionTerms; currency?: string; status?: OfferRules['status']; windowDays?: number }
  >;
  clicks?: Record<string, { affiliateId: string; offerId?: string | null; at: string }>;
}

/** A program's configuration in memory, for the rules that are pure. The first offer is the default one. */
export function makeCatalog({ program = {}, affiliates = {}, offers = {}, clicks = {} }: FakeCatalog): Catalog {
  const affiliateOf = (id: string): AffiliateRules | null => {
    const one = affiliates[id];
    if (!one) return null;
    return {
      id,
      status: one.status ?? 'active',
      emails: one.email ? [one.email] : [],
      override: one.override ?? null,
      bans: [],
    };
  };
  const offerOf = (id: string): OfferRules | null => {
    const one = offers[id];
    return one
      ? {
          id,
          commission: one.commission,
          currency: one.currency ?? 'USD',
          attributionWindowDays: one.windowDays ?? 30,
          dailyCap: 0,
          status: one.status ?? 'published',
        }
      : null;
  };
  const clickOf = (id: string): ClickRules | null => {
    const one = clicks[id];
    if (!one) return null;
    return { id, affiliateId: one.affiliateId, offerId: one.offerId ?? null, occurredAt: one.at, sub1: null };
  };
  return {
    program: {
      id: 'prg_1',
      currency: 'USD',
      timezone: 'UTC',
      defaultOfferId: Object.keys(offers)[0] ?? null,
      attributionModel: 'last_click',
      couponFirst: false,
      holdDays: 0,
      autoApprove: false,
      sameDomain: 'flag',
      ...program,
    },
    affiliate: affiliateOf,
    byCoupon: (code) => {
      const id = Object.keys(affiliates).find((one) => affiliates[one]?.coupon === code.toLowerCase());
      return id === undefined ? null : affiliateOf(id);
    },
    click: clickOf,
    clickOfAnyMode: clickOf,
    offer: offerOf,
  };
}
