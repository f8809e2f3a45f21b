import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Admission } from '../api/mount.ts';
import type { Db } from '../db/db.ts';
import { AppError, found } from '../domain/errors.ts';
import { adminIn, admitFrom, isSameText, type Caller } from '../http/authenticate.ts';
import type { NetworkLimitDeps } from '../http/network-limits.ts';
import { rateLimitHeaders, type RateLimitPolicy } from '../http/rate-limits.ts';
import { findPrincipalOf, type KeyMode } from '../program/principals.ts';
import { findProgram } from '../program/programs.ts';
import { requireSameOrigin } from './same-origin.ts';
import { keepSession, readSession, type Session, type SessionDeps } from './session-cookie.ts';

/** Requests of one key's sessions a minute: not those that its program's own calls are counted by. */
const policy: RateLimitPolicy = { name: 'console', limit: 1_200, windowS: 60 };

export type AdmissionDeps = SessionDeps & NetworkLimitDeps & { db: Db };

/** Who is signed in; null: nobody, or nobody any longer. */
export async function findCaller(deps: AdmissionDeps, req: Request, res: Response): Promise<Caller | null> {
  const session = await readSession(deps, req);
  const caller = session && (await callerOf(deps, session, req, res));
  if (session && caller) await keepSession(deps, res, session);
  return caller;
}

/** The same, by a session that was read: a page that is merely open is no use that prolongs it. */
export async function callerOf(
  deps: AdmissionDeps,
  session: Session,
  req: Request,
  res: Response,
): Promise<Caller | null> {
  if (session.kind === 'admin') {
    return isSameText(session.digest, digestOf(deps.config.adminToken)) ? { kind: 'admin', within: null } : null;
  }
  const principal = await admitFrom(deps, await findPrincipalOf(deps.db, session.keyId), req, res);
  return principal && { kind: 'key', principal };
}

/** What a session keeps of the admin token, which has far too many possible values to be found by it. */
export function digestOf(adminToken: string): string {
  return hash('sha256', `tributary console ${adminToken}`, 'base64url');
}

/**
 * Lets whoever is signed in call the native API. Its owner says in which program and mode they act, by headers; a key has its
 * own. Throws UNAUTHORIZED where nobody is signed in, NOT_FOUND for a program that there is not.
 */
export const admitSession: Admission = async (deps, req, res) => {
  requireSameOrigin(req);
  const caller = await findCaller(deps, req, res);
  if (!caller) throw new AppError('UNAUTHORIZED', 'Nobody is signed in here, or no longer');
  await limitConsole(deps, caller, res);
  const programId = req.get('tributary-program');
  if (caller.kind === 'key') {
    if (programId !== undefined && programId !== caller.principal.programId) found(null, 'Program');
    return caller;
  }
  if (programId === undefined) return caller;
  found(await findProgram(deps.db, programId), 'Program');
  return { kind: 'admin', within: adminIn(programId, modeOf(req)) };
};

function modeOf(req: Request): KeyMode {
  return req.get('tributary-mode') === 'test' ? 'test' : 'live';
}

/** Counts a request of the console; throws RATE_LIMITED past the limit. */
export async function limitConsole(deps: NetworkLimitDeps, caller: Caller, res: Response): Promise<void> {
  const usage = await deps.rateLimits.count(policy, caller.kind === 'key' ? caller.principal.keyId : 'admin');
  if (!usage) return;
  for (const [name, value] of rateLimitHeaders(usage, deps.clock.now())) res.setHeader(name, value);
  if (usage.allowed) return;
  throw new AppError(
    'RATE_LIMITED',
    `Too many requests: ${policy.limit} a minute are allowed to a key in the console`,
    {
      retryAfterS: usage.resetS,
    },
  );
}
