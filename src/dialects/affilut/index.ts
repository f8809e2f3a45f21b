import type { Dialect } from '../dialect.ts';
import { affiliateRoutes } from './affiliates.ts';
import { conversionRoutes } from './conversions.ts';
import { renderAffilutError } from './errors.ts';

/** The API that https://affilut.com/docs documents (read 2026-11). Its checkout snippet is `/snippet.js`. */
export const affilut: Dialect = {
  name: 'affilut',
  base: '/affilut/api/v1',
  credentials: ['bearer'],
  routes: [...affiliateRoutes, ...conversionRoutes],
  renderError: renderAffilutError,
};
