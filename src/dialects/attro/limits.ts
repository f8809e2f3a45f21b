import type { LimitClass } from '../../program/principals.ts';
import type { RouteLimits } from '../dialect.ts';

/** 100 a minute and 20 a second, over all endpoints together. */
export function limitsOf(limitClass: LimitClass): RouteLimits {
  return {
    limitClass,
    policies: [
      { name: 'minute', limit: 100, windowS: 60 },
      { name: 'second', limit: 20, windowS: 1 },
    ],
  };
}

export const pageLimits = { usual: 20, most: 100 };
