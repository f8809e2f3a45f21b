import type { Dialect } from '../dialect.ts';
import { affiliateRoutes } from './affiliates.ts';
import { analyticsRoutes } from './analytics.ts';
import { conversionRoutes } from './conversions.ts';
import { describeInvalid, renderError } from './errors.ts';
import { limitsOf } from './limits.ts';
import { offerRoutes } from './offers.ts';
import { payoutRoutes } from './payouts.ts';
import { trackingLinkRoutes } from './tracking-links.ts';

/** Attro's REST API (get-attro.com, REST API Integration, read 2026-11). Differences: src/docs/moving-from-attro.md. */
export const attro: Dialect = {
  name: 'attro',
  base: '/attro/api/v1',
  credentials: ['bearer'],
  routes: [
    ...affiliateRoutes,
    ...offerRoutes,
    ...trackingLinkRoutes,
    ...conversionRoutes,
    ...analyticsRoutes,
    ...payoutRoutes,
  ],
  limitsElsewhere: (method) => limitsOf(method === 'GET' || method === 'HEAD' ? 'reads' : 'writes'),
  renderError,
  describeInvalid,
};
