import { defaultRateLimits } from '../../program/principals.ts';
import type { RouteLimits } from '../dialect.ts';

/** The page names no figures (only the error): the native API's hold, per key. */
export const readLimits: RouteLimits = {
  limitClass: 'reads',
  policies: [{ name: 'reads', limit: defaultRateLimits.reads, windowS: 60 }],
};
export const writeLimits: RouteLimits = {
  limitClass: 'writes',
  policies: [{ name: 'writes', limit: defaultRateLimits.writes, windowS: 60 }],
};
export const referralLimits: RouteLimits = {
  limitClass: 'conversions',
  policies: [{ name: 'referrals', limit: defaultRateLimits.conversions, windowS: 60 }],
};

/** 20 a page, at most 100. */
export const pageLimits = { usual: 20, most: 100 };
