import type { Explanation } from './commission.ts';
import type { RememberedRules, Catalog } from './catalog.ts';

export interface Remembering {
  /** Referral codes that are named again: they are looked up anew, if they named nobody before. */
  namedAgain?: ReadonlySet<string>;
  /** For a proof: what named nobody when the order was settled names nobody now. */
  onlyRemembered: boolean;
}

/**
 * The program's catalog as an order's explanations remember it: whom its codes, coupons and offers named, and the rules that
 * decided. So a code that is given to somebody else, or a rule that is changed, moves no order that was settled before.
 * What named nobody then may name somebody now, unless only what is remembered counts; a referral code only where a message
 * names it again, since making a code credits nobody with what was bought before.
 */
export function rememberedCatalog(
  catalog: Catalog,
  explanations: Explanation[],
  { onlyRemembered, namedAgain }: Remembering = { onlyRemembered: false },
): Catalog {
  if (explanations.length === 0) return catalog;
  const affiliates = new Map<string, string>();
  const coupons = new Map<string, string>();
  const offers = new Map<string, string>();
  const clicks = new Set<string>();
  const namedNobody = new Set<string>();
  const unknown = { affiliates: new Set<string>(), offers: new Set<string>() };
  let rules: RememberedRules = {};
  for (const { chosen, passedOver, offer, rules: remembered } of explanations) {
    rules = { ...remembered, ...rules };
    if (offer && !offers.has(offer.value)) offers.set(offer.value, offer.offerId);
    for (const { by, value, affiliateId } of chosen ? [chosen, ...passedOver] : passedOver) {
      if (affiliateId === undefined) {
        if (by === 'referral_code' && !namedAgain?.has(value)) namedNobody.add(value);
        (by === 'offer' ? unknown.offers : unknown.affiliates).add(value);
        continue;
      }
      if (by === 'click') clicks.add(value);
      const named = by === 'coupon' ? coupons : by === 'affiliate' || by === 'referral_code' ? affiliates : null;
      if (named && !named.has(value)) named.set(value, affiliateId);
    }
  }
  const find = <T extends { id: string }>(
    named: Map<string, string>,
    nobody: ReadonlySet<string>,
    look: (text: string) => T | null,
  ) => {
    return (text: string): T | null => {
      const found = look(named.get(text) ?? text);
      if (!onlyRemembered || named.has(text)) return found;
      // An id names what it names, whenever one looks, unless that was test configuration then.
      return found?.id === text && !nobody.has(text) ? found : null;
    };
  };
  return {
    program: { ...catalog.program, ...rules },
    affiliate: find(affiliates, unknown.affiliates, (text) => (namedNobody.has(text) ? null : catalog.affiliate(text))),
    byCoupon: (code) => {
      const id = coupons.get(code);
      if (id !== undefined) return catalog.affiliate(id);
      return onlyRemembered ? null : catalog.byCoupon(code);
    },
    click: (id) => {
      if (clicks.has(id)) return catalog.clickOfAnyMode(id);
      return onlyRemembered ? null : catalog.click(id);
    },
    clickOfAnyMode: catalog.clickOfAnyMode,
    offer: find(offers, unknown.offers, catalog.offer),
  };
}
