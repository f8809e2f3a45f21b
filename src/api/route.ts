import type { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import type { Deps } from '../deps.ts';
import type { KeyScope } from '../domain/key-scopes.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import type { Principal } from '../program/principals.ts';

/**
 * A route of the native API, described once: the same object mounts the handler, validates requests and makes its part of
 * the OpenAPI document. mount.ts runs every request through the same steps in the same order.
 */
export interface Route {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** Under /api/v1, Express style: '/affiliates/:id'. */
  path: string;
  /** read: a key that may read. write: one that may write. ingest: one that may write or ingest. admin: the admin token. */
  access: 'read' | 'write' | 'ingest' | 'admin';
  /** What a key with scopes of its own needs; follows from path and method where it is not said. */
  scope?: KeyScope;
  tag: string;
  summary: string;
  description?: string;
  /** Query parameters, all of them; absent: it takes none. */
  query?: z.ZodObject;
  /** The JSON body; absent: it takes none. */
  body?: z.ZodType;
  /** Whether the body may be left out, which then is `{}`. */
  bodyOptional?: boolean;
  /** How many values the body may have, where it is a list of many. */
  maxValues?: number;
  /** Whether its handler decides about keys in the body: what senders add of their own is kept without them. */
  mayHoldKeys?: boolean;
  /** Whether its query has `dryRun`: with it nothing is written, an Idempotency-Key included. */
  takesDryRun?: true;
  /** The success, and its whole body; null: it has none (204). */
  status: number;
  answer: z.ZodType | null;
  /** Of an answer that is no JSON, and is sent as a `StreamedReply`: its media type. */
  answerType?: string;
  /** Other successes. */
  otherAnswers?: Readonly<Record<number, { description: string; schema: z.ZodType }>>;
  /**
   * Of a list, or of statistics: whether what it shows may be a moment old, and so be read from a replica, where there is
   * one. Not where it looks for one object, which the caller may just have made.
   */
  mayBeBehind?: (query: unknown) => boolean;
  handle: (deps: ApiDeps, request: ApiRequest<unknown, unknown, Record<string, string>>) => Promise<unknown>;
}

export type ApiDeps = Deps;

export interface ApiRequest<Query, Body, Params> {
  principal: Principal;
  /** False for test keys. */
  livemode: boolean;
  /** The rows (clicks, conversions, messages, …) that the key sees and makes. */
  scope: Scope;
  /** The configuration that the key sees. */
  reach: Reach;
  params: Params;
  query: Query;
  body: Body;
  /** The body's bytes as they came. */
  raw: Buffer;
  /** What an audit may keep: never a credential. */
  headers: Record<string, string>;
  receivedAt: Date;
  /** Names this very request, and every retry of it with the same Idempotency-Key; null without one. */
  callId: string | null;
  /** Who asks, for the audit log. */
  actor: Actor;
}

/** An answer with another status than the route's usual one. */
export class Reply {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

/** An answer that is made and sent piece by piece: as long as it likes, in bounded memory (stream-answer.ts). */
export class StreamedReply {
  /** The name under which it is saved. */
  readonly filename: string;
  /** Each is whole by itself: what is hidden from the caller is looked for in one at a time. */
  readonly pieces: AsyncIterable<string>;

  constructor(filename: string, pieces: AsyncIterable<string>) {
    this.filename = filename;
    this.pieces = pieces;
  }
}

/** The parameters of a path: `{ id: string }` for '/affiliates/:id'. */
export type ParamsOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;

type RouteDefinition<Path extends string, Query extends z.ZodObject, Body extends z.ZodType> = Omit<
  Route,
  'path' | 'query' | 'body' | 'mayBeBehind' | 'handle'
> & {
  path: Path;
  query?: Query;
  body?: Body;
  mayBeBehind?: (query: z.output<Query>) => boolean;
  /** Returns the whole body (or a Reply); undefined where the route answers none. */
  handle: (deps: ApiDeps, request: ApiRequest<z.output<Query>, z.output<Body>, ParamsOf<Path>>) => Promise<unknown>;
};

/** Ties the types of a route together: the handler sees what its schemas let through. */
export function defineRoute<
  const Path extends string,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<Path, Query, Body>): Route {
  return definition as unknown as Route;
}
