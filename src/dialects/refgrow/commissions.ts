import { z } from 'zod';
import { decideCommission } from '../../operations/commission-decision.ts';
import { payAtOnceAndAnnounce } from '../../operations/payout-changes.ts';
import type { Deps } from '../../deps.ts';
import { AppError } from '../../domain/errors.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import type { Reach } from '../../domain/scope.ts';
import { assertScope } from '../../program/principals.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { findCommission, listCommissions, readDecisionReasons, readTakenBack } from '../../ledger/commissions.ts';
import type { Conversion } from '../../ledger/conversions.ts';
import { answer, defineDialectRoute, type DialectRequest } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { auditRequest } from '../submit.ts';
import { toMajorNumber, toSeconds } from '../values.ts';
import { invalidField, resourceNotFound } from './errors.ts';
import { pageLimits, readLimits, writeLimits } from './limits.ts';

/** The page's four states; a commission that a refund took back is rejected. */
const ourStatuses = {
  pending: ['pending'],
  approved: ['approved'],
  paid: ['paid'],
  rejected: ['rejected', 'reversed'],
} as const;
const allStatuses = Object.values(ourStatuses).flat();

const listQuery = z.object({
  ...offsetPageQuery(pageLimits),
  affiliateId: z.string().max(255).optional(),
  status: z.enum(['pending', 'approved', 'paid', 'rejected']).optional(),
});

const statusChange = z.object({
  status: z.enum(['approved', 'paid', 'rejected']),
  reason: z.string().trim().max(1000).nullish(),
});
type StatusChange = z.output<typeof statusChange>;

export const commissionRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/commissions',
    auth: 'key',
    access: 'read',
    limits: readLimits,
    mayBeBehind: true,
    query: listQuery,
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      const { limit, offset, status } = query;
      const filter = {
        livemode,
        statuses: status === undefined ? allStatuses : ourStatuses[status],
        earning: true,
        affiliateId: await readAffiliateFilter(db, reach, query.affiliateId),
      };
      const { items, total } = await listCommissions(db, programId, filter, { limit, offset, counted: true });
      const commissions = await describeCommissions(db, programId, items);
      return answer(200, { success: true, data: { commissions, total, limit, offset } });
    },
  }),
  defineDialectRoute({
    method: 'put',
    path: '/commissions/:id/status',
    auth: 'key',
    access: 'write',
    limits: writeLimits,
    body: statusChange,
    handle: async (deps, request) => {
      const { principal, livemode, params, body } = request;
      const { programId } = principal;
      const find = () => findCommission(deps.db, programId, livemode, params['id'] ?? '');
      const found = await find();
      if (!found) throw resourceNotFound('Commission', 'id');
      await (body.status === 'paid' ? pay(deps, request, found) : decide(deps, request, found, body.status));
      const changed = (await find()) ?? found;
      const [shown] = await describeCommissions(deps.db, programId, [changed]);
      // A payment keeps no reason of its own; that of the approval before it stays.
      const reason = (body.status === 'paid' ? body.reason : null) || shown?.reason;
      const commission = { ...shown, updatedAt: toSeconds(changed.updatedAt), ...(reason ? { reason } : {}) };
      return answer(200, { success: true, data: { commission } });
    },
  }),
];

type ChangeRequest = DialectRequest<unknown, StatusChange, Record<string, string>, 'key'>;

/** Throws CONFLICT where the commission's state does not admit it. */
async function decide(deps: Deps, request: ChangeRequest, found: Conversion, status: 'approved' | 'rejected') {
  const { principal, livemode, raw, receivedAt, body } = request;
  const decision = { status, reason: body.reason || null, by: principal.keyId };
  const { programId } = principal;
  await decideCommission(deps, found, decision, {
    programId,
    livemode,
    raw,
    headers: auditRequest(request),
    receivedAt,
    actor: request.actor,
  }).catch((error: unknown) => {
    throw nameStatus(error);
  });
}

/** Makes a paid payout of what the commission still has unpaid; what is pending is approved first. */
async function pay(deps: Deps, request: ChangeRequest, found: Conversion): Promise<void> {
  const { programId, keyId } = request.principal;
  assertScope(request.principal, 'payouts:write', 'write');
  if (!found.livemode) throw invalidField('status', 'cannot be paid: test commissions are never payable');
  if (found.status === 'pending') await decide(deps, request, found, 'approved');
  else if (found.status !== 'approved' && found.status !== 'paid') {
    throw invalidField('status', `cannot be paid: the commission is ${found.status}`);
  }
  const payout = {
    affiliateId: found.affiliateId ?? '',
    currency: found.commissionCurrency ?? '',
    orderId: found.id,
    createdBy: keyId,
  };
  const isPaid = await payAtOnceAndAnnounce(deps, programId, payout, request.actor);
  // Paying what is paid changes nothing.
  if (!isPaid && found.status !== 'paid') throw invalidField('status', 'cannot be paid: nothing is payable');
}

function nameStatus(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'CONFLICT') return error;
  return invalidField('status', 'does not fit the state of the commission', error.message);
}

/** An id that no affiliate could have is refused, as the page's own example of an error shows; others find nothing. */
async function readAffiliateFilter(db: Deps['db'], reach: Reach, text: string | undefined) {
  if (text === undefined) return undefined;
  const affiliate = await findAffiliate(db, reach, text);
  if (affiliate) return affiliate.id;
  if (text.startsWith('aff_')) return text;
  throw invalidField('affiliateId', "must be a string beginning with 'aff_'", 'Invalid affiliate ID format');
}

/**
 * As the page has them. A rejected one keeps the amount that it had; with the reason of who decided, where one was given.
 */
async function describeCommissions(db: Deps['db'], programId: string, conversions: readonly Conversion[]) {
  const ids = conversions.map(({ id }) => id);
  const [takenBack, reasons] = await Promise.all([
    readTakenBack(db, programId, ids),
    readDecisionReasons(db, programId, ids),
  ]);
  return conversions.map((conversion) => {
    const status = statusOf(conversion.status);
    const amountMinor =
      (status === 'rejected' ? takenBack.get(conversion.id) : undefined) ?? conversion.commissionMinor;
    const reason = reasons.get(conversion.id);
    return {
      id: commissionIdOf(conversion.id),
      affiliateId: conversion.affiliateId,
      orderId: conversion.orderId,
      amount: toMajorNumber(amountMinor, conversion.commissionCurrency),
      status,
      createdAt: toSeconds(conversion.createdAt),
      paidAt: conversion.paidAt === null ? null : toSeconds(conversion.paidAt),
      conversionAmount: toMajorNumber(conversion.netMinor, conversion.currency),
      ...(reason === undefined ? {} : { reason }),
    };
  });
}

function statusOf(status: string): keyof typeof ourStatuses {
  return status === 'pending' || status === 'approved' || status === 'paid' ? status : 'rejected';
}
