import { z } from 'zod';
import { validationError } from '../domain/errors.ts';
import { deliveryIdOf, parseDeliveryId } from '../outbound/wire/delivery-id.ts';
import { eventTypeSchema } from '../outbound/events/event-types.ts';
import { listDeliveries, type ListedDelivery } from '../outbound/messages/delivery-rows.ts';
import { deliveryStatuses } from '../outbound/messages/message-rows.ts';
import { resolvePeriod } from '../program/period.ts';
import { periodQuery, reference, timestamp } from '../http/fields.ts';
import { listOf, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const listedDeliverySchema = z
  .strictObject({
    id: z.string().meta({ description: 'Of the message and of the endpoint, which together name the delivery' }),
    messageId: z.string().meta({ description: 'The message that is sent' }),
    type: z.string().meta({ description: 'Of the message' }),
    endpointId: z.string().meta({ description: 'Where it is sent' }),
    status: z
      .enum(deliveryStatuses)
      .meta({ description: '`held`: the endpoint was disabled; `cancelled`: it was deleted' }),
    attempts: z.int().meta({ description: 'So far; GET /messages/:id/attempts lists them' }),
    lastResponseStatus: z
      .int()
      .nullable()
      .meta({ description: 'Of the last attempt; null: no answer came, or none was made' }),
    lastError: z.string().nullable().meta({ description: 'Why the last attempt failed' }),
    lastAttemptAt: timestamp.nullable().meta({ description: 'When it was last tried' }),
    nextAttemptAt: timestamp.nullable().meta({ description: 'null: nothing more is to come' }),
    createdAt: timestamp.meta({ description: 'When the message was created' }),
  })
  .meta({ id: 'ListedDelivery' });
export type DeliveryView = z.output<typeof listedDeliverySchema>;

export const deliveryRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/deliveries',
    mayBeBehind: ({ messageId }) => messageId === undefined,
    access: 'read',
    tag: 'Messages',
    summary: 'List what was sent, or is to be sent, to whom',
    description:
      'A message is sent to each endpoint that wants it: each of these is a delivery. Newest messages first, and those of ' +
      'a message by endpoint. Tests of live endpoints are test messages: a live key lists them by `messageId` alone.',
    query: z.strictObject({
      ...pageQuery,
      ...periodQuery,
      endpointId: reference.optional().meta({ description: 'To this endpoint, also one that was deleted' }),
      status: z.enum(deliveryStatuses).optional().meta({ description: 'In this state' }),
      type: eventTypeSchema.optional().meta({ description: 'Of messages of this type' }),
      messageId: reference.optional().meta({ description: 'Of this message' }),
    }),
    status: 200,
    answer: listOf(listedDeliverySchema),
    handle: async ({ db }, { principal, scope, query }) => {
      const { beforeId } = toPageRequest('deliveries', query);
      const filter = {
        endpointId: query.endpointId,
        messageId: query.messageId,
        status: query.status,
        type: query.type,
        ...(await resolvePeriod(db, principal.programId, query)),
      };
      const page = { limit: query.limit, before: beforeId ? readPosition(beforeId) : null };
      const { items, hasMore } = await listDeliveries(db, scope, filter, page);
      return toListBody('deliveries', { items: items.map(listedView), hasMore }, (view) => view);
    },
  }),
];

function readPosition(id: string) {
  const { messageId, endpointId } = parseDeliveryId(id);
  if (messageId && endpointId) return { messageId, endpointId };
  throw validationError('cursor is not a cursor of this list', { cursor: 'is not a cursor of this list' });
}

function listedView(delivery: ListedDelivery): z.input<typeof listedDeliverySchema> {
  return {
    id: deliveryIdOf(delivery),
    messageId: delivery.messageId,
    type: delivery.type,
    endpointId: delivery.endpointId,
    status: delivery.status,
    attempts: delivery.attempts,
    lastResponseStatus: delivery.lastResponseStatus,
    lastError: delivery.lastError,
    lastAttemptAt: delivery.lastAttemptAt?.toISOString() ?? null,
    nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
    createdAt: delivery.createdAt.toISOString(),
  };
}
