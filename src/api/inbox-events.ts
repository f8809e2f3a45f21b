import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { notFound } from '../domain/errors.ts';
import { outcomes } from '../domain/outcomes.ts';
import type { Scope } from '../domain/scope.ts';
import { replayEvent } from '../audit/replay.ts';
import {
  findInboxEvent,
  listInboxEvents,
  type InboxEvent,
  type InboxEventFilter,
} from '../inbound/inbox/inbox-events.ts';
import { inboxKinds } from '../inbound/inbox/inbox.ts';
import { findEventsByReference } from '../inbound/inbox/events-by-reference.ts';
import { hideSourceIds, restoreSourceIds } from '../program/source-refs.ts';
import { resolvePeriod } from '../program/period.ts';
import { livemode, periodQuery, reference, text, timestamp, word, wordsOf } from '../http/fields.ts';
import { messageReason } from './conversion-schemas.ts';
import { inboxStatsRoute } from './inbox-stats.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

export const inboxStatuses = ['received', 'processed', 'ignored', 'unprocessable', 'failed'] as const;

const shown = {
  id: z.string(),
  sourceId: z
    .string()
    .nullable()
    .meta({ description: 'Its ref to whoever may not know the id; null: it came by API key' }),
  kind: z.string(),
  status: z.enum(inboxStatuses),
  outcome: word(outcomes).nullable(),
  reason: messageReason.nullable(),
  error: z.string().nullable(),
  conversionId: z.string().nullable(),
  livemode,
  receivedAt: timestamp,
  settledAt: timestamp.nullable(),
};
const eventSchema = z.strictObject(shown).meta({ id: 'InboxEvent' });
export type InboxEventView = z.output<typeof eventSchema>;
const eventDetailSchema = z
  .strictObject({
    ...shown,
    raw: z.string().meta({ description: 'What came, keys replaced; bytes that are no text in base64' }),
    rawEncoding: z.enum(['utf8', 'base64']),
    headers: z.record(z.string(), z.string()),
    facts: z.array(z.record(z.string(), z.unknown())).meta({ description: 'How it was understood' }),
  })
  .meta({ id: 'InboxEventDetail' });
export type InboxEventDetailView = z.output<typeof eventDetailSchema>;

/** By what inbox events are chosen, in the query of the list and in bodies. */
export const eventQuery = {
  ...periodQuery,
  status: wordsOf(inboxStatuses).optional(),
  sourceId: reference.optional().meta({ description: 'Id or ref' }),
  kind: wordsOf(inboxKinds).optional(),
  outcome: wordsOf(outcomes).optional(),
  reason: text(500).optional().meta({ description: 'To the letter', example: 'duplicate_order' }),
  reference: reference.optional().meta({
    description: 'An id of an order, a click, a customer or a conversion, of the sender, of Stripe or of the hub',
    example: 'A-1001',
  }),
  conversionId: reference.optional(),
};

export async function toEventFilter(
  db: Db,
  { programId, livemode: live }: Scope,
  query: z.output<z.ZodObject<typeof eventQuery>>,
): Promise<InboxEventFilter> {
  return {
    livemode: live,
    statuses: query.status,
    sourceId: query.sourceId && (await restoreSourceIds(db, programId, query.sourceId)),
    outcomes: query.outcome,
    kinds: query.kind,
    reason: query.reason,
    among:
      query.reference === undefined
        ? undefined
        : await findEventsByReference(
            db,
            { programId, livemode: live },
            await restoreSourceIds(db, programId, query.reference),
          ),
    conversionId: query.conversionId,
    ...(await resolvePeriod(db, programId, query)),
  };
}

export const inboxEventRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/inbox-events',
    mayBeBehind: ({ conversionId, reference: named }) => conversionId === undefined && named === undefined,
    access: 'read',
    tag: 'Inbox',
    summary: 'List what came in, and what became of it',
    description:
      '`reference` finds the newest 1 000 messages that told something of an order, a click or a customer; what only ' +
      'repeated them is found by `conversionId`. What sources turned away is no inbox event: `/sources/{id}/refusals` has it.',
    query: z.strictObject({ ...pageQuery, ...sortQuery, ...eventQuery }),
    status: 200,
    answer: listOf(eventSchema),
    handle: async ({ db }, { principal, livemode, query }) => {
      const { programId } = principal;
      const filter = await toEventFilter(db, { programId, livemode }, query);
      const page = await listInboxEvents(db, programId, filter, toPageRequest('inbox-events', query));
      return toListBody('inbox-events', page, eventView);
    },
  }),
  inboxStatsRoute,
  defineRoute({
    method: 'get',
    path: '/inbox-events/:id',
    access: 'read',
    tag: 'Inbox',
    summary: 'Get an inbox event, with the raw message',
    status: 200,
    answer: one(eventDetailSchema),
    handle: async ({ db }, { principal, livemode, params }) => {
      const event = await findInboxEvent(db, principal.programId, livemode, params.id);
      if (!event) throw notFound('Inbox event');
      const { headers, facts, raw } = event;
      const hide = (text: string) => hideSourceIds(db, principal, text);
      return { data: { ...eventView(event), ...(await readable(raw, hide)), headers, facts } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/inbox-events/:id/replay',
    access: 'write',
    tag: 'Inbox',
    summary: 'Settle an inbox event once more',
    description: 'Reads it again with the code and settings of today. What was recorded before adds nothing.',
    status: 202,
    answer: one(eventSchema),
    handle: async (deps, { principal, livemode, params, actor }) => {
      const { programId } = principal;
      if (!(await replayEvent(deps, programId, livemode, params.id, actor))) throw notFound('Inbox event');
      const event = await findInboxEvent(deps.db, programId, livemode, params.id);
      if (!event) throw notFound('Inbox event');
      return { data: eventView(event) };
    },
  }),
];

function eventView(event: InboxEvent): z.input<typeof eventSchema> {
  return {
    id: event.id,
    sourceId: event.sourceId,
    kind: event.kind,
    status: event.status,
    outcome: event.outcome,
    reason: event.reason,
    error: event.error,
    conversionId: event.conversionId,
    livemode: event.livemode,
    receivedAt: event.receivedAt.toISOString(),
    settledAt: event.settledAt?.toISOString() ?? null,
  };
}

/** What is sent in base64 is out of reach of whoever looks through the answer. */
async function readable(
  raw: Buffer,
  hide: (text: string) => Promise<string>,
): Promise<{ raw: string; rawEncoding: 'utf8' | 'base64' }> {
  const text = raw.toString('utf8');
  if (Buffer.from(text).equals(raw)) return { raw: text, rawEncoding: 'utf8' };
  const shown = Buffer.from(await hide(raw.toString('latin1')), 'latin1');
  return { raw: shown.toString('base64'), rawEncoding: 'base64' };
}
