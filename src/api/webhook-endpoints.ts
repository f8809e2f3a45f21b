import { z } from 'zod';
import { notFound } from '../domain/errors.ts';
import { openAddressGuard } from '../outbound/guard/address-guard.ts';
import {
  endpointCreateSchema,
  endpointUpdateSchema,
  rotateSecretSchema,
} from '../outbound/endpoints/endpoint-input.ts';
import { presentEndpoint } from '../outbound/endpoints/endpoint-rows.ts';
import {
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listEndpoints,
  updateEndpoint,
  type Endpoint,
} from '../outbound/endpoints/endpoints.ts';
import { rotateSecret } from '../outbound/endpoints/rotate-secret.ts';
import { eventTypeNames, eventTypeSchema, type EventTypeName } from '../outbound/events/event-types.ts';
import { sendTest } from '../outbound/recovery/redelivery.ts';
import { configurationMode, reference, timestamp, wordsOf } from '../http/fields.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { backlogViews, endpointHealthSchema, healthViews, shownBacklog } from './endpoint-health.ts';
import { attemptSchema, attemptViews } from './messages.ts';
import { toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type ApiRequest, type Route } from './route.ts';

const kinds = ['webhook', 'rest_hook', 'postback'] as const;

const shown = {
  id: z.string(),
  livemode: configurationMode,
  kind: z.enum(kinds),
  url: z.string(),
  eventTypes: z.array(z.string()).meta({ description: 'Empty: all' }),
  description: z.string().nullable(),
  headers: z
    .record(z.string(), z.null())
    .meta({ description: 'The names of its own headers; their values, which may be credentials, are never shown' }),
  rateLimitPerSecond: z.int().nullable(),
  disabled: z.boolean(),
  disabledReason: z
    .enum(['manual', 'gone', 'failing'])
    .nullable()
    .meta({ description: '`gone`: it answered 410; `failing`: five days of only failures' }),
  failingSince: timestamp.nullable().meta({ description: 'The first failure after the last success' }),
  method: z.enum(['GET', 'POST']).optional().meta({ description: 'Of a postback' }),
  bodyTemplate: z.string().nullable().optional().meta({ description: 'Of a postback' }),
  affiliateId: z.string().nullable().optional().meta({ description: 'Of a postback' }),
  createdAt: timestamp,
  updatedAt: timestamp,
};
const endpointSchema = z.strictObject(shown).meta({ id: 'WebhookEndpoint' });
const endpointWithBacklogSchema = z
  .strictObject({ ...shown, ...shownBacklog })
  .meta({ id: 'WebhookEndpointWithBacklog' });
const listedEndpointSchema = z
  .strictObject({
    ...shown,
    ...shownBacklog,
    health: endpointHealthSchema
      .optional()
      .meta({ description: 'With include=health: as /webhook-endpoints/:id/health tells it' }),
  })
  .meta({ id: 'ListedWebhookEndpoint' });
export type EndpointView = z.output<typeof listedEndpointSchema>;
const endpointWithSecretSchema = z
  .strictObject({
    ...shown,
    secret: z.string().nullable().meta({ description: 'Shown this once; null for a postback' }),
  })
  .meta({ id: 'WebhookEndpointWithSecret' });
export type EndpointWithSecretView = z.output<typeof endpointWithSecretSchema>;

const tag = 'Webhook endpoints';

export const webhookEndpointRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints',
    access: 'write',
    tag,
    summary: 'Create a webhook endpoint',
    description:
      'The signing secret is in this answer and in none after it. An endpoint of a test key gets test messages only.',
    body: endpointCreateSchema.meta({ id: 'WebhookEndpointInput' }),
    status: 201,
    answer: one(endpointWithSecretSchema),
    handle: async (deps, { scope, body, actor }) => {
      const input = { ...body, kind: body.kind ?? ('webhook' as const) };
      const { endpoint, secret } = await createEndpoint(withGuard(deps), scope, input, actor);
      return { data: { ...endpointView(endpoint), secret } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/webhook-endpoints',
    access: 'read',
    tag,
    summary: 'List webhook endpoints',
    description: "REST hooks too. What stands for an affiliate's postbackUrl is listed by `affiliateId` only.",
    query: z.strictObject({
      ...pageQuery,
      url: z.string().optional().meta({ description: 'Exactly this URL' }),
      kind: z.enum(kinds).optional(),
      affiliateId: reference.optional(),
      include: wordsOf(['health']).optional(),
    }),
    status: 200,
    answer: listOf(listedEndpointSchema),
    handle: async (deps, { reach, query }) => {
      const affiliateId = await toAffiliateId(deps.db, reach, query.affiliateId);
      const filter = { url: query.url, kind: query.kind, affiliateId };
      const page = await listEndpoints(deps, reach, filter, toPageRequest('webhook-endpoints', query));
      const backlogs = await backlogViews(deps, reach.programId, page.items);
      const healths = query.include ? await healthViews(deps, reach.programId, page.items) : [];
      const healthOf = new Map(healths.map((health) => [health.endpointId, { health }]));
      return toListBody('webhook-endpoints', page, (endpoint) => ({
        ...endpointView(endpoint),
        ...backlogs.get(endpoint.id),
        ...healthOf.get(endpoint.id),
      }));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/webhook-endpoints/:id',
    access: 'read',
    tag,
    summary: 'Get a webhook endpoint',
    status: 200,
    answer: one(endpointWithBacklogSchema),
    handle: async (deps, { reach, params }) => {
      const endpoint = await getEndpoint(deps, reach, params.id);
      const backlogs = await backlogViews(deps, reach.programId, [endpoint]);
      return { data: { ...endpointView(endpoint), ...backlogs.get(endpoint.id) } };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/webhook-endpoints/:id',
    access: 'write',
    tag,
    summary: 'Change a webhook endpoint',
    description:
      'While it is disabled its events are kept: enable it, then recover them. ' +
      'A test key changes what is test; a live one takes it over by `{"livemode": true}`, 409 while its affiliate is test.',
    body: endpointUpdateSchema.meta({ id: 'WebhookEndpointChanges' }),
    status: 200,
    answer: one(endpointSchema),
    handle: async (deps, request) => {
      const { principal, body, actor } = request;
      const { id } = await getChangeable(deps, request);
      assertMayChange(principal, body);
      const changed = await updateEndpoint(withGuard(deps), changeableBy(principal), id, body, actor);
      return { data: endpointView(changed) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/webhook-endpoints/:id',
    access: 'write',
    tag,
    summary: 'Delete a webhook endpoint',
    description: 'Deliveries under way finish; what is pending is cancelled.',
    status: 204,
    answer: null,
    handle: async (deps, request) => {
      const { id } = await getChangeable(deps, request);
      const deleted = await deleteEndpoint(deps.db, changeableBy(request.principal), id, request.actor);
      if (!deleted) throw notFound('Webhook endpoint');
    },
  }),
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints/:id/rotate-secret',
    access: 'write',
    tag,
    summary: 'Rotate the signing secret',
    description: 'Both secrets sign until the overlap (24 hours unless said) is over.',
    body: rotateSecretSchema.meta({ id: 'SecretRotation' }),
    bodyOptional: true,
    status: 200,
    answer: one(
      z
        .strictObject({ ...shown, secret: z.string(), previousSecretExpiresAt: timestamp })
        .meta({ id: 'WebhookEndpointRotated' }),
    ),
    handle: async (deps, request) => {
      const { id } = await getChangeable(deps, request);
      const { principal, body, actor } = request;
      const rotated = await rotateSecret(deps, changeableBy(principal), id, body, deps.clock.now(), actor);
      const { endpoint, secret, previousSecretExpiresAt } = rotated;
      const view = endpointView(endpoint);
      return { data: { ...view, secret, previousSecretExpiresAt: previousSecretExpiresAt.toISOString() } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/webhook-endpoints/:id/test',
    access: 'write',
    tag,
    summary: 'Send a test event',
    description: 'Sends the example of an event type, livemode false, once, and waits a little for what comes of it.',
    body: z.strictObject({ eventType: eventTypeSchema.optional() }).meta({ id: 'TestEvent' }),
    bodyOptional: true,
    status: 200,
    answer: one(
      z.strictObject({
        messageId: z.string(),
        attempt: attemptSchema.nullable().meta({ description: 'null: not made yet; see /messages/:id/attempts' }),
      }),
    ),
    handle: async (deps, request) => {
      const endpoint = await getChangeable(deps, request);
      const type = request.body.eventType ?? chooseTestType(endpoint);
      const { messageId, attempt } = await sendTest(deps, endpoint, type, deps.config.resultTimeoutMs);
      const [view = null] = await attemptViews(deps, request.principal.programId, attempt ? [attempt] : []);
      return { data: { messageId, attempt: view } };
    },
  }),
];

export type EndpointRequest = Pick<
  ApiRequest<unknown, unknown, { id: string }>,
  'principal' | 'reach' | 'params' | 'actor'
>;

/** The endpoint that a request names, where its key may change it or have it sent to: a test key a test endpoint. */
export async function getChangeable(deps: ApiDeps, { principal, reach, params }: EndpointRequest): Promise<Endpoint> {
  const endpoint = await getEndpoint(deps, reach, params.id);
  assertMayChange(principal, endpoint);
  return endpoint;
}

function withGuard(deps: ApiDeps) {
  return { db: deps.db, secrets: deps.secrets, guard: openAddressGuard(deps.config) };
}

function chooseTestType({ eventTypes }: Endpoint): EventTypeName {
  return eventTypeNames.find((type) => eventTypes.includes(type)) ?? 'conversion.created';
}

function endpointView(endpoint: Endpoint): z.input<typeof endpointSchema> {
  const headers = Object.fromEntries(Object.keys(endpoint.headers).map((name) => [name, null]));
  return { ...presentEndpoint(endpoint), headers };
}
