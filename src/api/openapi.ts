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
import { publicPaths } from './openapi-public.ts';
import type { Route } from './route.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI 3.1 document of the native API, made of the same schemas that its handlers use. */
export function buildOpenApi(routes: readonly Route[], publicUrl: string): OpenApiDocument {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tributary',
      version: packageFile.version,
      description: packageFile.description,
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
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  });
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
    ...(route.description ? { description: route.description } : {}),
    ...(route.access === 'admin' ? { security: [{ bearer: [] }] } : {}),
    requestParams: {
      ...(names.length > 0 ? { path: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))) } : {}),
      ...(route.query ? { query: z.object(route.query.shape) } : {}),
      ...(route.method === 'post' ? { header: z.object({ 'Idempotency-Key': idempotencyKey }) } : {}),
    },
    ...(body ? { requestBody: body } : {}),
    responses: { ...describeSuccesses(route), ...describeErrors(route) },
  };
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
      headers: rateLimitHeaders,
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
  'X-RateLimit-Remaining': z.int().meta({ header: { id: 'RateLimitRemaining' } }),
  'X-RateLimit-Reset': z.int().meta({ description: 'Unix seconds', header: { id: 'RateLimitReset' } }),
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
  return Object.fromEntries(entries) as ZodOpenApiResponsesObject;
}

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
      content: {
        'application/json': { schema: errorSchema },
        'application/problem+json': { schema: problemSchema },
      },
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
      type: z.literal(type),
      createdAt: z.iso.datetime(),
      livemode: z.boolean(),
      programId: z.string(),
      data,
      ...(hasPrevious
        ? { previous: z.record(z.string(), z.unknown()).optional().meta({ description: 'Changed fields, old values' }) }
        : {}),
    });
    const operation: ZodOpenApiOperationObject = {
      operationId: `receive${type.split('.').map(capitalize).join('')}`,
      tags: ['Webhook endpoints'],
      summary: description,
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
