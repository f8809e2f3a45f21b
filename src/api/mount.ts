import { Router, type Request, type Response } from 'express';
import { AppError, MAX_DETAILS, validationError } from '../domain/errors.ts';
import { scopeOfRoute, type KeyScope } from '../domain/key-scopes.ts';
import { assertScope, seenBy, type Principal } from '../program/principals.ts';
import { findSourceRef, hideSourceIds } from '../program/source-refs.ts';
import { actorOf } from '../http/actor.ts';
import { auditedCall } from '../http/audited-headers.ts';
import { adminIn, authenticateRequest, type Caller } from '../http/authenticate.ts';
import { answerApiError, renderError, sendAnswer, type RenderedAnswer } from '../http/errors.ts';
import { answerOfKey, nameCall, readIdempotentCall, runOnce } from './idempotency.ts';
import { refuseKeysIn } from '../http/keys-in-body.ts';
import { readJsonBody, type JsonBody } from '../http/json-body.ts';
import { readParams } from '../http/params.ts';
import { limitCaller } from '../http/limit-callers.ts';
import { Reply, StreamedReply, type ApiDeps, type Route } from './route.ts';
import { sendStream } from './stream-answer.ts';
import { readQuery, validate } from '../http/validate.ts';

/**
 * Mounts routes of the native API. Every request goes the same way: authenticate, count, match the route, check access,
 * read, validate, handle (once, under an Idempotency-Key), answer. Only callers with a key learn that a path does not exist.
 */
export function mountRoutes(deps: ApiDeps, routes: readonly Route[], admit: Admission = admitByKey): Router {
  const router = Router({ caseSensitive: true });
  router.use(async (req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    callers.set(req, await admit(deps, req, res));
    next();
  });
  for (const route of routes) {
    scopes.set(route, scopeOfRoute(route));
    router[route.method](route.path, async (req: Request, res: Response) => {
      const answer = await answerRoute(deps, route, req, res);
      if (answer.stream) await sendStream(answer.stream, answer.type, req, res, (text) => hideIn(deps, req, text));
      else sendAnswer(res, await hideSources(deps, req, answer));
    });
  }
  router.use((req, res) => {
    const at = `${req.baseUrl}${req.path}`;
    const methods = methodsOf(routes, req.path);
    if (methods.length === 0) throw new AppError('NOT_FOUND', `There is nothing at ${req.method} ${at}`);
    res.setHeader('Allow', methods.join(', '));
    throw new AppError('METHOD_NOT_ALLOWED', `${at} takes ${methods.join(', ')}, and not ${req.method}`);
  });
  router.use(answerApiError);
  return router;
}

/** Tells who calls, and counts the call against their limits. Throws where nobody may. */
export type Admission = (deps: ApiDeps, req: Request, res: Response) => Promise<Caller>;

const admitByKey: Admission = async (deps, req, res) => {
  const caller = await authenticateRequest(deps, req, res);
  await limitCaller(deps, caller, req, res);
  return caller;
};

/** Which methods a path takes; none: it is nobody's. */
function methodsOf(routes: readonly Route[], path: string): string[] {
  const methods = routes
    .filter((route) => {
      const pattern = route.path.replaceAll('.', String.raw`\.`).replaceAll(/:\w+/g, '[^/]+');
      return new RegExp(`^${pattern}/?$`).test(path);
    })
    .map(({ method }) => method.toUpperCase());
  const known = ['GET', 'POST', 'PATCH', 'DELETE'].filter((method) => methods.includes(method));
  return known.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

const callers = new WeakMap<Request, Caller>();
const scopes = new WeakMap<Route, KeyScope | null>();

/** What is kept under an Idempotency-Key is never a stream. */
type Answer = RenderedAnswer & { stream?: StreamedReply };

/** Also what an Idempotency-Key kept: who may know a source now may not be who might then. */
async function hideSources(deps: ApiDeps, req: Request, answer: RenderedAnswer): Promise<RenderedAnswer> {
  return { ...answer, text: await hideIn(deps, req, answer.text) };
}

function hideIn({ db }: ApiDeps, req: Request, text: string): Promise<string> {
  const caller = callers.get(req);
  return hideSourceIds(db, (caller?.kind === 'key' ? caller.principal : caller?.within) ?? null, text);
}

async function answerRoute(deps: ApiDeps, route: Route, req: Request, res: Response): Promise<Answer> {
  const principal = checkAccess(route, callers.get(req) as Caller);
  const takesBody = route.method === 'post' || route.method === 'patch';
  const body = takesBody ? await readJsonBody(req, undefined, route.maxValues) : NO_BODY;
  const owner = { programId: principal.programId, livemode: principal.mode === 'live' };
  const call = route.method === 'post' ? readIdempotentCall(req, body, owner) : null;
  if (!call) return await handle(deps, route, req, principal, body, null);
  if (isDryRun(route, req)) {
    return (await answerOfKey(deps, call)) ?? (await handle(deps, route, req, principal, body, nameCall(call)));
  }
  return await runOnce(deps, call, async () => {
    try {
      return await handle(deps, route, req, principal, body, nameCall(call));
    } catch (error) {
      const answer = renderError(req, error);
      if (answer.status >= 500) res.err = error instanceof Error ? error : new Error('not an error', { cause: error });
      return answer;
    }
  });
}

/** It reserves no key: the call itself is still to be made. */
function isDryRun(route: Route, { originalUrl }: Request): boolean {
  return route.takesDryRun === true && readQuery(originalUrl)['dryRun'] === 'true';
}

async function handle(
  deps: ApiDeps,
  route: Route,
  req: Request,
  principal: Principal,
  body: JsonBody,
  callId: string | null,
): Promise<Answer> {
  const given = readQuery(req.originalUrl);
  const params = readParams(req);
  req.sourceRef = await findSourceRef(deps.db, principal.programId, Object.values(params).join(' '));
  const request = {
    principal,
    livemode: principal.mode === 'live',
    scope: { programId: principal.programId, livemode: principal.mode === 'live' },
    reach: seenBy(principal),
    params,
    query: route.query ? validate(route.query, given, 'The query') : refuseQuery(given),
    body: route.body ? validate(route.body, readBody(route, body), 'The body') : refuseBody(body),
    raw: body.raw,
    headers: auditedCall(req, principal.keyId),
    receivedAt: deps.clock.now(),
    callId,
    actor: actorOf(req, principal),
  };
  const result = route.mayBeBehind?.(request.query)
    ? await deps.replica.read((db) => route.handle({ ...deps, db }, request))
    : await route.handle(deps, request);
  if (result instanceof StreamedReply) {
    return { status: route.status, type: route.answerType ?? null, text: '', stream: result };
  }
  const reply = result instanceof Reply ? result : new Reply(route.status, result);
  if (reply.body === undefined) return { status: reply.status, type: null, text: '' };
  return { status: reply.status, type: 'application/json; charset=utf-8', text: JSON.stringify(reply.body) };
}

const NO_BODY: JsonBody = { raw: Buffer.alloc(0), value: undefined };

/** The admin has no program, and so reaches nothing of one. */
const admin = adminIn('', 'live');

function checkAccess(route: Route, caller: Caller): Principal {
  if (route.access === 'admin') {
    if (caller.kind === 'admin') return admin;
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'Only the admin token may do this');
  }
  if (caller.kind === 'admin') {
    if (caller.within) return caller.within;
    throw new AppError('INSUFFICIENT_PERMISSIONS', "The admin token has no program: use one of the program's API keys");
  }
  assertScope(caller.principal, scopes.get(route) ?? null, route.access);
  return caller.principal;
}

function takeBody(route: Route, body: JsonBody): unknown {
  if (body.value !== undefined) return body.value;
  if (route.bodyOptional) return {};
  throw validationError('The body must be a JSON object');
}

function readBody(route: Route, body: JsonBody): unknown {
  const value = takeBody(route, body);
  if (!route.mayHoldKeys) refuseKeysIn(value);
  return value;
}

/** An empty object is no mistake: many clients send one. */
function refuseBody({ value }: JsonBody): undefined {
  if (value === undefined) return undefined;
  const names = typeof value === 'object' && value !== null ? Object.keys(value).slice(0, MAX_DETAILS) : ['body'];
  const [first] = names;
  if (first === undefined) return undefined;
  const details = Object.fromEntries(names.map((name) => [name, 'is not a known field']));
  throw validationError(`${first} is not a known field: this request takes no body`, details);
}

function refuseQuery(query: Record<string, string>): Record<string, never> {
  const names = Object.keys(query);
  if (names.length === 0) return {};
  const details = Object.fromEntries(names.map((name) => [name, 'is not a known parameter']));
  throw validationError(`${names[0]} is not a known parameter`, details);
}
