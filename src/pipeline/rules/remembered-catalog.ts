import type { Explanation } from './commission.ts';
import type { RememberedRules, World } from './catalog.ts';

/**
 * The program's world as an order's explanations remember it: whom its codes, coupons and offers named, and the rules that
 * decided. So a code that is given to somebody else, or a rule that is changed, moves no order that was settled before.
 * What named nobody then may name somebody now; unless `strictly`, for a proof, nothing else is known than what was.
 */
export function recallWorld(world: World, explanations: Explanation[], strictly = false): World {
  if (explanations.length === 0) return world;
  const affiliates = new Map<string, string>();
  const coupons = new Map<string, string>();
  const offers = new Map<string, string>();
  const clicks = new Set<string>();
  let rules: RememberedRules = {};
  for (const { chosen, passedOver, offer, rules: remembered } of explanations) {
    rules = { ...remembered, ...rules };
    if (offer && !offers.has(offer.value)) offers.set(offer.value, offer.offerId);
    for (const { by, value, affiliateId } of chosen ? [chosen, ...passedOver] : passedOver) {
      if (affiliateId === undefined) continue;
      if (by === 'click') clicks.add(value);
      const named = by === 'coupon' ? coupons : by === 'affiliate' || by === 'referral_code' ? affiliates : null;
      if (named && !named.has(value)) named.set(value, affiliateId);
    }
  }
  const find = <T extends { id: string }>(named: Map<string, string>, look: (text: string) => T | null) => {
    return (text: string): T | null => {
      const found = look(named.get(text) ?? text);
      // An id names what it names, whenever one looks.
      return strictly && !named.has(text) && found?.id !== text ? null : found;
    };
  };
  return {
    program: { ...world.program, ...rules },
    affiliate: find(affiliates, world.affiliate),
    byCoupon: (code) => {
      const id = coupons.get(code);
      if (id !== undefined) return world.affiliate(id);
      return strictly ? null : world.byCoupon(code);
    },
    click: (id) => (strictly && !clicks.has(id) ? null : world.click(id)),
    offer: find(offers, world.offer),
  };
}
