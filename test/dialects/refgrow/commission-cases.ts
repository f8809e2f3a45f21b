import assert from 'node:assert/strict';
import { at, exactly, send, type ConformanceCase } from '../conformance.ts';
import { commission, commissionList, explainedCommission, failure } from './shapes.ts';

/** Commissions listed and decided, after the referrals. */
export const commissionCases: ConformanceCase[] = [
  {
    name: 'GET /commissions lists newest first, with an exact total',
    request: () => ({ path: '/commissions' }),
    status: 200,
    body: commissionList,
    check: (answer, program) => {
      assert.equal(at(answer, 'data.total'), 3);
      const example = at(answer, 'data.commissions.2') as Record<string, unknown>;
      assert.deepEqual(
        [example['orderId'], example['amount'], example['conversionAmount'], example['paidAt']],
        ['order_123456', 20, 99.99, null],
      );
      program.kept['commission'] = String(example['id']);
      program.kept['second'] = String(at(answer, 'data.commissions.1.id'));
      program.kept['third'] = String(at(answer, 'data.commissions.0.id'));
    },
  },
  {
    name: 'GET /commissions filters by affiliate',
    request: ({ kept }) => ({ path: `/commissions?affiliateId=${kept['affiliate']}&limit=1&offset=1` }),
    status: 200,
    body: commissionList,
    check: (answer) => assert.deepEqual([at(answer, 'data.total'), at(answer, 'data.commissions.0.amount')], [2, 20]),
  },
  {
    name: 'GET /commissions tells an affiliate id of a wrong format as the page does',
    request: () => ({ path: '/commissions?affiliateId=123' }),
    status: 400,
    body: exactly({
      success: false,
      error: {
        code: 'invalid_request',
        message: 'Invalid affiliate ID format',
        details: { field: 'affiliateId', issue: "must be a string beginning with 'aff_'" },
      },
    }),
  },
  {
    name: "GET /commissions finds nothing of another program's affiliate",
    request: ({ other }) => ({ path: `/commissions?affiliateId=${other.affiliateId}` }),
    status: 200,
    check: (answer) => assert.equal(at(answer, 'data.total'), 0),
  },
  {
    name: 'PUT /commissions/:id/status approves',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['commission']}/status`,
      body: { status: 'approved' },
    }),
    status: 200,
    body: commission,
    check: (answer) => assert.equal(at(answer, 'data.commission.status'), 'approved'),
  },
  {
    name: 'PUT /commissions/:id/status pays what is approved, by a paid payout',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['commission']}/status`,
      body: { status: 'paid' },
    }),
    status: 200,
    body: commission,
    check: async (answer, program) => {
      assert.deepEqual(
        [at(answer, 'data.commission.status'), typeof at(answer, 'data.commission.paidAt')],
        ['paid', 'string'],
      );
      const payouts = await program.hub.db('payouts').select('status', 'amount_minor', 'affiliate_id');
      assert.deepEqual(payouts, [{ status: 'paid', amount_minor: 2000n, affiliate_id: program.kept['affiliate'] }]);
    },
  },
  {
    name: 'PUT /commissions/:id/status pays nothing twice',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['commission']}/status`,
      body: { status: 'paid' },
    }),
    status: 200,
    body: commission,
    check: async (_answer, program) => assert.equal((await program.hub.db('payouts').select('id')).length, 1),
  },
  {
    name: 'PUT /commissions/:id/status pays what is pending at once',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['second']}/status`,
      body: { status: 'paid', reason: 'Paid by hand' },
    }),
    status: 200,
    body: explainedCommission('Paid by hand'),
    check: (answer) => assert.equal(at(answer, 'data.commission.status'), 'paid'),
  },
  {
    name: 'PUT /commissions/:id/status returns the reason of an approval',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['third']}/status`,
      body: { status: 'approved', reason: 'Checked by hand' },
    }),
    status: 200,
    body: explainedCommission('Checked by hand'),
  },
  {
    name: 'PUT /commissions/:id/status rejects with a reason, which it returns, and the amount stays',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['third']}/status`,
      body: { status: 'rejected', reason: 'Order was fraudulent' },
    }),
    status: 200,
    body: explainedCommission('Order was fraudulent'),
    check: async (answer, program) => {
      assert.deepEqual([at(answer, 'data.commission.status'), at(answer, 'data.commission.amount')], ['rejected', 2]);
      const [order] = await program.hub.db('orders').select('reason', 'commission_minor').where('order_id', 'order_2');
      assert.deepEqual(order, { reason: 'Order was fraudulent', commission_minor: 0n });
    },
  },
  {
    name: 'GET /commissions lists what is rejected with its amount and reason',
    request: () => ({ path: '/commissions?status=rejected' }),
    status: 200,
    body: commissionList,
    check: (answer) =>
      assert.deepEqual(
        ['total', 'commissions.0.amount', 'commissions.0.reason'].map((path) => at(answer, `data.${path}`)),
        [1, 2, 'Order was fraudulent'],
      ),
  },
  {
    name: 'what is rejected earns nothing, whatever amount it shows',
    request: (program) => ({ path: `/affiliates/${program.affiliateId}` }),
    status: 200,
    check: (answer) => assert.equal(at(answer, 'data.affiliate.totalEarnings'), 0),
  },
  {
    name: 'PUT /commissions/:id/status does not bring back what is rejected',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['third']}/status`,
      body: { status: 'approved' },
    }),
    status: 400,
    body: failure('invalid_request', 'status'),
  },
  {
    name: 'PUT /commissions/:id/status names the field where the reason is too long',
    request: ({ kept }) => ({
      method: 'PUT',
      path: `/commissions/${kept['third']}/status`,
      body: { status: 'rejected', reason: 'x'.repeat(1001) },
    }),
    status: 400,
    body: failure('invalid_request', 'reason'),
  },
  {
    name: 'GET /commissions filters by status',
    request: () => ({ path: '/commissions?status=paid' }),
    status: 200,
    body: commissionList,
    check: (answer) => assert.equal(at(answer, 'data.total'), 2),
  },
  {
    name: 'earnings that were paid are told apart',
    request: ({ kept }) => ({ path: `/affiliates/${kept['affiliate']}` }),
    status: 200,
    check: (answer) => {
      const earnings = ['totalEarnings', 'pendingEarnings', 'paidEarnings'].map((name) =>
        at(answer, `data.affiliate.${name}`),
      );
      assert.deepEqual(earnings, [30, 0, 30]);
    },
  },
  {
    name: 'a commission that a refund took back is rejected with the amount that it had (1: it is recorded)',
    request: ({ referralCode }) => ({
      path: '/referrals/convert',
      body: { referralCode, amount: 40, orderId: 'order_refunded' },
    }),
    status: 201,
    check: async (answer, program) => {
      for (const amountMinor of [1000, undefined]) {
        const path = `/conversions/${String(at(answer, 'data.conversionId'))}/refunds`;
        const { status } = await send(program, '/api/v1', { path, body: { amountMinor } });
        assert.ok(status < 300);
      }
    },
  },
  {
    name: 'a commission that a refund took back is rejected with the amount that it had (2: it is shown)',
    request: () => ({ path: '/commissions?status=rejected&limit=1' }),
    status: 200,
    body: commissionList,
    check: (answer) => {
      const fields = ['orderId', 'status', 'amount', 'conversionAmount', 'reason'];
      const told = fields.map((field) => at(answer, `data.commissions.0.${field}`));
      assert.deepEqual(told, ['order_refunded', 'rejected', 6, 40, undefined]);
    },
  },
  {
    name: 'a test commission is never paid (1: it is recorded)',
    request: () => ({
      path: '/referrals/convert',
      key: 'test',
      body: { referralCode: 'JOHNDOE10', amount: 5, orderId: 't1' },
    }),
    status: 201,
    check: (answer, program) => {
      program.kept['test'] = String(at(answer, 'data.conversionId')).replace('cnv_', 'com_');
    },
  },
  {
    name: 'a test commission is never paid (2: it is refused)',
    request: ({ kept }) => ({
      method: 'PUT',
      key: 'test',
      path: `/commissions/${kept['test']}/status`,
      body: { status: 'paid' },
    }),
    status: 400,
    body: failure('invalid_request', 'status'),
  },
];
