import { z } from 'zod';
import { AppError, validationError } from '../../domain/errors.ts';
import type { Fact, Normalized } from '../../domain/facts.ts';
import { isStorable } from '../../domain/storable-text.ts';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import { giveField, type GivenFields } from '../fields/given.ts';
import { hintAtMisspelt } from '../fields/misspelt.ts';
import { defaultFieldNames } from '../fields/names.ts';
import { Problems } from '../fields/problems.ts';
import { callRef, digestId } from '../fields/references.ts';
import { buildStatusTable, ownStatuses } from '../fields/statuses.ts';
import { toConversionFact, toFunnelFact } from '../fields/to-fact.ts';
import { isTooFarAhead } from '../fields/values.ts';
import { parseTime } from '../../domain/parse-time.ts';

/** What the JSON API knows of a call beside its body. */
export interface CallContext {
  /** The key's mode. */
  livemode: boolean;
  receivedAt: Date;
  /** To normalize a stored call again: `callIdOf(its facts)`. Left out for a new call. */
  callId?: string | undefined;
}

const statuses = buildStatusTable(ownStatuses, 'refused');

/**
 * The body of `POST /api/v1/conversions` as one fact: a sale (with an amount), an action (without), or a tracker's word
 * (with `status` lead, hold, sale or rejected). Throws VALIDATION_ERROR with `details`.
 */
export function normalizeConversion(body: unknown, context: CallContext): Normalized {
  const problems = hintingProblems(body);
  const given = readBody(body, problems);
  return toConversionFact(given, statuses, toFactContext(context), problems);
}

function hintingProblems(body: unknown): Problems {
  return new Problems(() => hintAtMisspelt(Object.keys(Object(body)), defaultFieldNames));
}

/** The body of `POST /api/v1/events`: `eventType` pageview, registration or lead, with a click or a customer. */
export function normalizeFunnelEvent(body: unknown, context: CallContext): Normalized {
  const problems = hintingProblems(body);
  const given = readBody(body, problems);
  return toFunnelFact(given, null, toFactContext(context), problems);
}

/** The conversion that a refund request is about. */
export interface RefundedConversion {
  id: string;
  /** Every reference that the order is known by. */
  references: string[];
  livemode: boolean;
  currency: string | null;
}

/**
 * The body of `POST /api/v1/conversions/:id/refunds`. No amount: all that remains. Without a `refundId` each request is
 * a refund of its own. Throws VALIDATION_ERROR with `details`.
 */
export function normalizeRefundRequest(
  conversion: RefundedConversion,
  body: unknown,
  context: Omit<CallContext, 'livemode'>,
): Normalized {
  const request = parseRefund(body ?? {});
  const time = request.occurredAt === undefined ? null : readRefundTime(request.occurredAt, context.receivedAt);
  const refundId = request.refundId ?? callRef(context);
  const { amountMinor } = request;
  const fact: Fact = {
    // The id uses the conversion's id, which never changes, and not the amount: one refund id is one refund.
    id: digestId('refund', [conversion.id, refundId]),
    // One is enough: naming all would join for good orders that are only paired (pipeline/rules/pair-unlinked.ts).
    refs: conversion.references.slice(0, 1),
    occurredAt: (time ?? context.receivedAt).toISOString(),
    customer: null,
    evidence: {},
    type: 'refund',
    refundId,
    amount: amountMinor === undefined ? null : { minor: amountMinor, currency: conversion.currency },
  };
  return { kind: 'facts', livemode: conversion.livemode, facts: [fact] };
}

function readBody(body: unknown, problems: Problems): GivenFields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw validationError('The body must be a JSON object');
  }
  const given: GivenFields = {};
  for (const [name, value] of Object.entries(body)) giveField(given, defaultFieldNames, name, value, problems);
  return given;
}

function toFactContext(context: CallContext) {
  return {
    livemode: context.livemode,
    receivedAt: context.receivedAt,
    document: 'api',
    orderScope: null,
    keyless: null,
    callId: context.callId,
  } as const;
}

const shortText = z.string().trim().min(1).max(255).refine(isStorable, 'must not contain NUL or broken Unicode');

/** The body of a refund request; shared with the API's description. */
export const refundRequestSchema = z.strictObject({
  amountMinor: z.int().positive().max(Number(MAX_AMOUNT_MINOR)).optional(),
  refundId: shortText.optional(),
  reason: z
    .string()
    .trim()
    .max(1000)
    .refine(isStorable, 'must not contain NUL or broken Unicode')
    .nullable()
    .optional(),
  occurredAt: z.union([z.string(), z.number()]).optional(),
});

function parseRefund(body: unknown): z.infer<typeof refundRequestSchema> {
  const result = refundRequestSchema.safeParse(body);
  if (result.success) return result.data;
  const problems = new Problems();
  for (const issue of result.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'body'];
    const message = issue.code === 'unrecognized_keys' ? 'is not a field of a refund' : issue.message;
    for (const name of names) problems.add(name, message);
  }
  problems.throwIfAny();
  throw validationError('The body is not a refund');
}

function readRefundTime(value: string | number, receivedAt: Date): Date {
  const time = parseTime(String(value).trim());
  if (time === null) {
    const message = 'must be ISO 8601 with an offset, or Unix seconds or milliseconds';
    throw new AppError('VALIDATION_ERROR', `occurredAt ${message}`, { details: { occurredAt: message } });
  }
  if (!isTooFarAhead(time, receivedAt)) return time;
  const message = 'is more than a year ahead';
  throw new AppError('VALIDATION_ERROR', `occurredAt ${message}`, {
    details: { occurredAt: message, reason: 'occurred_at_in_future' },
  });
}
