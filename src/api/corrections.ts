import { z } from 'zod';
import { found, validationError } from '../domain/errors.ts';
import { namedBy } from '../domain/scope.ts';
import { reference, text } from '../http/fields.ts';
import { readCorrectedAmount } from '../inbound/conversion/corrected-amount.ts';
import { findConversion } from '../ledger/conversions.ts';
import { correctConversion } from '../operations/conversion-correction.ts';
import { conversionDetailSchema, conversionDetailView } from './conversions.ts';
import { requireAffiliate } from './named.ts';
import { one } from './pagination.ts';
import { processingAnswer, replyProcessing } from './processing.ts';
import { defineRoute, type Route } from './route.ts';

const majorUnits = z.union([z.string().trim().min(1).max(30), z.number()]);

const correctionInput = z
  .strictObject({
    amountMinor: z
      .int()
      .positive()
      .optional()
      .meta({ description: 'What was really paid (gross), in minor units of its currency', example: 9900 }),
    amount: majorUnits.optional().meta({ description: 'The same in major units, decimal', example: '99.00' }),
    tax: majorUnits.optional().meta({
      description:
        'Part of the amount, in major units; commission is computed without it. Without tax and shipping net stays the same share of gross',
      example: '15.81',
    }),
    shipping: majorUnits.optional().meta({ description: 'As tax', example: '4.90' }),
    affiliateId: reference.optional().meta({ description: 'Whose it is, by id or referral code', example: 'ann' }),
    reason: text(1000).meta({
      description: 'Why: kept for good, and shown',
      example: 'The shop sent the price before the discount',
    }),
  })
  .meta({ id: 'CorrectionInput' });

export const correctionRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/conversions/:id/corrections',
    access: 'write',
    tag: 'Conversions',
    summary: "Correct a conversion's amount, or say whose it is",
    description:
      'A decision with who and why: the newest counts, whatever documents or evidence say, and refunds and disputes count ' +
      'against it. What was paid already is netted by the next payout. 409: it was merged (the answer names into which), is ' +
      'rejected or imported, is in a payout that is pending, or has no amount; or the affiliate is not active.',
    body: correctionInput,
    status: 201,
    answer: one(conversionDetailSchema),
    otherAnswers: {
      202: {
        description: 'No result in time; the correction is recorded',
        schema: processingAnswer('CorrectionProcessing'),
      },
    },
    handle: async (deps, { scope, params, body, raw, headers, receivedAt, callId, actor }) => {
      const { programId, livemode } = scope;
      const conversion = found(await findConversion(deps.db, programId, livemode, params.id), 'Conversion');
      const { affiliateId, reason, ...amounts } = body;
      const amount = readCorrectedAmount(amounts, conversion.currency ?? 'USD');
      if (amount === null && affiliateId === undefined) {
        throw validationError('Nothing is corrected: give an amount, affiliateId, or both', {
          amountMinor: 'is required, or affiliateId',
        });
      }
      const affiliate = affiliateId === undefined ? null : await requireAffiliate(deps.db, namedBy(scope), affiliateId);
      const call = { actor, raw, headers, receivedAt, callId };
      const result = await correctConversion(deps, scope, conversion, { amount, affiliate, reason }, call);
      if (result.kind === 'processing') return replyProcessing(result.inboxEventId);
      return { data: await conversionDetailView(deps.db, programId, result.conversion) };
    },
  }),
];
