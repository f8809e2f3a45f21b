import { z } from 'zod';
import { toPageRequest } from '../../api/pagination.ts';
import { notFound } from '../../domain/errors.ts';
import type { CommissionTerms } from '../../domain/terms.ts';
import { findOffer, listOffers, type Offer } from '../../program/offers.ts';
import { defineDialectRoute } from '../dialect.ts';
import { cursorPageQuery } from '../pages.ts';
import { toPercent } from '../values.ts';
import { answerData, answerPage } from './envelope.ts';
import { getLimits } from './limits.ts';

const statuses = ['published', 'paused', 'draft', 'archived'] as const;

export const offerRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/offers',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    query: z.object({ ...cursorPageQuery({ usual: 50, most: 100 }), status: z.enum(statuses).optional() }),
    handle: async ({ db }, { reach, query }) => {
      const filter = { statuses: query.status && [query.status] };
      const page = await listOffers(db, reach, filter, toPageRequest('offers', query));
      return answerPage('offers', page, listedOffer);
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/offers/:code',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    handle: async ({ db }, { reach, params }) => {
      const offer = await findOffer(db, reach, params['code'] ?? '');
      if (!offer) throw notFound('Offer');
      const { code, name, status, currency, url } = offer;
      return answerData({
        code,
        name,
        status,
        currency,
        primaryUrl: url,
        payoutTerms: describeTerms(offer.commission),
      });
    },
  }),
];

function listedOffer({ code, name, status, currency, commission }: Offer) {
  return { code, name, status, currency, commissionType: commission.type, payoutTerms: describeTerms(commission) };
}

/** The page shows fixed payouts only; a percentage has a field of its own. */
function describeTerms(terms: CommissionTerms) {
  if (terms.type === 'cpa') return { advertiserPayoutCents: terms.amountMinor };
  const percent = { advertiserPayoutPercent: toPercent(terms.rateBps) };
  return terms.type === 'revshare' ? { ...percent, durationMonths: terms.durationMonths } : percent;
}
