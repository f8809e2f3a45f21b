import { everythingOf } from '../../../src/domain/scope.ts';
import { updateAffiliate } from '../../../src/program/affiliates.ts';
import { inTransaction } from '../../../src/db/db.ts';
import { at, badInput, describeConformance, type ConformanceCase } from '../conformance.ts';
import { affiliateCases } from './affiliate-cases.ts';
import { commissionCases } from './commission-cases.ts';
import { referralCases } from './referral-cases.ts';
import { errors, failure } from './shapes.ts';

/** Examples and rules of https://refgrow.com/docs/endpoints, read 2026-11. */
const base = '/refgrow/v1';

const cases: ConformanceCase[] = [
  ...referralCases,
  ...affiliateCases,
  ...commissionCases,
  {
    name: 'an unknown path is told in the envelope',
    request: () => ({ path: '/payouts' }),
    status: 404,
    body: failure('resource_not_found', ''),
  },
  ...badInput(
    [
      {
        method: 'GET',
        path: () => '/affiliates',
        wrongQueries: ['limit=101', 'limit=0', 'offset=-1', 'status=inactive'],
      },
      {
        method: 'GET',
        path: ({ kept }) => `/affiliates/${kept['affiliate']}`,
        unknown: [() => '/affiliates/aff_nobody', ({ other }) => `/affiliates/${other.affiliateId}`],
      },
      {
        method: 'POST',
        path: () => '/affiliates',
        body: () => ({ email: 'x@example.com', name: 'X' }),
        required: ['email', 'name'],
        wrong: { email: 'nobody', name: 7, referralCode: 'with spaces', customFields: [] },
      },
      {
        method: 'POST',
        path: () => '/referrals/track',
        body: () => ({ referralCode: 'JOHNDOE10' }),
        required: ['referralCode'],
        wrong: { referralCode: 1, sourceUrl: 7, userAgent: {}, ipAddress: 'localhost' },
        unknownInBody: [() => ({ referralCode: 'NOBODY' }), ({ other }) => ({ referralCode: other.referralCode })],
      },
      {
        method: 'POST',
        path: () => '/referrals/convert',
        body: () => ({ referralCode: 'JOHNDOE10', amount: 10 }),
        required: ['amount'],
        wrong: { amount: '10', clickId: 5, referralCode: 5, orderId: {}, customer: 'x', products: 'y' },
        unknownInBody: [
          () => ({ clickId: 'clk_nothing' }),
          () => ({ referralCode: 'NOBODY' }),
          ({ other }) => ({ referralCode: other.affiliateId }),
        ],
      },
      { method: 'GET', path: () => '/commissions', wrongQueries: ['limit=1000', 'offset=x', 'status=reversed'] },
      {
        method: 'PUT',
        path: ({ kept }) => `/commissions/${kept['commission']}/status`,
        body: () => ({ status: 'approved' }),
        required: ['status'],
        wrong: { status: 'pending', reason: 7 },
        unknown: [() => '/commissions/com_nothing/status', () => '/commissions/7/status'],
      },
    ],
    errors,
  ),
  {
    name: "PUT /commissions/:id/status does not reach another program's commission",
    request: ({ kept }) => ({
      method: 'PUT',
      key: 'other',
      path: `/commissions/${kept['commission']}/status`,
      body: { status: 'rejected' },
    }),
    status: 404,
    body: failure('resource_not_found', 'id'),
  },
];

// What later cases need is written where the page has no request for it.
const setUp: Record<string, NonNullable<ConformanceCase['check']>> = {
  'POST /affiliates makes a referral code when none is given': async (answer, { hub, programId, kept }) => {
    const change = (affiliateId: string, changes: Parameters<typeof updateAffiliate>[3]) =>
      inTransaction(hub.db, (trx) => updateAffiliate(trx, everythingOf(programId), affiliateId, changes));
    const jane = String(at(answer, 'data.affiliate.id'));
    await change(jane, { status: 'banned', paymentEmail: 'jane-pays@example.com' });
    kept['jane'] = jane;
    const payment = { paymentMethod: 'paypal', paymentDetails: 'affiliate@example.com' };
    await change(kept['affiliate'] ?? '', payment);
  },
};
describeConformance(
  'Refgrow',
  base,
  cases.map((each) => ({
    ...each,
    check: async (answer, program) => {
      await each.check?.(answer, program);
      await setUp[each.name]?.(answer, program);
    },
  })),
);
