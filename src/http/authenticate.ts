import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import ipaddr from 'ipaddr.js';
import type { Clock } from '../domain/clock.ts';
import type { Config } from '../process/config.ts';
import type { Db } from '../db/db.ts';
import type { RateLimits } from './rate-limits.ts';
import { AppError } from '../domain/errors.ts';
import { authenticateKey, type Principal } from '../program/api-keys.ts';
import { rateLimitHeaders, type RateLimitPolicy } from './rate-limits.ts';

/** Who calls: a key of a program, or the holder of the admin token, who has no program. */
export type Caller = { kind: 'key'; principal: Principal } | { kind: 'admin' };

/** Wrong credentials that an address may send a minute. Right ones pass whatever others at the address do. */
const failurePolicy: RateLimitPolicy = { name: 'failed-authentication', limit: 100, windowS: 60 };

/**
 * Reads `Authorization: Bearer` or `X-API-Key`. Throws UNAUTHORIZED where neither is given, INVALID_API_KEY where the key
 * is not known, RATE_LIMITED where its address sent too many such.
 */
export async function authenticateRequest(
  deps: { config: Config; db: Db; rateLimits: RateLimits; clock: Clock },
  req: Request,
  res: Response,
): Promise<Caller> {
  const credential = readCredential(req, ['bearer', 'x-api-key']);
  if (credential === null) {
    // Nothing was guessed, so nothing is counted; the headers are on every answer all the same.
    await countFailure(deps, req, res, 0);
    res.setHeader('WWW-Authenticate', 'Bearer');
    throw new AppError('UNAUTHORIZED', 'An API key is required: send it as Authorization: Bearer or X-API-Key');
  }
  if (isSameText(credential, deps.config.adminToken)) return { kind: 'admin' };
  const principal = await authenticateKey(deps.db, credential);
  if (principal) return { kind: 'key', principal };
  await countFailure(deps, req, res);
  res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
  throw new AppError('INVALID_API_KEY', 'The API key is not valid');
}

/** Headers that may carry a key. bearer: `Authorization: Bearer`. x-api-key: the header of that name. */
export type CredentialHeader = 'bearer' | 'x-api-key';

/** The key in the first of these headers that has one; null where none has. Every surface reads keys by this. */
export function readCredential(req: Request, headers: readonly CredentialHeader[]): string | null {
  for (const header of headers) {
    const credential = readHeader[header](req);
    if (credential) return credential;
  }
  return null;
}

const readHeader: Record<CredentialHeader, (req: Request) => string | undefined> = {
  bearer: (req) => /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1],
  'x-api-key': (req) => req.get('x-api-key')?.trim(),
};

/** Counts a wrong credential against its address; throws RATE_LIMITED past the limit. */
export async function countFailure(
  deps: { rateLimits: RateLimits; clock: Clock },
  req: Request,
  res: Response,
  failures = 1,
): Promise<void> {
  const usage = await deps.rateLimits.count(failurePolicy, networkOf(req.ip ?? ''), failures);
  if (!usage) return;
  const shown = failures === 0 ? { ...usage, allowed: true } : usage;
  for (const [name, value] of rateLimitHeaders(shown, deps.clock.now())) res.setHeader(name, value);
  if (shown.allowed) return;
  throw new AppError('RATE_LIMITED', 'Too many requests with a wrong API key from this address', {
    retryAfterS: usage.resetS,
  });
}

/** Whoever has an IPv6 address has its whole /64. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : `${parsed.toNormalizedString().split(':').slice(0, 4).join(':')}::/64`;
}

/** In a time that tells nothing about where they differ, or about the length. */
function isSameText(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
