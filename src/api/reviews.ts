import { z } from 'zod';
import { readReviewDetails, type ReviewDetail } from '../audit/review-evidence.ts';
import { validationError } from '../domain/errors.ts';
import { commissionIdOf, conversionIdOf } from '../domain/ids.ts';
import { namedBy } from '../domain/scope.ts';
import { amountMinor, periodQuery, reference, text, timestamp, wordsOf } from '../http/fields.ts';
import { conversionView } from '../ledger/conversion-view.ts';
import { listConversions, type Conversion } from '../ledger/conversions.ts';
import { decideReviews, type DecidedReview } from '../operations/review-decisions.ts';
import { reviewReasons } from '../pipeline/rules/review.ts';
import { resolvePeriod } from '../program/period.ts';
import { commissionSchema, viewCommission } from './commissions.ts';
import { conversionSchema } from './conversion-schemas.ts';
import { requireAffiliate, toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const MAX_IDS = 100;

const reason = z.enum(reviewReasons);

const evidenceSchema = z
  .strictObject({
    reason,
    because: z.enum(['paid', 'named']).nullable().meta({
      description: 'Of `paid_to_another`: a payout paid the other affiliate, or newer evidence names them',
    }),
    affiliates: z
      .array(z.strictObject({ id: z.string(), displayName: z.string().nullable() }))
      .meta({ description: 'Whom it is about, the one who is credited first' }),
    domains: z.array(z.string()).meta({ description: 'Of `same_domain`: where buyer and affiliate have addresses' }),
    facts: z
      .array(
        z.strictObject({
          id: z.string().meta({ description: '`factId` of the conversion' }),
          type: z.string(),
          amountMinor: amountMinor.nullable(),
          currency: z.string().nullable(),
          occurredAt: timestamp,
        }),
      )
      .meta({
        description: 'Of `currency_mismatch`: what was said in another currency than the payment',
        example: [
          {
            id: 're_1',
            type: 'refund',
            amountMinor: 4900,
            currency: 'EUR',
            occurredAt: '2026-11-20T10:15:00.000Z',
          },
        ],
      }),
  })
  .meta({ id: 'ReviewEvidence' });

const reviewSchema = z
  .strictObject({
    id: z.string().meta({ description: 'Of the commission' }),
    reasons: z.array(reason),
    since: timestamp,
    evidence: z.array(evidenceSchema).meta({ description: 'One for each open ground' }),
    ledger: z
      .array(z.strictObject({ affiliateId: z.string(), currency: z.string(), amountMinor, inPayoutMinor: amountMinor }))
      .meta({ description: 'What is posted for it so far, and what of that is in a payout or paid' }),
    joinedConversionIds: z
      .array(z.string())
      .meta({ description: 'Orders that are taken for this one because customer, amount and time agree' }),
    commission: commissionSchema,
    conversion: conversionSchema,
  })
  .meta({ id: 'Review' });
export type ReviewView = z.output<typeof reviewSchema>;

const decisionSchema = z
  .strictObject({
    id: z.string().meta({ description: 'As it was given' }),
    outcome: z.enum(['decided', 'processing', 'refused']),
    commission: commissionSchema.nullable().meta({ description: 'Where it is decided: as it is now' }),
    inboxEventId: z.string().nullable().meta({ description: 'Where no result came in time: the recorded decision' }),
    error: z
      .strictObject({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it was refused' }),
  })
  .meta({ id: 'ReviewDecision' });
export type ReviewDecisionView = z.output<typeof decisionSchema>;

export const reviewRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/reviews',
    access: 'read',
    tag: 'Reviews',
    summary: 'List commissions that a person has to decide about',
    description: 'With what each ground stands on. While a review lasts nothing of it is payable.',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      ...periodQuery,
      reason: wordsOf(reviewReasons).optional(),
      affiliateId: reference.optional().meta({ description: 'Who is credited' }),
      conversionId: reference.optional(),
    }),
    status: 200,
    answer: listOf(reviewSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        livemode,
        inReview: true as const,
        reviewReasons: query.reason,
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        conversionId: query.conversionId,
        ...(await resolvePeriod(db, programId, query)),
      };
      const page = await listConversions(db, programId, filter, toPageRequest('reviews', query));
      const details = await readReviewDetails(db, programId, page.items);
      return toListBody('reviews', page, (conversion) => reviewView(conversion, details.get(conversion.id)));
    },
  }),
  defineRoute({
    method: 'post',
    path: '/reviews/decisions',
    access: 'write',
    tag: 'Reviews',
    summary: 'Decide one or many reviews',
    description:
      'Approves, rejects, or says whose they are (`affiliateId`, where the review asks that). Each is decided by itself, ' +
      'and what is refused keeps no other from being decided: its item says why.',
    body: z
      .strictObject({
        ids: z
          .array(reference)
          .min(1)
          .max(MAX_IDS)
          .meta({ description: 'Of commissions, or of their conversions', example: ['com_0197…', 'com_0198…'] }),
        status: z.enum(['approved', 'rejected']).optional(),
        affiliateId: reference.optional().meta({ description: 'Id or referral code; instead of a status' }),
        reason: text(1000).nullable().optional(),
      })
      .refine(({ status, affiliateId }) => (status === undefined) !== (affiliateId === undefined), {
        message: 'must be given, with a reason if you like, or affiliateId instead of it',
        path: ['status'],
      })
      .meta({ id: 'ReviewDecisions' }),
    status: 200,
    answer: one(z.array(decisionSchema)),
    handle: async (deps, { principal, livemode, scope, body, raw, headers, receivedAt, actor }) => {
      const { ids, status, affiliateId, reason: why = null } = body;
      if (new Set(ids).size < ids.length) throw validationError('ids must differ', { ids: 'must differ' });
      const { programId, keyId } = principal;
      const decision =
        status === undefined
          ? { affiliateId: (await requireAffiliate(deps.db, namedBy(scope), affiliateId ?? '')).id, by: keyId }
          : { status, reason: why, by: keyId };
      const by = { programId, livemode, raw, headers, receivedAt, actor };
      const conversionIds = ids.map((id) => conversionIdOf(id) ?? id);
      const decided = await decideReviews(deps, conversionIds, decision, by);
      return { data: decided.map((result, index) => decisionView(ids[index] ?? '', result)) };
    },
  }),
];

function reviewView(conversion: Conversion, detail: ReviewDetail | undefined): z.input<typeof reviewSchema> {
  const { id, review } = conversion;
  if (review === null || detail === undefined) throw new Error(`conversion ${id} is in no review`);
  return {
    id: commissionIdOf(id),
    reasons: review.reasons as z.input<typeof reason>[],
    since: review.since,
    ...detail,
    commission: viewCommission(conversion) as z.input<typeof commissionSchema>,
    conversion: conversionView(conversion) as z.input<typeof conversionSchema>,
  };
}

function decisionView(id: string, result: DecidedReview): z.input<typeof decisionSchema> {
  const { outcome } = result;
  return {
    id,
    outcome,
    commission: outcome === 'decided' ? (viewCommission(result.conversion) as z.input<typeof commissionSchema>) : null,
    inboxEventId: outcome === 'processing' ? result.inboxEventId : null,
    error: outcome === 'refused' ? { code: result.error.code, message: result.error.message } : null,
  };
}
