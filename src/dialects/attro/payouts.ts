import { z } from 'zod';
import { toAffiliateId } from '../../api/named.ts';
import { AppError, found, notFound } from '../../domain/errors.ts';
import { namedBy } from '../../domain/scope.ts';
import { currency, reference } from '../../http/fields.ts';
import { countBalances, listBalances, payableMinor, type Balance } from '../../ledger/balances.ts';
import { findPayout, listPayouts, type Payout } from '../../ledger/payouts.ts';
import { createPayoutAndAnnounce, finishPayoutAndAnnounce } from '../../operations/payout-changes.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import { getProgram } from '../../program/programs.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { offsetPageQuery } from '../pages.ts';
import { toMajorNumber, toSeconds } from '../values.ts';
import { limitsOf, pageLimits } from './limits.ts';
import { answerPage } from './page.ts';

/**
 * "Manage payouts and balances": the page promises them and shows neither paths nor fields, so that they are named and
 * shaped as its other lists. Test money is never payable: to a test key there are none.
 */
export const payoutRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/balances',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    query: z.object({
      ...offsetPageQuery(pageLimits),
      affiliateId: reference.optional(),
      currency: currency.optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      if (!livemode) return answerPage(nothing, query, balanceView);
      const filter = { affiliateId: await toAffiliateId(db, reach, query.affiliateId), currency: query.currency };
      const { limit, offset } = query;
      const [page, total] = await Promise.all([
        listBalances(db, programId, filter, { limit, offset, after: null }),
        countBalances(db, programId, filter),
      ]);
      return answerPage({ ...page, total }, query, balanceView);
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/payouts',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    query: z.object({
      ...offsetPageQuery(pageLimits),
      affiliateId: reference.optional(),
      status: z.enum(['pending', 'paid', 'failed']).optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      if (!livemode) return answerPage(nothing, query, payoutView);
      const affiliateId = await toAffiliateId(db, reach, query.affiliateId);
      const filter = { affiliateId, statuses: query.status && [query.status] };
      return answerPage(await listPayouts(db, programId, filter, { ...query, counted: true }), query, payoutView);
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/payouts',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: z.object({ affiliateId: reference, currency: currency.nullish() }),
    handle: async (deps, { principal: { programId, keyId }, livemode, body, actor }) => {
      const affiliate = await findAffiliate(deps.db, namedBy({ programId, livemode }), body.affiliateId);
      if (!affiliate) throw notFound('Affiliate');
      if (!livemode) throw new AppError('CONFLICT', 'Nothing is payable: test commissions never are');
      const input = {
        affiliateId: affiliate.id,
        currency: body.currency ?? (await getProgram(deps.db, programId)).currency,
        createdBy: keyId,
      };
      return answer(201, { data: payoutView(await createPayoutAndAnnounce(deps, programId, input, actor)) });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/payouts/:id',
    auth: 'key',
    access: 'read',
    limits: limitsOf('reads'),
    handle: async ({ db }, { principal: { programId }, livemode, params }) => {
      const payout = livemode ? await findPayout(db, programId, params['id'] ?? '') : null;
      return answer(200, { data: payoutView(found(payout, 'Payout')) });
    },
  }),
  defineDialectRoute({
    method: 'patch',
    path: '/payouts/:id',
    auth: 'key',
    access: 'write',
    limits: limitsOf('writes'),
    body: z.object({ status: z.enum(['paid', 'failed']) }),
    handle: async (deps, { principal: { programId }, livemode, params, body, actor }) => {
      if (!livemode) throw notFound('Payout');
      const payout = await finishPayoutAndAnnounce(deps, programId, params['id'] ?? '', body.status, actor);
      return answer(200, { data: payoutView(found(payout, 'Payout')) });
    },
  }),
];

const nothing = { items: [], hasMore: false, total: 0 };

function balanceView(balance: Balance) {
  const amount = (minor: bigint): number => toMajorNumber(minor, balance.currency);
  return {
    affiliateId: balance.affiliateId,
    currency: balance.currency,
    pending: amount(balance.pendingMinor),
    approved: amount(balance.approvedMinor),
    inPayout: amount(balance.inPayoutMinor),
    paid: amount(balance.paidMinor),
    payable: amount(payableMinor(balance)),
  };
}

function payoutView(payout: Payout) {
  return {
    id: payout.id,
    affiliateId: payout.affiliateId,
    amount: toMajorNumber(payout.amountMinor, payout.currency),
    currency: payout.currency,
    status: payout.status,
    createdAt: toSeconds(payout.createdAt),
    paidAt: payout.paidAt && toSeconds(payout.paidAt),
  };
}
