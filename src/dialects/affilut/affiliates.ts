import { z } from 'zod';
import { listAffiliates, type Affiliate } from '../../program/affiliates.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { numberedPageQuery } from '../pages.ts';
import { toPercent } from '../values.ts';
import { getLimits, pageLimits } from './limits.ts';

const listQuery = z.object(numberedPageQuery(pageLimits));

export const affiliateRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/affiliates',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    query: listQuery,
    handle: async ({ db }, { reach, query: { page, limit } }) => {
      const { items } = await listAffiliates(db, reach, {}, { limit, offset: (page - 1) * limit });
      return answer(200, { data: items.map(affiliateView), page, limit });
    },
  }),
];

function affiliateView(affiliate: Affiliate) {
  return {
    id: affiliate.id,
    name: affiliate.displayName,
    email: affiliate.email,
    shortCode: affiliate.referralCode,
    status: affiliate.status,
    commissionOverride: percentOf(affiliate),
    createdAt: affiliate.createdAt.toISOString(),
    activatedAt: affiliate.activatedAt?.toISOString() ?? null,
  };
}

/** '15', '12.5'; null where the affiliate has no rate of their own (a fixed amount is no percentage). */
function percentOf({ commissionOverride }: Affiliate): string | null {
  if (!commissionOverride || !('rateBps' in commissionOverride)) return null;
  return String(toPercent(commissionOverride.rateBps));
}
