import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { readBalanceTotals } from '../ledger/balance-totals.ts';
import { listBalances, payableMinor, type Balance, type BalancePosition } from '../ledger/balances.ts';
import { amountMinor, currency, reference } from '../http/fields.ts';
import { toAffiliateId } from './named.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

export const balanceSchema = z
  .strictObject({
    affiliateId: z.string(),
    currency: z.string(),
    pendingMinor: amountMinor.meta({ description: 'Not approved yet' }),
    approvedMinor: amountMinor.meta({
      description: 'Approved and in no payout; negative after refunds of what was paid',
    }),
    inPayoutMinor: amountMinor.meta({ description: 'In a payout under way' }),
    paidMinor: amountMinor,
    balanceMinor: amountMinor.meta({ description: '= approvedMinor' }),
    payableMinor: amountMinor.meta({
      description: 'What a payout would take; never negative, and 0 while the affiliate is banned',
    }),
    heldMinor: amountMinor.meta({ description: 'Approved and in no payout, but in review' }),
  })
  .meta({ id: 'Balance' });
export type BalanceView = z.output<typeof balanceSchema>;

const totalsSchema = z
  .strictObject({
    ...balanceSchema.omit({ affiliateId: true, balanceMinor: true }).shape,
    payees: z.int().meta({ description: 'How many affiliates have something payable', example: 12 }),
  })
  .meta({ id: 'BalanceTotals' });
export type BalanceTotalsView = z.output<typeof totalsSchema>;

export const balanceRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/balances/totals',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Payouts',
    summary: 'Sum up the balances of all affiliates, by currency',
    description:
      'Live money only: to a test key there is none. A debt of one affiliate takes nothing from what others are due.',
    status: 200,
    answer: one(z.array(totalsSchema)),
    handle: async ({ db }, { principal, livemode }) => {
      const totals = livemode ? await readBalanceTotals(db, principal.programId) : [];
      return {
        data: totals.map(({ currency: of, ...sums }) => ({
          currency: of,
          pendingMinor: Number(sums.pendingMinor),
          approvedMinor: Number(sums.approvedMinor),
          inPayoutMinor: Number(sums.inPayoutMinor),
          paidMinor: Number(sums.paidMinor),
          payableMinor: Number(sums.payableMinor),
          heldMinor: Number(sums.heldMinor),
          payees: Number(sums.payees),
        })),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/balances',
    access: 'read',
    tag: 'Payouts',
    summary: 'List balances, one an affiliate and currency',
    description: 'Live money only: to a test key there are none.',
    query: z.strictObject({ ...pageQuery, affiliateId: reference.optional(), currency: currency.optional() }),
    status: 200,
    answer: listOf(balanceSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const after = readPosition(toPageRequest('balances', query).beforeId ?? null);
      const filter = {
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        currency: query.currency,
      };
      const request = { limit: query.limit, after };
      const page = livemode
        ? await listBalances(db, principal.programId, filter, request)
        : { items: [], hasMore: false };
      const items = page.items.map((balance) => ({ ...balance, id: `${balance.affiliateId}:${balance.currency}` }));
      return toListBody('balances', { items, hasMore: page.hasMore }, balanceView);
    },
  }),
];

export function balanceView(balance: Balance): z.input<typeof balanceSchema> {
  return {
    affiliateId: balance.affiliateId,
    currency: balance.currency,
    pendingMinor: Number(balance.pendingMinor),
    approvedMinor: Number(balance.approvedMinor),
    inPayoutMinor: Number(balance.inPayoutMinor),
    paidMinor: Number(balance.paidMinor),
    balanceMinor: Number(balance.approvedMinor),
    payableMinor: Number(payableMinor(balance)),
    heldMinor: Number(balance.heldMinor),
  };
}

/** Balances have no id of their own: the cursor names affiliate and currency. */
function readPosition(id: string | null): BalancePosition | null {
  if (id === null) return null;
  const colon = id.lastIndexOf(':');
  if (colon > 0) return { affiliateId: id.slice(0, colon), currency: id.slice(colon + 1) };
  throw new AppError('VALIDATION_ERROR', 'cursor is not a cursor of this list', {
    details: { cursor: 'is not a cursor of this list' },
  });
}
