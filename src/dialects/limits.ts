import type { Request, Response } from 'express';
import { findNetwork } from '../http/network-limits.ts';
import type { Deps } from '../deps.ts';
import { AppError } from '../domain/errors.ts';
import type { Principal } from '../program/principals.ts';
import { rateLimitHeaders, type RateLimitPolicy, type RateLimitUsage } from '../http/rate-limits.ts';
import type { Dialect, DialectRoute, RouteLimits } from './dialect.ts';

type LimitDeps = Pick<Deps, 'rateLimits' | 'clock' | 'log'>;

/**
 * Counts a request against the page's limits and says so in the headers; throws RATE_LIMITED past one. Requests without a
 * key count against their address.
 */
export async function limitDialect(
  deps: LimitDeps,
  dialect: Pick<Dialect, 'name'>,
  route: Pick<DialectRoute, 'limits'>,
  principal: Principal | null,
  req: Request,
  res: Response,
): Promise<void> {
  if (!route.limits) return;
  const caller = principal?.keyId ?? findNetwork(deps, req);
  if (caller === null) return;
  const [shown, ...others] = policiesOf(dialect.name, route.limits, principal);
  // A request that the limit on bursts refuses does not count against the minute.
  for (const policy of others) {
    const usage = await deps.rateLimits.count(policy, caller);
    if (usage && !usage.allowed) refuse(deps, usage, res);
  }
  const usage = await deps.rateLimits.count(shown, caller);
  if (!usage) return;
  if (!usage.allowed) refuse(deps, usage, res);
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
}

function policiesOf(
  surface: string,
  { limitClass, policies }: RouteLimits,
  principal: Principal | null,
): [RateLimitPolicy, ...RateLimitPolicy[]] {
  const own = principal?.rateLimits[limitClass];
  const isLent = principal?.lentLimits.includes(limitClass) ?? false;
  if (own !== undefined && !isLent) return [{ name: `${surface}-${limitClass}`, limit: own, windowS: 60 }];
  const [shown, ...others] = policies;
  const rename = (policy: RateLimitPolicy) => ({
    ...policy,
    name: `${surface}-${policy.name}`,
    limit: Math.min(policy.limit, own ?? policy.limit),
  });
  return [rename(shown), ...others.map(rename)];
}

function refuse(deps: LimitDeps, usage: RateLimitUsage, res: Response): never {
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
  throw new AppError('RATE_LIMITED', 'Too many requests', { retryAfterS: usage.resetS });
}
