import { hash, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Config } from '../process/config.ts';
import type { Db } from '../db/db.ts';
import { countNetwork, type NetworkLimitDeps } from './network-limits.ts';
import { AppError } from '../domain/errors.ts';
import { scopesOf } from '../domain/key-scopes.ts';
import { authenticateKey, type Principal } from '../program/principals.ts';
import { ADMIN_KEY_ID } from './actor.ts';
import { compileCidrs } from './client-address.ts';
import { rateLimitHeaders, type RateLimitPolicy } from './rate-limits.ts';

/**
 * Who calls: a key of a program, or the holder of the admin token, who has no program but where a page of the console says in
 * which one they act.
 */
export type Caller = { kind: 'key'; principal: Principal } | { kind: 'admin'; within: Principal | null };

/** The holder of the admin token, as who may do everything in a program. */
export function adminIn(programId: string, mode: Principal['mode']): Principal {
  return {
    keyId: ADMIN_KEY_ID,
    keyName: 'admin',
    programId,
    mode,
    access: 'write',
    scopes: scopesOf('write'),
    expiresAt: null,
    allowedCidrs: null,
    rateLimits: {},
    lentLimits: [],
  };
}

/** Requests with a wrong key, or none, that a network may send a minute. Right ones pass whatever others there do. */
const failurePolicy: RateLimitPolicy = { name: 'failed-authentication', limit: 100, windowS: 60 };

/**
 * Reads `Authorization: Bearer` or `X-API-Key`. Throws UNAUTHORIZED where neither is given, INVALID_API_KEY where the key
 * is not known, RATE_LIMITED where its address sent too many such.
 */
export async function authenticateRequest(
  deps: NetworkLimitDeps & { config: Config; db: Db },
  req: Request,
  res: Response,
): Promise<Caller> {
  const credential = readCredential(req, ['bearer', 'x-api-key']);
  if (credential === null) {
    await countFailure(deps, req, res);
    res.setHeader('WWW-Authenticate', 'Bearer');
    throw new AppError('UNAUTHORIZED', 'An API key is required: send it as Authorization: Bearer or X-API-Key');
  }
  if (isSameText(credential, deps.config.adminToken)) return { kind: 'admin', within: null };
  const principal = await admitKey(deps, credential, req, res);
  if (principal) return { kind: 'key', principal };
  await countFailure(deps, req, res);
  res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
  throw new AppError('INVALID_API_KEY', 'The API key is not valid, or has expired');
}

/**
 * The principal of a key, on whichever surface it is used; null where it is unknown, revoked or over. Throws
 * INSUFFICIENT_PERMISSIONS where the request comes from none of its networks, which counts as a wrong key does.
 */
export async function admitKey(
  deps: NetworkLimitDeps & { db: Db },
  credential: string,
  req: Request,
  res: Response,
): Promise<Principal | null> {
  return await admitFrom(deps, await authenticateKey(deps.db, credential), req, res);
}

/** The same, of a key that is known already. */
export async function admitFrom(
  deps: NetworkLimitDeps,
  principal: Principal | null,
  req: Request,
  res: Response,
): Promise<Principal | null> {
  if (!principal || isUsableFrom(principal, req)) return principal;
  await countFailure(deps, req, res);
  const from = req.ip ?? 'an unknown address';
  throw new AppError(
    'INSUFFICIENT_PERMISSIONS',
    `This API key may not be used from ${from}: its networks are others (allowedCidrs)`,
  );
}

/** Whether a request comes from one of the networks that the key may be used from. */
export function isUsableFrom({ allowedCidrs }: Pick<Principal, 'allowedCidrs'>, { ip }: Request): boolean {
  return allowedCidrs === null || matcherOf(allowedCidrs)(ip ?? '');
}

/** Principals are remembered for some seconds, and their networks compiled as long. */
const matchers = new WeakMap<readonly string[], (address: string) => boolean>();

function matcherOf(cidrs: readonly string[]): (address: string) => boolean {
  const known = matchers.get(cidrs);
  if (known) return known;
  const made = compileCidrs(cidrs);
  matchers.set(cidrs, made);
  return made;
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

/** Counts a wrong or missing credential against its network; throws RATE_LIMITED past the limit. */
export async function countFailure(deps: NetworkLimitDeps, req: Request, res: Response): Promise<void> {
  const usage = await countNetwork(deps, req, failurePolicy);
  if (!usage) return;
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
  if (usage.allowed) return;
  throw new AppError('RATE_LIMITED', 'Too many requests with a wrong API key, or none, from this address', {
    retryAfterS: usage.resetS,
  });
}

/** In a time that tells nothing about where they differ, or about the length. `expected` is one of few, whose digest is kept. */
export function isSameText(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digests.get(expected) ?? keepDigest(expected));
}

const digests = new Map<string, Buffer>();

function keepDigest(expected: string): Buffer {
  const made = digest(expected);
  digests.set(expected, made);
  return made;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
