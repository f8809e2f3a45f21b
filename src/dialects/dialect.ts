import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Deps } from '../deps.ts';
import type { CredentialHeader } from '../http/authenticate.ts';
import type { Actor } from '../domain/actor.ts';
import type { AppError, ErrorDetails } from '../domain/errors.ts';
import type { KeyScope } from '../domain/key-scopes.ts';
import type { Reach } from '../domain/scope.ts';
import type { LimitClass, Principal } from '../program/principals.ts';
import type { RateLimitPolicy } from '../http/rate-limits.ts';

/**
 * A drop-in surface of another system: its requests, our operations, its answers. mount.ts runs every request through the
 * same steps: match the route, authenticate, count, read, validate, handle, answer. A folder's index.ts makes one,
 *
 *     export const attro: Dialect = { name: 'attro', base: '/attro/api/v1', credentials: ['bearer'], routes, renderError };
 *
 * and all.ts mounts it. In these folders "the page" is that system's documentation, whose address index.ts gives.
 */
export interface Dialect {
  /** Its folder, the beginning of its rate limits' names, and `surface` of what it stores. */
  name: string;
  /** Where it is mounted, without a slash at the end. */
  base: string;
  /** Where its clients put their key, in the order in which it is looked for. */
  credentials: readonly CredentialForm[];
  routes: readonly DialectRoute[];
  /**
   * What a request to a path that does not exist counts against, where the page promises the headers of the limits with
   * every answer. It then needs a key like all others. Absent: it is 404 for anybody.
   */
  limitsElsewhere?(method: string): RouteLimits;
  /** The one translator of errors: whatever fails, unknown paths and outages included, in the page's envelope. */
  renderError(error: AppError, req: Request): DialectAnswer;
  /**
   * How the page words a request that breaks its schemas: `details` is field -> message (`is required`, `must be …`, or
   * what the schema itself says). Absent: a VALIDATION_ERROR whose message joins them.
   */
  describeInvalid?(part: RequestPart, details: ErrorDetails): AppError;
}

/** A header, or `secure`: the field of a JSON body, else the query parameter. */
export type CredentialForm = CredentialHeader | 'secure';

export type RequestPart = 'path' | 'query' | 'body';

/**
 * key: a key is required. optional: without one the handler finds `principal` null; a wrong one is refused. none: no key
 * is looked at.
 */
export type AuthMode = 'key' | 'optional' | 'none';

export interface DialectAnswer {
  status: number;
  /** Sent as JSON; undefined: no body. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/**
 * What a key may send, by the page: the first policy is the one whose figures the answers show; all of them count. A key
 * with limits of its own (`rateLimits`) has its `limitClass` instead, or at most
 * that, where it is lent by a key without one. Callers without a key are counted by address.
 */
export interface RouteLimits {
  limitClass: LimitClass;
  policies: readonly [RateLimitPolicy, ...RateLimitPolicy[]];
}

export interface DialectRoute {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Under the base, Express style; several for aliases. */
  path: string | readonly string[];
  auth: AuthMode;
  /** write: keys that may only read are refused. ingest: those that only send conversions and events are let in, too. */
  access: 'read' | 'write' | 'ingest';
  /** What a key with scopes of its own needs; follows from path and method where it is not said. */
  scope?: KeyScope;
  /** Whether its handler decides about keys in the body; of all that is no message they are refused. */
  mayHoldKeys?: boolean;
  limits: RouteLimits | null;
  /** A list, or statistics: what it shows may be a moment old, and so is read from a replica, where there is one. */
  mayBeBehind?: true;
  /** Browsers of any origin may call it, without credentials: CORS with preflight. */
  anyOrigin?: boolean;
  /** Each refuses what it does not let through; parameters and fields that it does not name are ignored, as z.object does. */
  params?: z.ZodType;
  query?: z.ZodType;
  /** The JSON body; absent: it is not read. A body left out is validated as `{}`. */
  body?: z.ZodType;
  handle(
    deps: Deps,
    request: DialectRequest<unknown, unknown, Record<string, string>, AuthMode>,
  ): Promise<DialectAnswer>;
}

export interface DialectRequest<Query, Body, Params, Auth extends AuthMode> {
  /** The dialect's name. */
  surface: string;
  principal: Auth extends 'key' ? Principal : Principal | null;
  /** Who asks, for the audit log. */
  actor: Auth extends 'key' ? Actor : Actor | null;
  /** False for test keys; true where there is no key. */
  livemode: boolean;
  /**
   * The configuration that the key sees here: a live key what is live, since these surfaces cannot say which is test; a test
   * key both.
   */
  reach: Auth extends 'key' ? Reach : Reach | null;
  params: Params;
  query: Query;
  body: Body;
  /** The body as it came, before the schema. */
  given: unknown;
  /** Its bytes; empty without one. */
  raw: Buffer;
  receivedAt: Date;
  /** For what else the wire holds: cookies, the address, the origin. */
  req: Request;
  /** For headers that a limit sets; `handle` returns the answer. */
  res: Response;
}

type RouteDefinition<Auth extends AuthMode, Params, Query, Body> = Omit<
  DialectRoute,
  'auth' | 'params' | 'query' | 'body' | 'handle'
> & {
  auth: Auth;
  params?: z.ZodType<Params>;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  handle(deps: Deps, request: DialectRequest<Query, Body, Params, Auth>): Promise<DialectAnswer>;
};

/** Ties the types of a route together: the handler sees what its schemas let through, `params` text without a schema. */
export function defineDialectRoute<
  const Auth extends AuthMode,
  Params = Record<string, string>,
  Query = unknown,
  Body = unknown,
>(definition: RouteDefinition<Auth, Params, Query, Body>): DialectRoute {
  return definition as unknown as DialectRoute;
}

export function answer(status: number, body?: unknown, headers?: Readonly<Record<string, string>>): DialectAnswer {
  return headers ? { status, body, headers } : { status, body };
}
