import type { Request, Response } from 'express';
import ipaddr from 'ipaddr.js';
import type { Logger } from 'pino';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { readAddress } from './client-address.ts';
import { rateLimitHeaders, type RateLimitPolicy, type RateLimits, type RateLimitUsage } from './rate-limits.ts';

export interface NetworkLimitDeps {
  rateLimits: RateLimits;
  clock: Clock;
  log: Logger;
}

// What callers without a key may do in a minute, each network for itself: an IPv4 address or an IPv6 /64. A visitor lands
// once; but an office or a phone network may be many visitors.

/** Clicks of one link, or of one referral code. */
export const clickPolicy: RateLimitPolicy = { name: 'anonymous-clicks', limit: 600, windowS: 60 };
/** Questions until when a click counts. */
export const clickExpiryPolicy: RateLimitPolicy = { name: 'click-expiries', limit: 600, windowS: 60 };
/** Codes that lead nowhere. */
export const unknownCodePolicy: RateLimitPolicy = { name: 'unknown-codes', limit: 600, windowS: 60 };
export const leadPolicy: RateLimitPolicy = { name: 'anonymous-leads', limit: 20, windowS: 60 };
/** Postbacks to sources that ask for no key and name no addresses. */
export const keylessPostbackPolicy: RateLimitPolicy = { name: 'keyless-postbacks', limit: 6_000, windowS: 60 };
/** Documents and scripts. */
export const pagePolicy: RateLimitPolicy = { name: 'pages', limit: 1_200, windowS: 60 };

/**
 * Counts one request of a network, or as many as `requests` says, under a policy; `scope` parts counts that share one. Null
 * where limits are off, or the network is not known.
 */
export async function countNetwork(
  deps: NetworkLimitDeps,
  req: Request,
  policy: RateLimitPolicy,
  { scope = '', requests = 1 }: { scope?: string; requests?: number } = {},
): Promise<RateLimitUsage | null> {
  const network = findNetwork(deps, req);
  return network === null ? null : await deps.rateLimits.count(policy, `${network} ${scope}`.trimEnd(), requests);
}

/** The same, said in the headers; throws RATE_LIMITED past the limit. */
export async function limitNetwork(
  deps: NetworkLimitDeps,
  req: Request,
  res: Response,
  policy: RateLimitPolicy,
  scope = '',
): Promise<void> {
  const usage = await countNetwork(deps, req, policy, { scope });
  if (!usage) return;
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
  if (!usage.allowed) throw new AppError('RATE_LIMITED', 'Too many requests', { retryAfterS: usage.resetS });
}

/**
 * The network that a request comes from. Null behind a proxy that nobody told us to believe: all its visitors would share one
 * count, and whoever makes noise would shut out the others. The log says so.
 */
export function findNetwork({ log }: { log: Logger }, req: Request): string | null {
  const address = readAddress(req.socket.remoteAddress ?? '') ?? '';
  if (req.headers['x-forwarded-for'] === undefined || isTrusted(req, address) || !isPrivate(address)) {
    return networkOf(req.ip ?? '');
  }
  tellOfProxy(log);
  return null;
}

/** Whether it is believed about who stands behind it, be it that it does not know. */
function isTrusted(req: Request, address: string): boolean {
  const trust = req.app.get('trust proxy fn') as (address: string, hop: number) => boolean;
  return trust(address, 0);
}

/** Whoever has an IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  const read = readAddress(address);
  if (read === null) return address;
  const parsed = ipaddr.parse(read);
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : `${parsed.toNormalizedString().split(':').slice(0, 4).join(':')}::/64`;
}

const privateRanges: ReadonlySet<string> = new Set([
  'private',
  'loopback',
  'linkLocal',
  'uniqueLocal',
  'carrierGradeNat',
]);

function isPrivate(address: string): boolean {
  return address !== '' && privateRanges.has(ipaddr.parse(address).range());
}

/** Once an hour, since it is so with every request. */
const TELL_EVERY_MS = 3_600_000;
const toldAt = new WeakMap<Logger, number>();

function tellOfProxy(log: Logger): void {
  const last = toldAt.get(log);
  if (last !== undefined && performance.now() - last < TELL_EVERY_MS) return;
  toldAt.set(log, performance.now());
  log.warn(
    'requests come through a proxy that is not trusted, so limits per network do not apply and addresses are not known: ' +
      'set TRUST_PROXY to the number of proxies in front, or to their addresses',
  );
}
