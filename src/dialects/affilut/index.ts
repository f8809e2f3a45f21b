import type { Dialect } from '../dialect.ts';
import { affiliateRoutes } from './affiliates.ts';
import { conversionRoutes } from './conversions.ts';
import { renderAffilutError } from './errors.ts';
import { getLimits, postLimits } from './limits.ts';

/** The API that https://affilut.com/docs documents (read 2026-11). Its checkout snippet is `/snippet.js`. */
export const affilut: Dialect = {
  name: 'affilut',
  base: '/affilut/api/v1',
  credentials: ['bearer'],
  routes: [...affiliateRoutes, ...conversionRoutes],
  limitsElsewhere: (method) => (method === 'GET' || method === 'HEAD' ? getLimits : postLimits),
  renderError: renderAffilutError,
};
