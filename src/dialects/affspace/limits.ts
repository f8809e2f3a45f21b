import type { RouteLimits } from '../dialect.ts';

/** The page's table, per API key and minute. */
export const getLimits: RouteLimits = {
  limitClass: 'reads',
  policies: [{ name: 'get', limit: 100, windowS: 60 }],
};
export const statsLimits: RouteLimits = {
  limitClass: 'reads',
  policies: [{ name: 'stats', limit: 20, windowS: 60 }],
};
/** `POST /api/v1/events` and other write endpoints. */
export const writeLimits: RouteLimits = {
  limitClass: 'writes',
  policies: [{ name: 'write', limit: 30, windowS: 60 }],
};
/** `POST /api/v1/conversions` and primary postbacks, together. */
export const conversionLimits: RouteLimits = {
  limitClass: 'conversions',
  policies: [{ name: 'conversions', limit: 1000, windowS: 60 }],
};
