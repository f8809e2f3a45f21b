import { z } from 'zod';
import { toAffiliateId, toOfferId } from '../../api/named.ts';
import { periodQuery, reference } from '../../http/fields.ts';
import { resolvePeriod } from '../../program/period.ts';
import { readStatistics, readStatisticsSeries, type Statistics } from '../../statistics/statistics.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { toMajorNumber } from '../values.ts';
import { limitsOf } from './limits.ts';

/** "Retrieve analytics and reports": promised by the page without a path or fields; the figures are the native API's. */
export const analyticsRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/analytics',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    mayBeBehind: true,
    query: z.object({
      ...periodQuery,
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      groupBy: z.enum(['day', 'week', 'month']).optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      const filter = {
        livemode,
        ...(await resolvePeriod(db, programId, query)),
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
      };
      const totals = describe(await readStatistics(db, programId, filter));
      if (query.groupBy === undefined) return answer(200, { data: totals });
      const series = await readStatisticsSeries(db, programId, filter, query.groupBy);
      return answer(200, {
        data: { ...totals, series: series.map((bucket) => ({ date: bucket.date, ...describe(bucket) })) },
      });
    },
  }),
];

function describe({ clicks, conversions, conversionRate, amounts }: Statistics) {
  return {
    clicks,
    conversions,
    conversionRate,
    amounts: amounts.map(({ currency, revenueMinor, commissionMinor }) => ({
      currency,
      revenue: toMajorNumber(revenueMinor, currency),
      commission: toMajorNumber(commissionMinor, currency),
    })),
  };
}
