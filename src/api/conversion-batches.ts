import { z } from 'zod';
import { toAppError } from '../db/pg-errors.ts';
import { limitConversionsOf } from '../http/limit-callers.ts';
import { conversionBody, trackedAnswers } from './conversion-schemas.ts';
import { reportConversion, type ReportedConversion } from './report-conversion.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';
import type { Scope } from '../domain/scope.ts';

const MOST = 1_000;

const errorSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.string()).optional(),
  requestId: z.string(),
});

const outcomeSchema = z
  .strictObject({
    index: z.int().meta({ description: 'Which of the conversions, from 0' }),
    status: z.int().meta({ description: 'The HTTP status that the call for this one alone would answer' }),
    data: z
      .union([trackedAnswers.recorded.shape.data, trackedAnswers.other.shape.data, trackedAnswers.later.shape.data])
      .optional()
      .meta({ description: 'The `data` of that answer; absent where it is an error' }),
    error: errorSchema.optional().meta({ description: 'The `error` of that answer' }),
  })
  .meta({ id: 'ConversionOutcome' });

type Outcome = z.input<typeof outcomeSchema>;

export const conversionBatchRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/conversions/batch',
    access: 'ingest',
    tag: 'Conversions',
    summary: `Report up to ${MOST.toLocaleString('en')} conversions`,
    description:
      'Each is stored as the call for it alone would be, and has its own outcome: one that is refused holds up no other. ' +
      'They are received in the order given, of at most 1 MiB in all, and each counts against the rate limit of conversions. 503: not all could be ' +
      'stored; send all again, since what was stored adds nothing (by its order id, or by the Idempotency-Key).',
    body: z
      .strictObject({
        conversions: z
          .array(conversionBody)
          .min(1)
          .max(MOST)
          .meta({ description: `1 to ${MOST.toLocaleString('en')}, each with the fields of POST /conversions` }),
      })
      .meta({ id: 'ConversionBatch' }),
    maxValues: 100_000,
    mayHoldKeys: true,
    status: 200,
    answer: z.strictObject({ data: z.array(outcomeSchema) }),
    handle: async (deps, { principal, scope, body, headers, receivedAt, callId, actor }) => {
      const { conversions } = body;
      await limitConversionsOf(deps, principal, conversions.length - 1);
      const requestId = actor.requestId ?? '';
      const data = await Promise.all(
        conversions.map((one, index) =>
          outcomeOf(deps, scope, index, requestId, {
            body: one,
            raw: Buffer.from(JSON.stringify(one)),
            headers,
            receivedAt,
            callId: callId === null ? null : `${callId}-${index}`,
          }),
        ),
      );
      return { data };
    },
  }),
];

async function outcomeOf(
  deps: ApiDeps,
  scope: Scope,
  index: number,
  requestId: string,
  reported: ReportedConversion,
): Promise<Outcome> {
  try {
    const { status, body } = await reportConversion(deps, scope, reported);
    return { index, status, data: body.data };
  } catch (thrown) {
    const error = toAppError(thrown);
    // Nothing was decided about it: the whole call is to be sent again.
    if (error.status >= 500) throw thrown;
    const { code, message, details, status } = error;
    return { index, status, error: { code, message, ...(details ? { details } : {}), requestId } };
  }
}
