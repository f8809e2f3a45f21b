import { z } from 'zod';
import type { Db } from '../db/db.ts';
import { found } from '../domain/errors.ts';
import { namedBy, type Reach, type Scope } from '../domain/scope.ts';
import { conversionIdOf } from '../domain/ids.ts';
import { commissionView } from '../ledger/conversion-view.ts';
import { commissionStatuses, findCommission, listCommissions, listLedgerEntries } from '../ledger/commissions.ts';
import type { Conversion, ConversionFilter } from '../ledger/conversions.ts';
import { resolvePeriod } from '../program/period.ts';
import { decideCommission } from '../operations/commission-decision.ts';
import type { Decision } from '../operations/decision-fact.ts';
import {
  amountMinor,
  currency,
  livemode,
  periodQuery,
  reference,
  text,
  timestamp,
  word,
  wordsOf,
} from '../http/fields.ts';
import { conversionKinds, conversionReason } from './conversion-schemas.ts';
import { requireAffiliate, toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { processingAnswer, replyProcessing } from './processing.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

/** What a person is to decide, before anybody is paid. */
const reviewReasons = ['currency_mismatch', 'joined_affiliates_differ', 'paid_to_another', 'same_domain'];

const shown = {
  id: z.string(),
  conversionId: z.string(),
  affiliateId: z.string().nullable(),
  orderId: z.string().nullable(),
  offerId: z.string().nullable(),
  amountMinor: amountMinor.meta({ description: 'The sum of its entries' }),
  currency: z.string().nullable(),
  status: z.enum([...commissionStatuses, 'not_tracked', 'merged']),
  reason: conversionReason.nullable(),
  review: z
    .strictObject({ reasons: z.array(word(reviewReasons)), since: timestamp })
    .nullable()
    .meta({
      description:
        'Why nobody may be paid before a person decided: `currency_mismatch`, `joined_affiliates_differ`, ' +
        '`paid_to_another`, `same_domain`; null: nothing is open',
    }),
  livemode,
  holdUntil: timestamp.nullable().meta({
    description:
      'Of a pending one: when it is approved by itself (`autoApprove` of the program); null: a person approves it',
  }),
  createdAt: timestamp,
  paidAt: timestamp.nullable(),
};
export const commissionSchema = z.strictObject(shown).meta({ id: 'Commission' });
export type CommissionView = z.output<typeof commissionSchema>;
const entrySchema = z
  .strictObject({
    id: z.string(),
    amountMinor,
    currency: z.string(),
    type: z.string().meta({ description: 'What caused it: earning, refund, dispute, decision, adjustment, …' }),
    createdAt: timestamp,
    payoutId: z.string().nullable(),
  })
  .meta({ id: 'LedgerEntry' });
const commissionDetailSchema = z
  .strictObject({ ...shown, entries: z.array(entrySchema) })
  .meta({ id: 'CommissionDetail' });

/** By what commissions are chosen, in the query of the list and in bodies. */
export const commissionQuery = {
  ...periodQuery,
  status: wordsOf(commissionStatuses).optional(),
  affiliateId: reference.optional(),
  offerId: reference.optional(),
  kind: z.enum(conversionKinds).optional().meta({ description: 'Of the conversion' }),
  orderId: reference.optional(),
  conversionId: reference.optional(),
  payoutId: reference.optional().meta({ description: 'Those that have an entry in this payout' }),
  reason: reference.optional().meta({ description: 'A word of `reason`' }),
  currency: currency.optional(),
};

export async function toCommissionFilter(
  db: Db,
  { livemode: live, reach }: { livemode: boolean; reach: Reach },
  query: z.output<z.ZodObject<typeof commissionQuery>>,
): Promise<ConversionFilter> {
  return {
    livemode: live,
    statuses: query.status,
    affiliateId: await toAffiliateId(db, reach, query.affiliateId),
    offerId: await toOfferId(db, reach, query.offerId),
    kind: query.kind,
    orderId: query.orderId,
    conversionId: query.conversionId,
    payoutId: query.payoutId,
    reason: query.reason,
    commissionCurrency: query.currency,
    ...(await resolvePeriod(db, reach.programId, query)),
  };
}

export const commissionRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/commissions',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Commissions',
    summary: 'List commissions',
    query: z.strictObject({ ...pageQuery, ...sortQuery, ...commissionQuery }),
    status: 200,
    answer: listOf(commissionSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const request = toPageRequest('commissions', query);
      const beforeId = request.beforeId ? conversionIdOf(request.beforeId) : null;
      const filter = await toCommissionFilter(db, { livemode, reach }, query);
      const { items, hasMore } = await listCommissions(db, programId, filter, { ...request, beforeId });
      return toListBody('commissions', { items: items.map(viewCommission), hasMore }, (view) => view);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/commissions/:id',
    access: 'read',
    tag: 'Commissions',
    summary: 'Get a commission, with its ledger entries',
    status: 200,
    answer: one(commissionDetailSchema),
    handle: async (deps, { principal, livemode, params }) => {
      const conversion = found(await findCommission(deps.db, principal.programId, livemode, params.id), 'Commission');
      return { data: await detailView(deps, conversion) };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/commissions/:id',
    access: 'write',
    tag: 'Commissions',
    summary: 'Approve or reject a commission, or say whose it is',
    description:
      'Approving needs no end of the hold. Rejected is final, and what is paid or reversed stays so: 409. Leads and what ' +
      'a tracker holds are never approved: 409. Of what is in review the decision settles what is open now, and ' +
      '`affiliateId` says whose it is where the review asks that (else 409).',
    body: z
      .strictObject({
        status: z.enum(['approved', 'rejected']).optional(),
        reason: text(1000).nullable().optional(),
        affiliateId: reference.optional().meta({ description: 'Id or referral code; instead of a status' }),
      })
      .refine(({ status, affiliateId }) => (status === undefined) !== (affiliateId === undefined), {
        message: 'must be given, with a reason if you like, or affiliateId instead of it',
        path: ['status'],
      })
      .meta({ id: 'CommissionDecision' }),
    status: 200,
    answer: one(commissionDetailSchema),
    otherAnswers: {
      202: {
        description: 'No result in time; the decision is recorded',
        schema: processingAnswer('DecisionProcessing'),
      },
    },
    handle: async (deps, request) => {
      const { principal, livemode, scope, params, body, raw, headers, receivedAt, actor } = request;
      const { programId, keyId } = principal;
      const conversion = found(await findCommission(deps.db, programId, livemode, params.id), 'Commission');
      const decision = await toDecision(deps, scope, body, keyId);
      const by = { programId, livemode, raw, headers, receivedAt, actor };
      const result = await decideCommission(deps, conversion, decision, by);
      if (result.kind === 'decided') return { data: await detailView(deps, result.conversion) };
      return replyProcessing(result.inboxEventId);
    },
  }),
];

async function toDecision(
  { db }: ApiDeps,
  scope: Scope,
  body: {
    status?: 'approved' | 'rejected' | undefined;
    reason?: string | null | undefined;
    affiliateId?: string | undefined;
  },
  by: string,
): Promise<Decision> {
  if (body.status !== undefined) return { status: body.status, reason: body.reason ?? null, by };
  return { affiliateId: (await requireAffiliate(db, namedBy(scope), body.affiliateId ?? '')).id, by };
}

/** As the API answers it: with what its order is called, and how long it is held. */
export function viewCommission(conversion: Conversion) {
  const { orderId, offerId, status, approvableAt } = conversion;
  const holdUntil = status === 'pending' ? approvableAt : null;
  return { ...commissionView(conversion), orderId, offerId, holdUntil };
}

async function detailView({ db }: ApiDeps, conversion: Conversion) {
  const entries = await listLedgerEntries(db, conversion.id);
  return {
    ...viewCommission(conversion),
    entries: entries.map((entry) => ({
      id: entry.id,
      amountMinor: Number(entry.amountMinor),
      currency: entry.currency,
      type: entry.type,
      createdAt: entry.createdAt.toISOString(),
      payoutId: entry.payoutId,
    })),
  };
}
