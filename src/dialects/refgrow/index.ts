import type { Dialect } from '../dialect.ts';
import { affiliateRoutes } from './affiliates.ts';
import { commissionRoutes } from './commissions.ts';
import { renderRefgrowError } from './errors.ts';
import { referralRoutes } from './referrals.ts';

/** The API that https://refgrow.com/docs/endpoints documents (read 2026-11). */
export const refgrow: Dialect = {
  name: 'refgrow',
  base: '/refgrow/v1',
  credentials: ['bearer'],
  routes: [...affiliateRoutes, ...referralRoutes, ...commissionRoutes],
  renderError: renderRefgrowError,
};
