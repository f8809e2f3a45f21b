import type { LoadedOrder } from '../orders/loaded-order.ts';
import type { Binding } from '../rules/attribution.ts';
import type { Candidate } from '../rules/evidence.ts';
import { isBannedAt, snapshotTerms, type Catalog, type TermsSnapshot } from '../rules/catalog.ts';
import { isSelfReferral } from '../rules/credit.ts';

/**
 * The terms that hold for an order and an affiliate: those of the binding, as snapshotted when it was made; those recorded
 * with the order before; else today's, which are recorded with it from now on. Null where no offer is known.
 */
export function termsFor(order: LoadedOrder, candidate: Candidate, binding: Binding | null): TermsSnapshot | null {
  const offerId = candidate.offerId ?? binding?.offerId ?? order.catalog.program.defaultOfferId;
  if (offerId === null) return null;
  const matches = (terms: TermsSnapshot): boolean =>
    terms.affiliateId === candidate.affiliateId && terms.offerId === offerId;
  if (binding && matches(binding.terms)) return binding.terms;
  return order.recorded.terms.find(matches) ?? snapshotFor(candidate.affiliateId, offerId, order.catalog);
}

export function snapshotFor(affiliateId: string, offerId: string, catalog: Catalog): TermsSnapshot | null {
  const affiliate = catalog.affiliate(affiliateId);
  const offer = catalog.offer(offerId);
  return affiliate && offer ? snapshotTerms(affiliate, offer) : null;
}

/** Whether an order or fact that is credited on these terms may bind: it could be paid for, and the buyer is somebody else. */
export function mayBind(terms: TermsSnapshot, buyerEmails: string[], at: string | null, catalog: Catalog): boolean {
  if (!terms.affiliateActive || !terms.offerActive || isSelfReferral(terms, buyerEmails)) return false;
  return !isBanned(terms.affiliateId, at, catalog);
}

export function isBanned(affiliateId: string, at: string | null, catalog: Catalog): boolean {
  const affiliate = catalog.affiliate(affiliateId);
  return affiliate !== null && at !== null && isBannedAt(affiliate, at);
}
