import { z } from 'zod';
import { AppError, found, notFound } from '../domain/errors.ts';
import { namedBy } from '../domain/scope.ts';
import { findPayout, listPayouts, payoutView } from '../ledger/payouts.ts';
import { resolvePeriod } from '../program/period.ts';
import { amountMinor, currency, periodQuery, reference, timestamp, wordsOf } from '../http/fields.ts';
import { requireAffiliate, toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { createPayoutAndAnnounce, finishPayoutAndAnnounce } from '../operations/payout-changes.ts';
import { defineRoute, type Route } from './route.ts';

const statuses = ['pending', 'paid', 'failed'] as const;

const payoutSchema = z
  .strictObject({
    id: z.string(),
    affiliateId: z.string(),
    amountMinor,
    currency: z.string(),
    status: z.enum(statuses),
    createdAt: timestamp,
    paidAt: timestamp.nullable(),
    failedAt: timestamp.nullable(),
  })
  .meta({ id: 'Payout' });

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
    body: z.strictObject({ affiliateId: reference, currency }).meta({ id: 'PayoutInput' }),
    status: 201,
    answer: one(payoutSchema),
    handle: async (deps, { principal, livemode, scope, body, actor }) => {
      const affiliate = await requireAffiliate(deps.db, namedBy(scope), body.affiliateId);
      if (!livemode) throw new AppError('CONFLICT', 'Nothing is payable: test commissions never are');
      const input = { affiliateId: affiliate.id, currency: body.currency, createdBy: principal.keyId };
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
      status: wordsOf(statuses).optional(),
      conversionId: reference.optional().meta({ description: 'Those that pay a commission of this conversion' }),
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
    summary: 'Mark a payout paid or failed',
    description: 'Both are final. What failed can be paid out again.',
    body: z.strictObject({ status: z.enum(['paid', 'failed']) }).meta({ id: 'PayoutChanges' }),
    status: 200,
    answer: one(payoutSchema),
    handle: async (deps, { principal, livemode, params, body, actor }) => {
      if (!livemode) throw notFound('Payout');
      const payout = await finishPayoutAndAnnounce(deps, principal.programId, params.id, body.status, actor);
      return { data: payoutView(found(payout, 'Payout')) };
    },
  }),
];
