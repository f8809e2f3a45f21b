import type { Request, Response } from 'express';
import { admitKey, countFailure, readCredential } from '../http/authenticate.ts';
import type { Deps } from '../deps.ts';
import { AppError } from '../domain/errors.ts';
import type { Principal } from '../program/principals.ts';
import type { CredentialForm, Dialect, DialectRoute } from './dialect.ts';

/**
 * Whose key a request carries, by the route's mode; null without one. Throws UNAUTHORIZED where a key is required and none
 * is given, INVALID_API_KEY for a wrong one, RATE_LIMITED where its address sent too many such.
 */
export async function authenticateDialect(
  deps: Pick<Deps, 'db' | 'rateLimits' | 'clock' | 'log'>,
  dialect: Dialect,
  route: Pick<DialectRoute, 'auth'>,
  body: unknown,
  req: Request,
  res: Response,
): Promise<Principal | null> {
  if (route.auth === 'none') return null;
  const credential = findCredential(dialect.credentials, req, body);
  if (credential === null) {
    if (route.auth === 'optional') return null;
    await countFailure(deps, req, res);
    res.setHeader('WWW-Authenticate', 'Bearer');
    throw new AppError('UNAUTHORIZED', 'API key required');
  }
  const principal = await admitKey(deps, credential, req, res);
  if (principal) return principal;
  await countFailure(deps, req, res);
  res.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
  throw new AppError('INVALID_API_KEY', 'API key is invalid');
}

/** Whether a key stands where it can be read before the body is. */
export function hasEarlyCredential(dialect: Dialect, req: Request): boolean {
  return findCredential(dialect.credentials, req, undefined) !== null;
}

function findCredential(forms: readonly CredentialForm[], req: Request, body: unknown): string | null {
  for (const form of forms) {
    const credential = form === 'secure' ? readSecure(req, body) : readCredential(req, [form]);
    if (credential) return credential;
  }
  return null;
}

function readSecure(req: Request, body: unknown): string | null {
  const field = typeof body === 'object' && body !== null && 'secure' in body ? body.secure : null;
  if (typeof field === 'string') return field.trim();
  const question = req.originalUrl.indexOf('?');
  return question === -1 ? null : new URLSearchParams(req.originalUrl.slice(question)).get('secure');
}
