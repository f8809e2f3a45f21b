import { z } from 'zod';
import { explainNotTracked, explainRejection } from '../domain/outcomes.ts';
import { AppError } from '../domain/errors.ts';
import { normalizeFunnelEvent } from '../inbound/conversion/normalize.ts';
import { hintAtMisspelt } from '../inbound/fields/misspelt.ts';
import { defaultFieldNames } from '../inbound/fields/names.ts';
import type { ReadOutcome } from '../inbound/inbox/read-outcomes.ts';
import { redactRaw } from '../inbound/inbox/redaction.ts';
import { eventBody, messageReason } from './conversion-schemas.ts';
import { funnelEventTypes, listFunnelEvents, type FunnelEvent } from '../ledger/funnel-events.ts';
import { resolvePeriod } from '../program/period.ts';
import { livemode, periodQuery, reference, timestamp, wordsOf } from '../http/fields.ts';
import { toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { locationOf } from './processing.ts';
import { defineRoute, Reply, type Route } from './route.ts';

const recordedSchema = z
  .strictObject({
    tracked: z.literal(true),
    eventId: z.string().meta({ description: 'The inbox event' }),
    conversionId: z.string().nullable().meta({ description: 'Of a lead: the conversion of kind lead' }),
    livemode,
  })
  .meta({ id: 'EventTracked' });
const untrackedSchema = z
  .strictObject({
    tracked: z.literal(false),
    eventId: z.string(),
    reason: messageReason,
    message: z.string(),
    conversionId: z.string().optional(),
  })
  .meta({ id: 'EventNotTracked' });
const laterSchema = z
  .strictObject({
    tracked: z.null(),
    status: z.enum(['processing', 'failed']),
    inboxEventId: z.string(),
    location: z.string(),
  })
  .meta({ id: 'EventProcessing' });

const eventSchema = z
  .strictObject({
    id: z.string().meta({ description: 'The inbox event that first told of it' }),
    eventType: z.enum(funnelEventTypes),
    affiliateId: z.string().nullable().meta({
      description: 'Whose customer it was of when it came, else whose click it names; of a lead: who is credited',
    }),
    offerId: z.string().nullable(),
    clickId: z.string().nullable(),
    customerId: z.string().nullable(),
    conversionId: z.string().nullable().meta({ description: 'Of a lead: the conversion of kind lead' }),
    url: z.string().nullable().meta({ description: 'The page that was viewed, where it was told' }),
    occurredAt: timestamp.nullable(),
  })
  .meta({ id: 'FunnelEvent' });

export const eventRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/events',
    mayBeBehind: ({ clickId, customerId }) => clickId === undefined && customerId === undefined,
    access: 'read',
    tag: 'Events',
    summary: 'List secondary funnel events',
    description:
      'Page views, registrations and leads, whichever way they came, each once. `GET /stats` adds them up in `funnel`.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      ...periodQuery,
      eventType: wordsOf(funnelEventTypes).optional(),
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      clickId: reference.optional(),
      customerId: reference.optional(),
    }),
    status: 200,
    answer: listOf(eventSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        programId,
        livemode,
        eventTypes: query.eventType,
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
        clickId: query.clickId,
        customerId: query.customerId,
        ...(await resolvePeriod(db, programId, query)),
      };
      const { limit, beforeId = null, oldestFirst } = toPageRequest('events', query);
      const page = await listFunnelEvents(db, filter, { limit, before: beforeId, oldestFirst });
      return toListBody('events', page, eventView, ({ position }) => position);
    },
  }),
  defineRoute({
    method: 'post',
    path: '/events',
    access: 'ingest',
    tag: 'Events',
    summary: 'Report a secondary funnel event',
    description:
      'A page view, a registration or a lead of a click or a customer. A lead is a conversion of kind lead, which earns ' +
      'nothing by itself; the others are counted only.',
    body: eventBody,
    mayHoldKeys: true,
    status: 201,
    answer: one(recordedSchema),
    otherAnswers: {
      200: { description: 'A repeat, or what does not count', schema: one(z.union([recordedSchema, untrackedSchema])) },
      202: { description: 'No result in time; nothing is lost', schema: one(laterSchema) },
    },
    handle: async (deps, { principal, livemode, body, raw, headers, receivedAt, callId }) => {
      const normalized = normalizeFunnelEvent(body, { livemode, receivedAt, callId: callId ?? undefined });
      const { id, settled } = await deps.inbox.appendAndWait({
        programId: principal.programId,
        sourceId: null,
        kind: 'event',
        raw: redactRaw(raw, body),
        headers,
        normalized,
        receivedAt,
      });
      return answerEvent(id, settled, normalized.livemode, () => hintAtMisspelt(Object.keys(body), defaultFieldNames));
    },
  }),
];

function eventView(listed: FunnelEvent): z.input<typeof eventSchema> {
  const { position: _, occurredAt, ...event } = listed;
  return { ...event, occurredAt: occurredAt?.toISOString() ?? null };
}

/** `hint` gives a sentence about names that were probably misspelt; asked only where nothing was tracked. */
function answerEvent(eventId: string, settled: ReadOutcome | null, livemode: boolean, hint: () => string): Reply {
  if (settled === null || settled.outcome === 'failed') {
    const status = settled === null ? 'processing' : 'failed';
    return new Reply(202, { data: { tracked: null, status, inboxEventId: eventId, location: locationOf(eventId) } });
  }
  const { outcome, conversion } = settled;
  const conversionId = conversion?.id ?? null;
  if (outcome === 'recorded' || outcome === 'updated') {
    const status = outcome === 'recorded' ? 201 : 200;
    return new Reply(status, { data: { tracked: true, eventId, conversionId, livemode } });
  }
  if (outcome === 'rejected' || outcome === 'unprocessable') throw refuse(settled, hint());
  const about = conversionId === null ? {} : { conversionId };
  const [reason, message] = explainOutcome(settled);
  return new Reply(200, { data: { tracked: false, eventId, reason, message: message + hint(), ...about } });
}

function explainOutcome(settled: ReadOutcome): [reason: string, message: string] {
  if (settled.outcome === 'duplicate') return ['duplicate_event', 'This event is already recorded.'];
  if (settled.outcome === 'parked')
    return ['no_attribution', 'Nothing tells which affiliate referred this. It is kept.'];
  const reason = settled.reason ?? settled.conversion?.reason ?? settled.outcome;
  return [reason, explainNotTracked(reason) ?? settled.error ?? 'Received, and not counted.'];
}

function refuse(settled: ReadOutcome, hint: string): AppError {
  const reason = settled.reason ?? settled.outcome;
  const message = settled.error ?? explainRejection(reason) ?? 'The event was refused';
  return new AppError('VALIDATION_ERROR', hint === '' ? message : `${message}.${hint}`, { details: { reason } });
}
