import { z } from 'zod';
import { toAffiliateId } from '../../api/named.ts';
import type { Deps } from '../../deps.ts';
import { AppError, notFound } from '../../domain/errors.ts';
import { MAX_AMOUNT_MINOR } from '../../domain/money.ts';
import { normalizeConversion } from '../../inbound/conversion/normalize.ts';
import type { ReadOutcome } from '../../inbound/inbox/read-outcomes.ts';
import { listConversions, listReferences, type Conversion } from '../../ledger/conversions.ts';
import { answer, defineDialectRoute, type DialectAnswer } from '../dialect.ts';
import { numberedPageQuery } from '../pages.ts';
import { submitRequest } from '../submit.ts';
import { chargeIdOf } from './charge.ts';
import { getLimits, pageLimits, postLimits } from './limits.ts';

/** The page's four states, and ours that each stands for. What earns nothing, for whatever reason, is rejected. */
const ourStatuses = {
  pending: ['pending'],
  approved: ['approved'],
  paid: ['paid'],
  rejected: ['rejected', 'reversed', 'not_tracked'],
} as const;
const allStatuses = Object.values(ourStatuses).flat();

const listQuery = z.object({
  ...numberedPageQuery(pageLimits),
  affiliate_id: z.string().max(255).optional(),
  status: z.enum(['pending', 'approved', 'paid', 'rejected']).optional(),
});

const newConversion = z.object({
  affiliate_id: z.string().trim().min(1).max(255),
  amount_cents: z
    .int('must be a positive integer')
    .positive('must be a positive integer')
    .max(Number(MAX_AMOUNT_MINOR)),
  external_id: z.string().trim().min(1).max(255).nullish(),
});

export const conversionRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/conversions',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    mayBeBehind: true,
    query: listQuery,
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      const { page, limit, status } = query;
      const filter = {
        livemode,
        statuses: status === undefined ? allStatuses : ourStatuses[status],
        earning: true,
        credited: true,
        affiliateId: await toAffiliateId(db, reach, query.affiliate_id),
      };
      const { items } = await listConversions(db, programId, filter, { limit, offset: (page - 1) * limit });
      return answer(200, { data: await describeConversions(db, items), page, limit });
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/conversions',
    auth: 'key',
    access: 'ingest',
    limits: postLimits,
    body: newConversion,
    handle: async (deps, request) => {
      const { principal, livemode, receivedAt, body } = request;
      const { affiliate_id, amount_cents, external_id } = body;
      const normalized = normalizeConversion({ affiliate_id, amount_cents, external_id }, { livemode, receivedAt });
      const message = { programId: principal.programId, kind: 'conversion', normalized } as const;
      const { settled } = await submitRequest(deps, request, message);
      return answerConversion(settled);
    },
  }),
];

/** What is not settled in time is accepted: after a refusal, a retry without an `external_id` would be a second sale. */
function answerConversion(settled: ReadOutcome | null): DialectAnswer {
  const outcome = settled?.outcome ?? 'failed';
  if (outcome === 'duplicate') throw new AppError('CONFLICT', 'Duplicate external_id: conversion already recorded');
  if (settled?.reason === 'affiliate_not_found') throw notFound('Affiliate');
  if (outcome === 'rejected' || outcome === 'unprocessable') {
    throw new AppError('VALIDATION_ERROR', settled?.error ?? 'The conversion was refused');
  }
  if (!settled?.conversion) return answer(202, { id: null, commissionCents: null });
  const { id, commissionMinor } = settled.conversion;
  return answer(201, { id, commissionCents: Number(commissionMinor) });
}

async function describeConversions(db: Deps['db'], conversions: readonly Conversion[]) {
  const references = await listReferences(
    db,
    conversions.map(({ id }) => id),
  );
  return conversions.map((conversion) => ({
    id: conversion.id,
    affiliateId: conversion.affiliateId,
    stripeChargeId: chargeIdOf(references.get(conversion.id) ?? []),
    amountCents: Number(conversion.netMinor),
    commissionCents: Number(conversion.commissionMinor),
    status: statusOf(conversion.status),
    createdAt: conversion.createdAt,
  }));
}

function statusOf(status: string): keyof typeof ourStatuses {
  return status === 'pending' || status === 'approved' || status === 'paid' ? status : 'rejected';
}
