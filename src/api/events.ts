import { z } from 'zod';
import { explainNotTracked, explainRejection } from '../domain/outcomes.ts';
import { AppError } from '../domain/errors.ts';
import { normalizeFunnelEvent } from '../inbound/conversion/normalize.ts';
import { hintAtMisspelt } from '../inbound/fields/misspelt.ts';
import { defaultFieldNames } from '../inbound/fields/names.ts';
import type { ReadOutcome } from '../inbound/inbox/read-outcomes.ts';
import { redactRaw } from '../inbound/inbox/redaction.ts';
import { eventBody } from './conversion-schemas.ts';
import { livemode } from '../http/fields.ts';
import { one } from './pagination.ts';
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
    reason: z.string(),
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

export const eventRoutes: Route[] = [
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
