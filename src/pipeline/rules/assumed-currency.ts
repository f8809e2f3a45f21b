import type { Evidence } from '../../domain/facts.ts';
import type { Catalog, OfferRules } from './catalog.ts';

/** The first offer that was named or clicked: its currency is what an amount without one is taken for. */
export function mentionedOffer(evidence: Evidence[], catalog: Catalog): OfferRules | null {
  for (const one of evidence) {
    const offer = offerOf(one, catalog);
    if (offer) return offer;
  }
  return null;
}

/** The currency of a program's amounts where no offer is named: its default offer's, else its own. */
export function defaultCurrency(catalog: Catalog): string {
  return defaultOffer(catalog)?.currency ?? catalog.program.currency;
}

/** The offer that one piece of evidence names, else the one that was clicked. */
export function offerOf(evidence: Evidence, catalog: Catalog): OfferRules | null {
  if (evidence.offer !== undefined) return catalog.offer(evidence.offer);
  const click = evidence.clickId === undefined ? null : catalog.click(evidence.clickId);
  return click?.offerId ? catalog.offer(click.offerId) : null;
}

export function defaultOffer(catalog: Catalog): OfferRules | null {
  return catalog.program.defaultOfferId === null ? null : catalog.offer(catalog.program.defaultOfferId);
}
