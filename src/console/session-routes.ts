import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { admitKey, isSameText, type Caller } from '../http/authenticate.ts';
import { answerApiError } from '../http/errors.ts';
import { readJsonBody } from '../http/json-body.ts';
import { limitNetwork } from '../http/network-limits.ts';
import type { RateLimitPolicy } from '../http/rate-limits.ts';
import { validate } from '../http/validate.ts';
import { version } from '../process/version.ts';
import { findProgram, listPrograms, type Program } from '../program/programs.ts';
import { takeSignInLink } from '../program/sign-in-links.ts';
import { digestOf, findCaller, limitConsole, type AdmissionDeps } from './admit-session.ts';
import { requireSameOrigin } from './same-origin.ts';
import { endSession, startSession } from './session-cookie.ts';

const signInPolicy: RateLimitPolicy = { name: 'console-sign-ins', limit: 10, windowS: 60 };

/** The owner's menu shows so many programs; the others are reached by their address. */
const MOST_PROGRAMS = 100;

const signInSchema = z.union([
  z.strictObject({
    credential: z.string().trim().min(1).max(255).meta({ description: 'An API key, or the admin token' }),
  }),
  z.strictObject({ link: z.string().min(1).max(255).meta({ description: 'What a sign-in link has behind its #' }) }),
]);

/** What the app knows of whoever is signed in. */
export interface SessionView {
  /** owner: the admin token. operator: a key that may write. viewer: one that may read. custom: one with scopes of its own. */
  role: 'owner' | 'operator' | 'viewer' | 'custom';
  keyName: string | null;
  /** What a key may do; null: everything. */
  scopes: string[] | null;
  /** The mode that a key is of; null: both. */
  mode: 'live' | 'test' | null;
  programs: { id: string; name: string; timezone: string; currency: string }[];
  publicUrl: string;
  version: string;
}

/** Signing in, who is signed in, and signing out. */
export function sessionRoutes(deps: AdmissionDeps): Router {
  const router = Router({ strict: true, caseSensitive: true });
  router.use('/session', (_req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    next();
  });
  router.post('/session', async (req, res) => {
    requireSameOrigin(req);
    await limitNetwork(deps, req, res, signInPolicy);
    const { value } = await readJsonBody(req, MAX_BODY_BYTES);
    const given = validate(signInSchema, value, 'The body');
    const caller =
      'link' in given ? await signInByLink(deps, given.link, req, res) : await signIn(deps, given.credential, req, res);
    res.json({ data: await viewOf(deps, caller) });
  });
  router.get('/session', async (req, res) => {
    const caller = await findCaller(deps, req, res);
    if (caller) await limitConsole(deps, caller, res);
    res.json({ data: caller && (await viewOf(deps, caller)) });
  });
  router.delete('/session', (req, res) => {
    requireSameOrigin(req);
    endSession(deps, res);
    res.status(204).end();
  });
  router.use(answerApiError);
  return router;
}

const MAX_BODY_BYTES = 4_096;

async function signIn(deps: AdmissionDeps, credential: string, req: Request, res: Response): Promise<Caller> {
  if (isSameText(credential, deps.config.adminToken)) {
    await startSession(deps, res, { kind: 'admin', digest: digestOf(credential) });
    return { kind: 'admin', within: null };
  }
  const principal = await admitKey(deps, credential, req, res);
  if (!principal) throw new AppError('INVALID_API_KEY', 'The key is not valid, or has expired');
  if (principal.access === 'ingest') {
    throw new AppError(
      'INSUFFICIENT_PERMISSIONS',
      'This key may only send conversions, events and postbacks: sign in with one that may read',
    );
  }
  await startSession(deps, res, { kind: 'key', keyId: principal.keyId });
  return { kind: 'key', principal };
}

/**
 * The owner, by a link that the hub's machine printed: once, and only at the hub's own address or on the machine itself, so that
 * no other name that leads here can be used to catch it.
 */
async function signInByLink(deps: AdmissionDeps, token: string, req: Request, res: Response): Promise<Caller> {
  if (!isOwnHost(req, deps.config.publicUrl)) {
    throw new AppError('INSUFFICIENT_PERMISSIONS', `A sign-in link works at ${deps.config.publicUrl} only`);
  }
  const link = await takeSignInLink(deps.db, 'console', token, deps.clock.now());
  if (!link) {
    throw new AppError(
      'INVALID_API_KEY',
      'This link was used, or is older than 15 minutes: `npx tributary console` prints another one',
    );
  }
  await startSession(deps, res, { kind: 'admin', digest: digestOf(deps.config.adminToken) });
  return { kind: 'admin', within: null };
}

function isOwnHost(req: Request, publicUrl: string): boolean {
  return req.host === new URL(publicUrl).host || /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(req.host);
}

const roles = { write: 'operator', read: 'viewer', ingest: 'custom' } as const;

async function viewOf({ db, config }: AdmissionDeps, caller: Caller): Promise<SessionView> {
  const hub = { publicUrl: config.publicUrl, version };
  if (caller.kind === 'admin') {
    const { items } = await listPrograms(db, { limit: MOST_PROGRAMS });
    return { role: 'owner', keyName: null, scopes: null, mode: null, programs: items.map(programView), ...hub };
  }
  const { principal } = caller;
  const program = await findProgram(db, principal.programId);
  return {
    role: principal.access ? roles[principal.access] : 'custom',
    keyName: principal.keyName,
    scopes: [...principal.scopes].sort(),
    mode: principal.mode,
    programs: program ? [programView(program)] : [],
    ...hub,
  };
}

function programView({ id, name, timezone, currency }: Program): SessionView['programs'][number] {
  return { id, name, timezone, currency };
}
