import { defaultRateLimits } from '../../program/principals.ts';
import type { RouteLimits } from '../dialect.ts';

/** The pages name no limits: those of the native conversions hold, per key, or per address where there is none. */
export const trackLimits: RouteLimits = {
  limitClass: 'conversions',
  policies: [{ name: 'track', limit: defaultRateLimits.conversions, windowS: 60 }],
};
