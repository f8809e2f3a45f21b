import { Router, type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { readJsonBody, type JsonBody } from '../http/json-body.ts';
import { refuseKeysIn } from '../http/keys-in-body.ts';
import { MAX_ANONYMOUS_BODY_BYTES, MAX_BODY_BYTES } from '../http/raw-body.ts';
import { readParams } from '../http/params.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import { readQuery, validate } from '../http/validate.ts';
import { toAppError } from '../db/pg-errors.ts';
import type { Deps } from '../deps.ts';
import { AppError, notFound } from '../domain/errors.ts';
import { namedBy } from '../domain/scope.ts';
import { scopeOfRoute, type KeyScope } from '../domain/key-scopes.ts';
import { actorOf } from '../http/actor.ts';
import { assertScope } from '../program/principals.ts';
import { hideSourceIds } from '../program/source-refs.ts';
import { authenticateDialect, hasEarlyCredential } from './authenticate.ts';
import type { Dialect, DialectAnswer, DialectRoute, RequestPart } from './dialect.ts';
import { limitDialect } from './limits.ts';

/**
 * The router of a dialect, to be mounted at its base. `before` are routers of its own (a script, `/pb/:id`) that stand
 * before its routes and share its translator of errors.
 */
export function dialectRouter(deps: Deps, dialect: Dialect, before: readonly RequestHandler[] = []): Router {
  const router = Router({ caseSensitive: true });
  for (const handler of before) router.use(handler);
  for (const route of dialect.routes) {
    for (const path of [route.path].flat()) {
      const scope = scopeOfRoute({ ...route, path });
      if (route.anyOrigin) router.all(path, allowAnyOrigin);
      router[route.method](path, async (req: Request, res: Response) => {
        await handle(deps, dialect, { ...route, scope }, req, res);
      });
    }
  }
  router.use(async (req, res) => {
    const limits = dialect.limitsElsewhere?.(req.method);
    if (limits) {
      const principal = await authenticateDialect(deps, dialect, { auth: 'key' }, undefined, req, res);
      await limitDialect(deps, dialect, { limits }, principal, req, res);
    }
    throw new AppError('NOT_FOUND', `There is nothing at ${req.method} ${req.baseUrl}${req.path}`);
  });
  router.use(answerDialectError(dialect));
  return router;
}

/** A route under one of its paths, with the scope that it asks for; null: none is known. */
type ScopedDialectRoute = Omit<DialectRoute, 'scope'> & { scope: KeyScope | null };

async function handle(
  deps: Deps,
  dialect: Dialect,
  route: ScopedDialectRoute,
  req: Request,
  res: Response,
): Promise<void> {
  // A key may be in the body alone, which then has to be read before it is known whose it is.
  const isInBody = dialect.credentials.includes('secure') && !hasEarlyCredential(dialect, req);
  const early = route.body && isInBody ? await readJsonBody(req, MAX_ANONYMOUS_BODY_BYTES) : null;
  const principal = await authenticateDialect(deps, dialect, route, early?.value, req, res);
  await limitDialect(deps, dialect, route, principal, req, res);
  if (principal) assertScope(principal, route.scope, route.access);
  const limitBytes = principal ? MAX_BODY_BYTES : MAX_ANONYMOUS_BODY_BYTES;
  const body = early ?? (route.body ? await readJsonBody(req, limitBytes) : NO_BODY);
  const params = readParams(req);
  const said = route.body ? read(dialect, route.body, body.value ?? {}, 'body') : undefined;
  if (route.access === 'write' && !route.mayHoldKeys) refuseKeysIn(said);
  const request = {
    surface: dialect.name,
    principal,
    actor: principal && actorOf(req, principal),
    livemode: principal?.mode !== 'test',
    reach: principal && namedBy({ programId: principal.programId, livemode: principal.mode === 'live' }),
    params: route.params ? (read(dialect, route.params, params, 'path') as Record<string, string>) : params,
    query: route.query ? read(dialect, route.query, readQuery(req.originalUrl), 'query') : {},
    body: said,
    given: body.value,
    raw: body.raw,
    receivedAt: deps.clock.now(),
    req,
    res,
  };
  const answer = route.mayBeBehind
    ? await deps.replica.read((db) => route.handle({ ...deps, db }, request))
    : await route.handle(deps, request);
  send(res, answer, await hideSourceIds(deps.db, principal, textOf(answer)));
}

const NO_BODY: JsonBody = { raw: Buffer.alloc(0), value: undefined };

function read(dialect: Dialect, schema: z.ZodType, value: unknown, part: RequestPart): unknown {
  try {
    return validate(schema, value, part === 'body' ? 'The body' : `The ${part}`);
  } catch (error) {
    if (dialect.describeInvalid && error instanceof AppError && error.code === 'VALIDATION_ERROR') {
      throw dialect.describeInvalid(part, error.details ?? {});
    }
    throw error;
  }
}

/** Express knows an error handler by its four arguments. A path that cannot be decoded is answered like an unknown one. */
function answerDialectError(dialect: Dialect): ErrorRequestHandler {
  return (thrown: unknown, req, res, next) => {
    if (res.headersSent) {
      next(thrown);
      return;
    }
    const error = thrown instanceof URIError ? notFound('Resource') : toAppError(thrown);
    // The cause of a failure is for the log line of the request; the answer never tells it.
    if (error.status >= 500) res.err = thrown instanceof Error ? thrown : error;
    if (error.retryAfterS !== undefined) res.setHeader('Retry-After', String(error.retryAfterS));
    const answer = dialect.renderError(error, req);
    send(res, answer, textOf(answer));
  };
}

function textOf({ body }: DialectAnswer): string {
  return body === undefined ? '' : JSON.stringify(body);
}

function send(res: Response, { status, body, headers = {} }: DialectAnswer, text: string): void {
  res.status(status);
  res.setHeader('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (body === undefined) {
    res.end();
    return;
  }
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.send(Buffer.from(text));
}
