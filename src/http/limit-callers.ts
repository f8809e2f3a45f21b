import type { Request, Response } from 'express';
import type { Clock } from '../domain/clock.ts';
import type { RateLimits } from './rate-limits.ts';
import { AppError } from '../domain/errors.ts';
import type { LimitClass, Principal } from '../program/principals.ts';
import { keyPolicy, rateLimitHeaders } from './rate-limits.ts';
import type { Caller } from './authenticate.ts';

interface LimitDeps {
  rateLimits: RateLimits;
  clock: Clock;
}

/** Counts a request of the native API against its key and says so in the headers; throws RATE_LIMITED past the limit. */
export async function limitCaller(deps: LimitDeps, caller: Caller, req: Request, res: Response): Promise<void> {
  const principal = caller.kind === 'key' ? caller.principal : { keyId: 'admin', rateLimits: {} };
  await limitPrincipal(deps, principal, classOf(req.method, req.path), res);
}

/** Counts the conversions of one call past the first, which is counted as every call; throws RATE_LIMITED past the limit. */
export async function limitConversionsOf(
  { rateLimits }: Pick<LimitDeps, 'rateLimits'>,
  principal: Pick<Principal, 'keyId' | 'rateLimits'>,
  further: number,
): Promise<void> {
  if (further === 0) return;
  const usage = await rateLimits.count(keyPolicy(principal, 'conversions'), principal.keyId, further);
  if (!usage || usage.allowed) return;
  const { policy, resetS } = usage;
  throw new AppError('RATE_LIMITED', `Too many conversions: ${policy.limit} a minute are allowed`, {
    retryAfterS: resetS,
  });
}

/** The same as `limitCaller` for `/pb`: every postback with a key counts as a conversion. */
export async function limitPostback(deps: LimitDeps, principal: Principal, res: Response): Promise<void> {
  await limitPrincipal(deps, principal, 'conversions', res);
}

async function limitPrincipal(
  deps: LimitDeps,
  principal: Pick<Principal, 'keyId' | 'rateLimits'>,
  limitClass: LimitClass,
  res: Response,
): Promise<void> {
  const usage = await deps.rateLimits.count(keyPolicy(principal, limitClass), principal.keyId);
  if (!usage) return;
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
  if (usage.allowed) return;
  throw new AppError('RATE_LIMITED', `Too many requests: ${usage.policy.limit} a minute are allowed (${limitClass})`, {
    retryAfterS: usage.resetS,
  });
}

/** Clicks are told of as often as conversions are. */
function classOf(method: string, path: string): LimitClass {
  if (method === 'GET' || method === 'HEAD') return 'reads';
  return method === 'POST' && /^\/(?:conversions(?:\/batch)?|events|clicks)\/?$/.test(path) ? 'conversions' : 'writes';
}
