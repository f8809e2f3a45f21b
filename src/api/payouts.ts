import { z } from 'zod';
import { AppError, found, notFound } from '../domain/errors.ts';
import { commissionIdOf } from '../domain/ids.ts';
import { namedBy } from '../domain/scope.ts';
import { listPayoutEntries, positionOf, type PayoutEntry } from '../ledger/payout-entries.ts';
import { findPayout, listPayouts, payoutView } from '../ledger/payouts.ts';
import { resolvePeriod } from '../program/period.ts';
import { amountMinor, currency, periodQuery, reference, text, timestamp, wordsOf } from '../http/fields.ts';
import { requireAffiliate, toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { changePayoutAndAnnounce, createPayoutAndAnnounce } from '../operations/payout-changes.ts';
import { defineRoute, type Route } from './route.ts';

export const payoutStatuses = ['pending', 'paid', 'failed'] as const;

export const payoutFields = {
  id: z.string(),
  affiliateId: z.string(),
  amountMinor,
  currency: z.string(),
  status: z.enum(payoutStatuses),
  batchId: z.string().nullable().meta({ description: 'null: it was made alone' }),
  reference: z.string().nullable().meta({ description: 'By which the payment is known where it was made' }),
  note: z.string().nullable(),
  createdAt: timestamp,
  paidAt: timestamp.nullable(),
  failedAt: timestamp.nullable(),
};
const payoutSchema = z.strictObject(payoutFields).meta({ id: 'Payout' });
export type PayoutView = z.output<typeof payoutSchema>;

const payoutEntrySchema = z
  .strictObject({
    id: z.string(),
    conversionId: z.string().nullable().meta({ description: 'The conversion; null: it is an adjustment' }),
    commissionId: z.string().nullable(),
    adjustmentId: z.string().nullable().meta({ description: 'The adjustment; null: it is of a conversion' }),
    amountMinor,
    currency: z.string(),
    type: z.string().meta({ description: 'What caused it: earning, refund, dispute, decision, adjustment, …' }),
    createdAt: timestamp,
  })
  .meta({ id: 'PayoutEntry' });
export type PayoutEntryView = z.output<typeof payoutEntrySchema>;

/** What a person says about payments, in bodies. */
export const paymentWords = {
  reference: text(255).nullish().meta({
    description: 'By which the payment is known where it was made, at the bank or PayPal',
    example: 'SEPA 2026-11',
  }),
  note: text(1_000)
    .nullish()
    .meta({ description: 'For people; PayPal shows it to the recipient', example: 'November' }),
};

/** Test money is never payable: to a test key there are no payouts. */
export const payoutRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/payouts',
    access: 'write',
    tag: 'Payouts',
    summary: 'Pay out all that is payable',
    description:
      'Takes every approved posting of the affiliate in this currency that is in no payout. 409: nothing is payable.',
    body: z.strictObject({ affiliateId: reference, currency, ...paymentWords }).meta({ id: 'PayoutInput' }),
    status: 201,
    answer: one(payoutSchema),
    handle: async (deps, { principal, livemode, scope, body, actor }) => {
      const affiliate = await requireAffiliate(deps.db, namedBy(scope), body.affiliateId);
      if (!livemode) throw new AppError('CONFLICT', 'Nothing is payable: test commissions never are');
      const input = { ...body, affiliateId: affiliate.id, createdBy: principal.keyId };
      return { data: payoutView(await createPayoutAndAnnounce(deps, principal.programId, input, actor)) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/payouts',
    access: 'read',
    tag: 'Payouts',
    summary: 'List payouts',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      ...periodQuery,
      affiliateId: reference.optional(),
      currency: currency.optional(),
      status: wordsOf(payoutStatuses).optional(),
      conversionId: reference.optional().meta({ description: 'Those that pay a commission of this conversion' }),
      batchId: reference.optional().meta({ description: 'Those of this batch' }),
    }),
    status: 200,
    answer: listOf(payoutSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const request = toPageRequest('payouts', query);
      const affiliateId = await toAffiliateId(db, reach, query.affiliateId);
      const filter = {
        affiliateId,
        currency: query.currency,
        statuses: query.status,
        conversionId: query.conversionId,
        batchId: query.batchId,
        ...(await resolvePeriod(db, programId, query)),
      };
      const page = livemode ? await listPayouts(db, programId, filter, request) : { items: [], hasMore: false };
      return toListBody('payouts', page, payoutView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/payouts/:id',
    access: 'read',
    tag: 'Payouts',
    summary: 'Get a payout',
    status: 200,
    answer: one(payoutSchema),
    handle: async ({ db }, { principal, livemode, params }) => ({
      data: payoutView(found(livemode ? await findPayout(db, principal.programId, params.id) : null, 'Payout')),
    }),
  }),
  defineRoute({
    method: 'patch',
    path: '/payouts/:id',
    access: 'write',
    tag: 'Payouts',
    summary: 'Mark a payout paid or failed, and say how it was paid',
    description:
      'Both are final. What failed can be paid out again. `reference` and `note` can be changed at any time.',
    body: z
      .strictObject({ status: z.enum(['paid', 'failed']).optional(), ...paymentWords })
      .refine((body) => Object.values(body).some((value) => value !== undefined), 'must have one field at least')
      .meta({ id: 'PayoutChanges' }),
    status: 200,
    answer: one(payoutSchema),
    handle: async (deps, { principal, livemode, params, body, actor }) => {
      if (!livemode) throw notFound('Payout');
      const payout = await changePayoutAndAnnounce(deps, principal.programId, params.id, body, actor);
      return { data: payoutView(found(payout, 'Payout')) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/payouts/:id/entries',
    access: 'read',
    tag: 'Payouts',
    summary: 'List what a payout pays',
    description: 'Its sum is the amount of the payout. Newest conversions first.',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(payoutEntrySchema),
    handle: async ({ db }, { principal, livemode, params, query }) => {
      const { programId } = principal;
      const payout = found(livemode ? await findPayout(db, programId, params.id) : null, 'Payout');
      const page = await listPayoutEntries(db, programId, payout.id, toPageRequest('payout-entries', query));
      return toListBody('payout-entries', page, entryView, positionOf);
    },
  }),
];

function entryView(entry: PayoutEntry): z.input<typeof payoutEntrySchema> {
  const isAdjustment = entry.orderId.startsWith('adj_');
  return {
    id: entry.id,
    conversionId: isAdjustment ? null : entry.orderId,
    commissionId: isAdjustment ? null : commissionIdOf(entry.orderId),
    adjustmentId: isAdjustment ? entry.orderId : null,
    amountMinor: Number(entry.amountMinor),
    currency: entry.currency,
    type: entry.type,
    createdAt: entry.createdAt.toISOString(),
  };
}
