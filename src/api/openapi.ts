import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import packageFile from '../../package.json' with { type: 'json' };
import { errorStatus, type ErrorCode } from '../domain/errors.ts';
import { eventTypes } from '../outbound/events/event-types.ts';
import { errorSchema, problemSchema } from '../http/error-schemas.ts';
import { completeDocument } from './openapi-complete.ts';
import { introduction } from './openapi-introduction.ts';
import { publicPaths } from './openapi-public.ts';
import type { Route } from './route.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI 3.1 document of the native API, made of the same schemas that its handlers use. */
export function buildOpenApi(routes: readonly Route[], publicUrl: string): OpenApiDocument {
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tributary',
      version: packageFile.version,
      description: introduction,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag)), 'Public', 'Operations'].map((name) => ({ name })),
    paths: mergePaths(routes.map((route) => [pathOf(route), { [route.method]: describeRoute(route) }] as const)),
    webhooks: describeWebhooks(),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: "A program's API key, or where it says so the admin token",
        },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key in another header' },
      },
      schemas: { Problem: problemSchema },
    },
  });
  return completeDocument(document, new Map(routes.map((route) => [nameOperation(route), route])));
}

/** '/affiliates/:id' as '/api/v1/affiliates/{id}'. */
export function pathOf({ path }: Pick<Route, 'path'>): string {
  return `/api/v1${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}

function mergePaths(entries: readonly (readonly [string, ZodOpenApiPathsObject[string]])[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const [path, item] of entries) paths[path] = { ...paths[path], ...item };
  return { ...paths, ...publicPaths };
}

function describeRoute(route: Route): ZodOpenApiOperationObject {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const body = route.body && { required: !route.bodyOptional, content: { 'application/json': { schema: route.body } } };
  return {
    operationId: nameOperation(route),
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, explainAccess(route), explainOrder(route)].filter(Boolean).join('\n\n'),
    ...(route.access === 'admin' ? { security: [{ bearer: [] }] } : {}),
    requestParams: {
      ...(names.length > 0 ? { path: z.object(Object.fromEntries(names.map(describePathParameter))) } : {}),
      ...(route.query ? { query: z.object(route.query.shape) } : {}),
      ...(route.method === 'post' ? { header: z.object({ 'Idempotency-Key': idempotencyKey }) } : {}),
    },
    ...(body ? { requestBody: body } : {}),
    responses: { ...describeSuccesses(route), ...describeErrors(route) },
  };
}

function describePathParameter(name: string) {
  const description = name === 'id' ? 'The id (or the code, where the description says so)' : `The ${name}`;
  return [name, z.string().meta({ description })] as const;
}

function explainAccess({ access }: Route): string {
  return accessSentences[access];
}

const accessSentences: Readonly<Record<Route['access'], string>> = {
  read: 'Needs a key that may read.',
  write: 'Needs a key that may write.',
  ingest: 'Needs a key that may write, or one with the access `ingest`.',
  admin: 'Needs the admin token.',
};

function explainOrder({ query }: Route): string {
  const isList = query !== undefined && 'cursor' in query.shape;
  return isList ? 'By pages, newest first: `pagination.nextCursor` is the `cursor` of the next one.' : '';
}

const idempotencyKey = z.string().max(255).optional().meta({
  description: 'Send it again with the same body, and get the first answer again; kept for 24 hours',
});

/** `getAffiliatesById`, `postConversionsByIdRefunds`: stable names for generated clients. */
function nameOperation({ method, path }: Route): string {
  const words = path.split('/').filter(Boolean);
  return (
    method + words.map((word) => (word.startsWith(':') ? `By${capitalize(word.slice(1))}` : capitalize(word))).join('')
  );
}

function capitalize(word: string): string {
  return word
    .split('-')
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');
}

function describeSuccesses(route: Route): ZodOpenApiResponsesObject {
  const successes: ZodOpenApiResponsesObject = {};
  const add = (status: number, description: string, schema: z.ZodType | null): void => {
    const type = route.answerType?.replace(/;.*$/, '') ?? 'application/json';
    successes[String(status) as '200'] = {
      description,
      headers: route.method === 'post' ? postHeaders : rateLimitHeaders,
      ...(schema ? { content: { [type]: { schema } } } : {}),
    };
  };
  add(route.status, usualDescriptions[route.status] ?? 'Success', route.answer);
  for (const [status, other] of Object.entries(route.otherAnswers ?? {})) {
    add(Number(status), other.description, other.schema);
  }
  return successes;
}

const usualDescriptions: Record<number, string> = { 200: 'Success', 201: 'Created', 202: 'Accepted', 204: 'Done' };

const rateLimitHeaders = z.object({
  'X-RateLimit-Limit': z.int().meta({ description: 'Requests a minute', header: { id: 'RateLimitLimit' } }),
  'X-RateLimit-Remaining': z.int().meta({ description: 'Of them left', header: { id: 'RateLimitRemaining' } }),
  'X-RateLimit-Reset': z.int().meta({ description: 'Unix seconds', header: { id: 'RateLimitReset' } }),
});

const postHeaders = rateLimitHeaders.extend({
  'Idempotent-Replayed': z
    .literal('true')
    .optional()
    .meta({
      description: 'This is the first answer to this Idempotency-Key again',
      header: { id: 'IdempotentReplayed' },
    }),
});

function describeErrors(route: Route): ZodOpenApiResponsesObject {
  const codes: ErrorCode[] = ['VALIDATION_ERROR', 'UNAUTHORIZED', 'INSUFFICIENT_PERMISSIONS'];
  if (route.path.includes(':')) codes.push('NOT_FOUND');
  if (route.method === 'post' || route.method === 'patch') {
    codes.push('CONFLICT', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  }
  if (route.method === 'post') codes.push('IDEMPOTENCY_MISMATCH');
  codes.push('RATE_LIMITED', 'INTERNAL_ERROR', 'UNAVAILABLE');
  const entries = codes.map((code) => [String(errorStatus[code]), errorResponses.get(code)] as const);
  return Object.fromEntries([...entries, ['default', anyError]]) as ZodOpenApiResponsesObject;
}

/** One schema for all that goes wrong, whatever the status: of a 405, too, which only a known path with another method gets. */
const anyError = {
  id: 'AnyError',
  description:
    'Any other error, METHOD_NOT_ALLOWED among them. With `Accept: application/problem+json` errors have the schema `Problem`',
  content: { 'application/json': { schema: errorSchema } },
};

const errorDescriptions: Partial<Record<ErrorCode, string>> = {
  VALIDATION_ERROR: 'VALIDATION_ERROR: `details` tells field by field what is wrong',
  UNAUTHORIZED: 'UNAUTHORIZED (no key) or INVALID_API_KEY',
  INSUFFICIENT_PERMISSIONS: 'INSUFFICIENT_PERMISSIONS: the key may not do this',
  NOT_FOUND: 'NOT_FOUND: unknown, malformed, or of another program',
  CONFLICT: 'CONFLICT: taken, in a state that does not admit it, or still under way',
  IDEMPOTENCY_MISMATCH: 'IDEMPOTENCY_MISMATCH: the Idempotency-Key was used with another body',
  PAYLOAD_TOO_LARGE: 'PAYLOAD_TOO_LARGE: bodies have at most 1 MiB',
  UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE: send application/json, uncompressed',
  RATE_LIMITED: 'RATE_LIMITED: come back after Retry-After seconds',
  INTERNAL_ERROR: 'INTERNAL_ERROR',
  UNAVAILABLE: 'UNAVAILABLE: come back after Retry-After seconds',
};

const errorResponses = new Map(
  Object.entries(errorDescriptions).map(([code, description]) => [
    code,
    {
      id: code,
      description,
      content: { 'application/json': { schema: errorSchema } },
    },
  ]),
);

const exampleEnvelope = {
  id: 'evt_01a1f8c4d18770008000000000000009',
  createdAt: '2026-11-20T12:00:00.000Z',
  livemode: true,
  programId: 'prg_01a1f8c4d18770008000000000000001',
};

/** What subscribers get (Standard Webhooks), one entry an event type. */
function describeWebhooks(): ZodOpenApiPathsObject {
  const entries = Object.entries(eventTypes).map(([type, { description, data, hasPrevious, example }]) => {
    const schema = z.object({
      id: z.string().meta({ description: 'Also in the header webhook-id; the same in every attempt' }),
      type: z.literal(type).meta({ description: 'The type of event' }),
      createdAt: z.iso.datetime().meta({ description: 'When it happened' }),
      livemode: z.boolean().meta({ description: 'False: test' }),
      programId: z.string().meta({ description: 'The program' }),
      data,
      ...(hasPrevious
        ? { previous: z.record(z.string(), z.unknown()).optional().meta({ description: 'Changed fields, old values' }) }
        : {}),
    });
    const operation: ZodOpenApiOperationObject = {
      operationId: `receive${type.split('.').map(capitalize).join('')}`,
      tags: ['Webhook endpoints'],
      summary: description,
      description:
        'The hub sends it to every webhook endpoint and REST hook that wants its type; any 2xx is delivered.',
      security: [],
      requestBody: {
        content: { 'application/json': { schema, example: { ...exampleEnvelope, type, data: example } } },
      },
      responses: { '2XX': { description: 'Delivered' }, '410': { description: 'Ends the subscription' } },
    };
    return [type, { post: operation }];
  });
  return Object.fromEntries(entries) as ZodOpenApiPathsObject;
}
