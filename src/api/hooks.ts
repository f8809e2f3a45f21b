import { z } from 'zod';
import { AppError, notFound } from '../domain/errors.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { openAddressGuard } from '../outbound/guard/address-guard.ts';
import { eventTypeSchema, eventTypes } from '../outbound/events/event-types.ts';
import { listMessages } from '../outbound/messages/message-rows.ts';
import { renderBody } from '../outbound/messages/write-messages.ts';
import { getEndpoint } from '../outbound/endpoints/endpoints.ts';
import { createHook, deleteHook } from '../outbound/endpoints/rest-hooks.ts';
import { timestamp } from '../http/fields.ts';
import { defineRoute, type Route } from './route.ts';

/** How many samples a tool is given, to build its forms from. */
const SAMPLES = 3;

const tag = 'REST hooks';

/**
 * Subscriptions as Zapier, Make and n8n make them: one URL and one event type each, identified by the `id` of the answer
 * (https://docs.zapier.com/platform/build/cli-hook-trigger, read 2026-11). To ask whether one exists, n8n lists
 * /webhook-endpoints by URL.
 */
export const hookRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/hooks',
    access: 'write',
    tag,
    summary: 'Subscribe a URL to an event type',
    body: z.strictObject({ targetUrl: z.string(), eventType: eventTypeSchema }).meta({ id: 'HookInput' }),
    status: 201,
    answer: z
      .strictObject({
        id: z.string(),
        targetUrl: z.string(),
        eventType: z.string(),
        secret: z.string().nullable().meta({ description: 'For those who verify signatures' }),
        createdAt: timestamp,
      })
      .meta({ id: 'Hook' }),
    handle: async ({ db, secrets, config }, { scope, body, actor }) => {
      const guard = openAddressGuard(config);
      const { endpoint, secret } = await createHook({ db, secrets, guard }, scope, body, actor);
      const { id, url, createdAt } = endpoint;
      return { id, targetUrl: url, eventType: body.eventType, secret, createdAt: createdAt.toISOString() };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/hooks/:id',
    access: 'write',
    tag,
    summary: 'Unsubscribe',
    description: 'A hook that is not there (any more) is answered the same way.',
    status: 204,
    answer: null,
    handle: async (deps, { principal, reach, params, actor }) => {
      const endpoint = await getEndpoint(deps, reach, params.id).catch(nullIfNotFound);
      assertMayChange(principal, endpoint);
      await deleteHook(deps.db, changeableBy(principal), params.id, actor);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/hooks/samples/:eventType',
    access: 'read',
    tag,
    summary: 'Recent events of a type, as they are delivered',
    description: 'Newest first; an example where there are none yet.',
    status: 200,
    answer: z.array(z.looseObject({ id: z.string(), type: z.string() })),
    handle: async ({ db, clock }, { principal, livemode, params }) => {
      const type = eventTypeSchema.safeParse(params.eventType).data;
      if (!type) throw notFound('Event type');
      const { programId } = principal;
      const { items } = await listMessages(db, programId, livemode, { types: [type] }, { limit: SAMPLES });
      if (items.length > 0) return items;
      const example = { programId, livemode, type, data: eventTypes[type].example };
      return [JSON.parse(renderBody('evt_01a1f8c4d18770008000000000000009', example, clock.now())) as object];
    },
  }),
];

function nullIfNotFound(error: unknown): null {
  if (error instanceof AppError && error.code === 'NOT_FOUND') return null;
  throw error;
}
