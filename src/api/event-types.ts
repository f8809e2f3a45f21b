import { z } from 'zod';
import { eventTypes, PAYLOAD_VERSION } from '../outbound/events/event-types.ts';
import { listOf } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const eventTypeSchema = z
  .strictObject({
    type: z.string(),
    version: z.int().meta({ description: 'Of the payload; sent as the header tributary-payload-version' }),
    description: z.string(),
    schema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of `data`' }),
    hasPrevious: z.boolean().meta({ description: 'Whether the body has `previous`' }),
    example: z.record(z.string(), z.unknown()).meta({ description: 'An example of `data`' }),
  })
  .meta({ id: 'EventType' });
export type EventTypeView = z.output<typeof eventTypeSchema>;

export const eventTypeRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/event-types',
    access: 'read',
    tag: 'Webhook endpoints',
    summary: 'The catalogue of event types, all on one page',
    status: 200,
    answer: listOf(eventTypeSchema),
    handle: async () => ({ data: catalogue, pagination: { hasMore: false, nextCursor: null } }),
  }),
];

const catalogue = Object.entries(eventTypes).map(([type, { description, data, hasPrevious, example }]) => ({
  type,
  version: PAYLOAD_VERSION,
  description,
  schema: z.toJSONSchema(data),
  hasPrevious,
  example,
}));
