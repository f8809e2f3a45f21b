import type { RouteLimits } from '../dialect.ts';

/** The page's limits, per key and method. */
export const getLimits: RouteLimits = { limitClass: 'reads', policies: [{ name: 'get', limit: 120, windowS: 60 }] };
export const postLimits: RouteLimits = {
  limitClass: 'conversions',
  policies: [{ name: 'post', limit: 30, windowS: 60 }],
};

/** 50 a page, at most 100. */
export const pageLimits = { usual: 50, most: 100 };
