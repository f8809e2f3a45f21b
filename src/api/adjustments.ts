import { z } from 'zod';
import { found } from '../domain/errors.ts';
import { MAX_AMOUNT_MINOR } from '../domain/money.ts';
import { namedBy } from '../domain/scope.ts';
import { amountMinor, currency, livemode, moment, periodQuery, reference, text, timestamp } from '../http/fields.ts';
import { adjustmentView } from '../ledger/adjustment-view.ts';
import { findAdjustment, listAdjustments, type Adjustment } from '../ledger/adjustments.ts';
import { makeAdjustment } from '../operations/adjustments.ts';
import { resolvePeriod } from '../program/period.ts';
import { refuseFarAhead } from './far-ahead.ts';
import { requireAffiliate, toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { processingAnswer, replyProcessing } from './processing.ts';
import { defineRoute, Reply, type Route } from './route.ts';

const adjustmentSchema = z
  .strictObject({
    id: z.string().meta({ description: 'adj_…' }),
    affiliateId: z.string().meta({ description: 'Whose balance moved' }),
    amountMinor: amountMinor.meta({ description: 'Minor units added to the balance; negative: taken from it' }),
    currency: z.string().meta({ description: 'ISO 4217' }),
    status: z.enum(['approved', 'paid']).meta({ description: '`paid`: the payout that it is in was paid' }),
    reason: z.string().meta({ description: 'Why, in the words of who made it' }),
    reference: z.string().nullable().meta({ description: 'Your own id of it' }),
    createdBy: z.string().meta({ description: 'The API key that made it; `command`: the command line' }),
    createdByName: z.string().nullable().meta({ description: 'The name of that key' }),
    payoutId: z.string().nullable().meta({ description: 'The payout that it is in, unless that failed' }),
    livemode,
    occurredAt: timestamp.meta({ description: 'When it is of' }),
    createdAt: timestamp.meta({ description: 'When it was recorded' }),
  })
  .meta({ id: 'Adjustment' });

const limit = Number(MAX_AMOUNT_MINOR);

const adjustmentInput = z
  .strictObject({
    affiliateId: reference.meta({ description: 'The affiliate, by id or referral code', example: 'ann' }),
    amountMinor: z
      .int()
      .min(-limit)
      .max(limit)
      .refine((amount) => amount !== 0, 'must not be 0')
      .meta({ description: 'Minor units to add to the balance; negative: to take from it', example: 5000 }),
    currency: currency.meta({ description: 'ISO 4217; the balance in this currency moves' }),
    reason: text(1000).meta({ description: 'Why: kept for good, and shown', example: 'Bonus for the spring campaign' }),
    reference: text(200)
      .optional()
      .meta({ description: 'Your own id of it: a repeat answers the same adjustment', example: 'bonus-2026-11' }),
    occurredAt: moment.optional().meta({ description: 'When it is of; now when absent' }),
  })
  .meta({ id: 'AdjustmentInput' });

export const adjustmentRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/adjustments',
    access: 'write',
    tag: 'Adjustments',
    summary: 'Add to a balance, or take from it',
    description:
      'A bonus or a correction without a conversion: an entry of the ledger of its own, approved at once, which the next ' +
      'payout takes. It is no conversion and no revenue, and can be taken back by another adjustment only. A repeat with the ' +
      'same `reference` answers 200 with the same adjustment; 409 where it says otherwise.',
    body: adjustmentInput,
    status: 201,
    answer: one(adjustmentSchema),
    otherAnswers: {
      200: { description: 'The reference is known: this is that adjustment', schema: one(adjustmentSchema) },
      202: {
        description: 'No result in time; the adjustment is recorded',
        schema: processingAnswer('AdjustmentProcessing'),
      },
    },
    handle: async (deps, { scope, body, headers, receivedAt, callId, actor }) => {
      const affiliate = await requireAffiliate(deps.db, namedBy(scope), body.affiliateId);
      if (body.occurredAt) refuseFarAhead('occurredAt', body.occurredAt, receivedAt);
      const input = {
        affiliateId: affiliate.id,
        amountMinor: body.amountMinor,
        currency: body.currency,
        reason: body.reason,
        reference: body.reference ?? null,
        occurredAt: body.occurredAt ?? receivedAt,
      };
      const result = await makeAdjustment(deps, scope, input, { actor, headers, receivedAt, callId });
      if (result.kind === 'processing') return replyProcessing(result.inboxEventId);
      return new Reply(result.kind === 'made' ? 201 : 200, { data: detailView(result.adjustment) });
    },
  }),
  defineRoute({
    method: 'get',
    path: '/adjustments',
    mayBeBehind: ({ reference: named }) => named === undefined,
    access: 'read',
    tag: 'Adjustments',
    summary: 'List adjustments',
    description: 'Newest first. A test key sees test adjustments, which are never paid.',
    query: z.strictObject({
      ...pageQuery,
      ...periodQuery,
      affiliateId: reference.optional().meta({ description: 'Of one affiliate, by id or referral code' }),
      currency: currency.optional().meta({ description: 'In one currency' }),
      reference: text(200).optional().meta({ description: 'The one with this reference of yours' }),
    }),
    status: 200,
    answer: listOf(adjustmentSchema),
    handle: async ({ db }, { principal, scope, reach, query }) => {
      const filter = {
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        currency: query.currency,
        reference: query.reference,
        ...(await resolvePeriod(db, principal.programId, query)),
      };
      const page = await listAdjustments(db, scope, filter, toPageRequest('adjustments', query));
      return toListBody('adjustments', page, detailView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/adjustments/:id',
    access: 'read',
    tag: 'Adjustments',
    summary: 'Get an adjustment',
    status: 200,
    answer: one(adjustmentSchema),
    handle: async ({ db }, { scope, params }) => ({
      data: detailView(found(await findAdjustment(db, scope, params.id), 'Adjustment')),
    }),
  }),
];

function detailView(adjustment: Adjustment) {
  return { ...adjustmentView(adjustment, adjustment.payout), createdByName: adjustment.createdByName };
}
