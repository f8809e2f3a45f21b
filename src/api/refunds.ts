import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { AppError, notFound, validationError } from '../domain/errors.ts';
import type { FactOf } from '../domain/facts.ts';
import { normalizeRefundRequest, refundRequestSchema } from '../inbound/conversion/normalize.ts';
import { auditRefund } from '../operations/refund-audit.ts';
import { findMergedConversion, readConversionDetail, type Conversion } from '../ledger/conversions.ts';
import { amountMinor, livemode, timestamp } from '../http/fields.ts';
import { one } from './pagination.ts';
import { processingAnswer, replyProcessing } from './processing.ts';
import { defineRoute, type Route } from './route.ts';

const refundSchema = z
  .strictObject({
    refundId: z.string(),
    conversionId: z.string(),
    amountMinor,
    currency: z.string().nullable(),
    livemode,
    occurredAt: timestamp,
  })
  .meta({ id: 'Refund' });

export const refundRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/conversions/:id/refunds',
    access: 'write',
    tag: 'Conversions',
    summary: 'Refund a conversion, in part or whole',
    description:
      'No amount means all that remains. The same `refundId` gives the same answer. The commission follows: what was ' +
      'paid already is taken from the next payout.',
    body: refundRequestSchema.meta({ id: 'RefundInput' }),
    bodyOptional: true,
    status: 201,
    answer: one(refundSchema),
    otherAnswers: {
      202: { description: 'No result in time; nothing is lost', schema: processingAnswer('RefundProcessing') },
    },
    handle: async (deps, request) => {
      const { principal, livemode, params, body, raw, headers, receivedAt, callId, actor } = request;
      const { programId } = principal;
      const conversion = await findRefundable(deps, programId, livemode, params.id);
      const { references, facts } = await readConversionDetail(deps.db, conversion.id);
      const known = facts.find((fact) => fact.type === 'refund' && fact.refundId === body.refundId);
      if (known?.type === 'refund') return { data: refundView(conversion, known) };
      const asked = { ...body, amountMinor: chooseAmount(conversion, body.amountMinor) };
      const normalized = normalizeRefundRequest({ ...conversion, references }, asked, {
        receivedAt,
        callId: callId ?? undefined,
      });
      const { id, settled } = await deps.inbox.appendAndWait({
        programId,
        sourceId: null,
        kind: 'refund',
        raw,
        headers,
        normalized,
        receivedAt,
        audited: { actor, changes: auditRefund(conversion, normalized, body.reason) },
      });
      if (settled === null || settled.outcome === 'failed') return replyProcessing(id);
      const [sent] = normalized.kind === 'facts' ? normalized.facts : [];
      // Of two simultaneous requests with one refund id the first is stored, and both are answered with it.
      const stored = (await readConversionDetail(deps.db, conversion.id)).facts.find((fact) => fact.id === sent?.id);
      const fact = stored ?? sent;
      if (fact?.type !== 'refund') throw new AppError('INTERNAL_ERROR', 'Something went wrong on our side');
      return { data: refundView(conversion, fact) };
    },
  }),
];

/** The conversion, or the one into which it was merged: that one is refunded. */
async function findRefundable(
  { db }: Pick<Deps, 'db'>,
  programId: string,
  livemode: boolean,
  conversionId: string,
): Promise<Conversion> {
  const conversion = await findMergedConversion(db, programId, livemode, conversionId);
  if (!conversion) throw notFound('Conversion');
  return conversion;
}

function chooseAmount(conversion: Conversion, asked: number | undefined): number {
  const remaining = Number(conversion.grossMinor - conversion.refundedMinor);
  if (conversion.grossMinor === 0n) {
    throw new AppError('CONFLICT', 'No payment is known of this conversion; reject its commission instead');
  }
  if (remaining === 0) throw new AppError('CONFLICT', 'All of this conversion is refunded already');
  if (asked === undefined || asked <= remaining) return asked ?? remaining;
  const message = `is more than the ${remaining} that remain`;
  throw validationError(`amountMinor ${message}`, { amountMinor: message });
}

function refundView(conversion: Conversion, fact: FactOf<'refund'>): z.input<typeof refundSchema> {
  const { amount } = fact;
  return {
    refundId: fact.refundId,
    conversionId: conversion.id,
    amountMinor: amount && 'minor' in amount ? amount.minor : Number(conversion.grossMinor),
    currency: conversion.currency,
    livemode: conversion.livemode,
    occurredAt: fact.occurredAt,
  };
}
