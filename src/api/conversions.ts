import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { notFound } from '../domain/errors.ts';
import type { Fact } from '../domain/facts.ts';
import { conversionView } from '../ledger/conversion-view.ts';
import { findConversion, listConversions, readConversionDetail, type Conversion } from '../ledger/conversions.ts';
import type { Explanation } from '../pipeline/rules/commission.ts';
import { readKeyNames } from '../program/key-names.ts';
import { resolvePeriod } from '../program/period.ts';
import {
  conversionBody,
  conversionKinds,
  conversionSchema,
  conversionStatuses,
  shownConversion,
  trackedAnswers,
} from './conversion-schemas.ts';
import { dryRunConversion, reportConversion } from './report-conversion.ts';
import { currency, dryRunQuery, periodQuery, reference, wordsOf } from '../http/fields.ts';
import { toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, Reply, type Route } from './route.ts';

export const conversionDetailSchema = z
  .strictObject({
    ...shownConversion,
    mergedInto: z.string().nullable().meta({ description: 'The conversion that this one turned out to be' }),
    references: z.array(z.string()).meta({ description: 'Every id that the order is known by' }),
    facts: z
      .array(z.looseObject({ id: z.string(), type: z.string(), occurredAt: z.string(), factId: z.string() }))
      .meta({
        description: "What was said about the order; `id` is the source's own (re_…, du_…), where there is one",
      }),
    explanation: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'Why this affiliate, why this amount' }),
  })
  .meta({ id: 'ConversionDetail' });
export type ConversionDetailView = z.output<typeof conversionDetailSchema>;

export const conversionRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/conversions',
    access: 'ingest',
    tag: 'Conversions',
    summary: 'Report a conversion',
    description:
      'Matching of names ignores case, `_` and `-`; other fields are kept with the message and otherwise ignored. ' +
      'The answer waits, bounded, for the outcome: 201 when it counts, 200 when it is a repeat or does not qualify, ' +
      '202 when there is no result in time. With `dryRun=true` nothing is written, an Idempotency-Key included: the answer ' +
      'is what the same call would get now, with null for ids that would be new. 409 where the order is just being settled.',
    query: z.strictObject({ dryRun: dryRunQuery }),
    takesDryRun: true,
    body: conversionBody,
    mayHoldKeys: true,
    status: 201,
    answer: trackedAnswers.recorded,
    otherAnswers: {
      200: { description: 'A repeat, a change, or what does not qualify', schema: trackedAnswers.other },
      202: { description: 'No result in time; nothing is lost', schema: trackedAnswers.later },
    },
    handle: async (deps, { scope, query, body, raw, headers, receivedAt, callId }) => {
      const report = query.dryRun ? dryRunConversion : reportConversion;
      const answer = await report(deps, scope, { body, raw, headers, receivedAt, callId });
      return new Reply(answer.status, answer.body);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/conversions',
    mayBeBehind: ({ orderId, clickId }) => orderId === undefined && clickId === undefined,
    access: 'read',
    tag: 'Conversions',
    summary: 'List conversions',
    description: 'Leaves out merged ones unless `status=merged`.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      ...periodQuery,
      status: wordsOf(conversionStatuses).optional(),
      kind: z.enum(conversionKinds).optional(),
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      customerId: reference.optional(),
      clickId: reference.optional(),
      orderId: reference.optional(),
      reason: reference.optional().meta({ description: 'Why it pays nothing: `self_referral`, `cap_exceeded`, …' }),
      currency: currency.optional().meta({ description: 'Of its amount' }),
      payoutId: reference.optional().meta({ description: 'Those whose commissions have an entry in this payout' }),
    }),
    status: 200,
    answer: listOf(conversionSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        livemode,
        statuses: query.status,
        kind: query.kind,
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
        customerId: query.customerId,
        clickId: query.clickId,
        orderId: query.orderId,
        reason: query.reason,
        currency: query.currency,
        payoutId: query.payoutId,
        ...(await resolvePeriod(db, programId, query)),
      };
      const page = await listConversions(db, programId, filter, toPageRequest('conversions', query));
      return toListBody('conversions', page, conversionView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/conversions/:id',
    access: 'read',
    tag: 'Conversions',
    summary: 'Get a conversion, with the facts and the reasons behind it',
    status: 200,
    answer: one(conversionDetailSchema),
    handle: async ({ db }, { principal, livemode, params }) => {
      const conversion = await findConversion(db, principal.programId, livemode, params.id);
      if (!conversion) throw notFound('Conversion');
      return { data: await conversionDetailView(db, principal.programId, conversion) };
    },
  }),
];

/** A conversion with what stands behind it. */
export async function conversionDetailView(db: Db, programId: string, conversion: Conversion) {
  const { references, facts, explanation } = await readConversionDetail(db, conversion.id);
  const names = await readKeyNames(
    db,
    programId,
    facts.flatMap((fact) => ('by' in fact ? [fact.by] : [])),
  );
  return {
    ...conversionView(conversion),
    mergedInto: conversion.mergedInto,
    references,
    facts: facts.map((fact) => withName(factView(fact), names)),
    explanation: explanation === null ? null : nameDeciders(explanation as Explanation, names),
  };
}

/** An explanation with the names of those who decided, beside the ids of their keys. */
function nameDeciders(explanation: Explanation, names: Record<string, string>) {
  const { amounts, decided } = explanation;
  return {
    ...explanation,
    amounts: amounts?.corrected ? { ...amounts, corrected: withName(amounts.corrected, names) } : amounts,
    ...(decided ? { decided: withName(decided, names) } : {}),
  };
}

function withName<T extends object>(said: T, names: Record<string, string>): T & { byName?: string | null } {
  if (!('by' in said) || typeof said.by !== 'string') return said;
  return { ...said, byName: names[said.by] ?? null };
}

/** The fact as it is stored, under the source's own id where it has one. */
function factView({ id: factId, ...fact }: Fact) {
  const own = 'refundId' in fact ? fact.refundId : 'disputeId' in fact ? fact.disputeId : null;
  const object = factId.startsWith('stripe:')
    ? (/(?:^|:)([a-z]+_[A-Za-z0-9]+)(?::[^:]*)?$/.exec(factId)?.[1] ?? null)
    : null;
  return { id: own ?? object ?? factId, factId, ...fact };
}
