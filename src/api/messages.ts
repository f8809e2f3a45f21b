import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { notFound } from '../domain/errors.ts';
import { namedBy } from '../domain/scope.ts';
import { assertMayChange } from '../program/principals.ts';
import { getEndpoint } from '../outbound/endpoints/endpoints.ts';
import { eventTypeSchema } from '../outbound/events/event-types.ts';
import {
  deliveryStatuses,
  findMessage,
  listAttempts,
  listMessages,
  presentAttempt,
  type Attempt,
  type MessageBody,
  type MessageFilter,
} from '../outbound/messages/message-rows.ts';
import { describeSentRequests } from '../outbound/delivery/sent-requests.ts';
import { resendMessage } from '../outbound/recovery/redelivery.ts';
import { resolvePeriod } from '../program/period.ts';
import { livemode, periodQuery, timestamp } from '../http/fields.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const shown = {
  id: z.string(),
  type: z.string(),
  livemode,
  createdAt: timestamp,
  data: z.record(z.string(), z.unknown()).meta({ description: 'See /event-types for the shape of each type' }),
  previous: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'The changed fields with their old values' }),
};
const messageSchema = z.strictObject(shown).meta({ id: 'Message' });

const deliverySchema = z
  .strictObject({
    endpointId: z.string(),
    status: z
      .enum(deliveryStatuses)
      .meta({ description: '`held`: the endpoint was disabled; `cancelled`: it was deleted' }),
    attempts: z.int(),
    nextAttemptAt: timestamp.nullable(),
  })
  .meta({ id: 'Delivery' });

const messageDetailsSchema = z
  .strictObject({ ...shown, deliveries: z.array(deliverySchema) })
  .meta({ id: 'MessageDetails' });
export type MessageDetailsView = z.output<typeof messageDetailsSchema>;

export const attemptSchema = z
  .strictObject({
    id: z.string(),
    messageId: z.string(),
    endpointId: z.string(),
    status: z.enum(['succeeded', 'failed']),
    trigger: z.enum(['schedule', 'resend', 'recover', 'test']),
    responseStatus: z.int().nullable().meta({ description: 'null when no answer came' }),
    responseBody: z.string().nullable().meta({ description: 'Up to 16 KiB' }),
    error: z.string().nullable(),
    durationMs: z.int(),
    attemptedAt: timestamp,
    nextAttemptAt: timestamp.nullable().meta({ description: 'null: it succeeded, or was the last' }),
    url: z.string().nullable().meta({
      description: 'Where it was sent; of a postback with its macros filled. null: its endpoint is not known any more',
    }),
    request: z
      .strictObject({
        method: z.enum(['GET', 'POST']),
        headers: z.record(z.string(), z.string().nullable()).meta({
          description: "null: signatures, and the endpoint's own headers, whose values are never shown",
          example: { 'content-type': 'application/json', 'webhook-signature': null },
        }),
        body: z.string().nullable().meta({ description: 'The very text that was signed and sent' }),
      })
      .nullable()
      .meta({ description: 'What was sent' }),
  })
  .meta({ id: 'Attempt' });
export type AttemptView = z.output<typeof attemptSchema>;

const tag = 'Messages';

/** By what messages are chosen, in the query of the list and in bodies. */
export const messageQuery = {
  ...periodQuery,
  type: eventTypeSchema.optional(),
  endpointId: z.string().optional().meta({ description: 'With a delivery to this endpoint' }),
  status: z.enum(deliveryStatuses).optional().meta({ description: 'With a delivery in this state' }),
};

export async function toMessageFilter(
  db: Db,
  programId: string,
  query: z.output<z.ZodObject<typeof messageQuery>>,
): Promise<MessageFilter> {
  const { from, until } = await resolvePeriod(db, programId, query);
  const types = query.type === undefined ? undefined : [query.type];
  return { types, from, until, endpointId: query.endpointId, status: query.status };
}

export const messageRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/messages',
    mayBeBehind: () => true,
    access: 'read',
    tag,
    summary: 'List what subscribers were told',
    query: z.strictObject({ ...pageQuery, ...messageQuery }),
    status: 200,
    answer: listOf(messageSchema),
    handle: async ({ db }, { principal, livemode, query }) => {
      const filter = await toMessageFilter(db, principal.programId, query);
      const page = await listMessages(db, principal.programId, livemode, filter, toPageRequest('messages', query));
      return toListBody('messages', page, messageView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/messages/:id',
    access: 'read',
    tag,
    summary: 'Get a message and its deliveries',
    status: 200,
    answer: one(messageDetailsSchema),
    handle: async ({ db }, { principal, livemode, params }) => {
      const message = await findMessage(db, principal.programId, livemode, params.id);
      if (!message) throw notFound('Message');
      return { data: { ...messageView(message), deliveries: message.deliveries } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/messages/:id/attempts',
    access: 'read',
    tag,
    summary: 'List the attempts to deliver a message',
    query: z.strictObject({
      ...pageQuery,
      endpointId: z.string().optional(),
      status: z.enum(['succeeded', 'failed']).optional(),
    }),
    status: 200,
    answer: listOf(attemptSchema),
    handle: async (deps, { principal, livemode, params, query }) => {
      const message = await findMessage(deps.db, principal.programId, livemode, params.id);
      if (!message) throw notFound('Message');
      const filter = { endpointId: query.endpointId, status: query.status };
      const { items, hasMore } = await listAttempts(deps.db, message.id, filter, toPageRequest('attempts', query));
      const views = await attemptViews(deps, principal.programId, items);
      return toListBody('attempts', { items: views, hasMore }, (view) => view);
    },
  }),
  defineRoute({
    method: 'post',
    path: '/messages/:id/resend',
    access: 'write',
    tag,
    summary: 'Send a message to an endpoint again, at once',
    description: 'Where retries are waiting it takes the place of the next; a success ends them.',
    body: z.strictObject({ endpointId: z.string() }).meta({ id: 'ResendInput' }),
    status: 202,
    answer: one(z.strictObject({ messageId: z.string(), endpointId: z.string(), status: z.literal('pending') })),
    handle: async (deps, { principal, scope, params, body, actor }) => {
      const message = await findMessage(deps.db, scope.programId, scope.livemode, params.id);
      if (!message) throw notFound('Message');
      // A live message goes to no test endpoint, and a test key sends nothing to a live one.
      const endpoint = await getEndpoint(deps, namedBy(scope), body.endpointId);
      assertMayChange(principal, endpoint);
      await resendMessage(deps, message.id, endpoint, actor);
      return { data: { messageId: message.id, endpointId: endpoint.id, status: 'pending' } };
    },
  }),
];

/** Attempts with what they sent. */
export async function attemptViews(
  deps: Pick<ApiDeps, 'db' | 'secrets'>,
  programId: string,
  attempts: readonly Attempt[],
): Promise<z.input<typeof attemptSchema>[]> {
  const sent = await describeSentRequests(deps, programId, attempts);
  return attempts.map((attempt) => ({
    ...presentAttempt(attempt),
    ...(sent.get(attempt.id) ?? { url: null, request: null }),
  }));
}

function messageView({ id, type, livemode, createdAt, data, previous }: MessageBody): z.input<typeof messageSchema> {
  return { id, type, livemode, createdAt, data, ...(previous === undefined ? {} : { previous }) };
}
