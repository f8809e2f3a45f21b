import type { Router } from 'express';
import type { Deps } from '../../deps.ts';
import type { Dialect } from '../dialect.ts';
import { dialectRouter } from '../mount.ts';
import { conversionRoutes } from './conversions.ts';
import { renderError } from './errors.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { offerRoutes } from './offers.ts';
import { affspacePostbacks } from './postbacks.ts';
import { profileRoutes } from './profile.ts';
import { reportRoutes } from './report.ts';
import { statsRoutes } from './stats.ts';
import { testSessionRoutes } from './test-sessions.ts';

/** AffSpace's Advertiser API (affs.space, Advertiser API, read 2026-11). Differences: src/docs/moving-from-affspace.md. */
export const affspace: Dialect = {
  name: 'affspace',
  base: '/affspace',
  credentials: ['x-api-key', 'bearer', 'secure'],
  routes: [
    ...reportRoutes,
    ...eventRoutes,
    ...conversionRoutes,
    ...statsRoutes,
    ...offerRoutes,
    ...profileRoutes,
    ...testSessionRoutes,
    ...healthRoutes,
  ],
  renderError,
};

/** Its routes, and `/pb/:endpointId` in its words. */
export function affspaceRouter(deps: Deps): Router {
  return dialectRouter(deps, affspace, affspacePostbacks(deps));
}
