import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, exactly, type ConformanceCase } from '../conformance.ts';
import { notAttributed, sale, says } from './shapes.ts';

/** The refund of the first sale. */
const refund = (told: object) => exactly({ success: true, ...told, sale_id: 1, commission_id: 1 });
const skipped = (reason: string) =>
  refund({ status: 'skipped', reason, message: `Refund skipped: the commission is ${reason}` });

/** Sales and refunds: https://docs.affitor.com/api-reference/track-sale and track-refund, read 2026-11. */
export const saleCases: ConformanceCase[] = [
  {
    name: 'sale by customer_key alone is credited by the lead, with numeric ids',
    request: () => ({
      path: '/api/v1/track/sale',
      body: {
        transaction_id: 'txn_abc123',
        customer_key: 'usr_abc123',
        amount_cents: 4900,
        currency: 'USD',
        sale_type: 'payment',
      },
    }),
    status: 200,
    body: sale,
    check: async (answer, program) => {
      assert.deepEqual([at(answer, 'sale_id'), at(answer, 'commission_id')], [1, 1]);
      const [order] = await program.hub.db('orders').where('order_id', 'txn_abc123');
      assert.deepEqual([order.kind, order.affiliate_id, order.commission_minor], ['sale', program.affiliateId, 980n]);
    },
  },
  {
    name: 'sale with a transaction_id that came before is a conflict',
    request: () => ({
      path: '/api/tracking/sale',
      body: { transaction_id: 'txn_abc123', customer_key: 'usr_abc123', amount_cents: 9900 },
    }),
    ...says(409, 'Duplicate transaction_id. This sale has already been recorded.'),
  },
  {
    name: 'sale by click_id alone is credited by the click',
    request: ({ kept }) => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_click', click_id: kept['click'], amount_cents: 1000 },
    }),
    status: 200,
    body: sale,
    // The duplicate drew a number, too.
    check: (answer) => assert.deepEqual([at(answer, 'sale_id'), at(answer, 'commission_id')], [3, 3]),
  },
  {
    name: 'a click that bound a customer is that customer',
    request: () => ({ path: '/api/v1/track/sale', body: {} }),
    status: 400,
    check: async (_answer, { hub }) => {
      const customers = await hub.db('orders').distinct('customer_id').whereIn('order_id', ['txn_abc123', 'txn_click']);
      assert.equal(customers.length, 1);
    },
  },
  {
    name: 'sale of the subscription example is a renewal of a customer who is bound',
    request: () => ({
      path: '/api/v1/track/sale',
      body: {
        transaction_id: 'inv_sub_001',
        customer_key: 'usr_abc123',
        amount_cents: 4900,
        currency: 'USD',
        sale_type: 'subscription',
        is_recurring: true,
        subscription_id: 'sub_stripe_xyz',
        subscription_interval: 'monthly',
        product_id: 'prod_pro_plan',
      },
    }),
    status: 200,
    check: async (answer, { hub }) => {
      const [order] = await hub.db('orders').where('order_id', 'inv_sub_001');
      // The offer pays the first payment only.
      assert.deepEqual([order.kind, order.status, order.reason], ['renewal', 'not_tracked', 'renewal_not_paid']);
      assert.deepEqual([at(answer, 'success'), at(answer, 'commission_id')], [true, null]);
    },
  },
  {
    name: 'sale whose transaction_id was not filled in is refused in words',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'undefined', customer_key: 'usr_abc123', amount_cents: 4900 },
    }),
    ...says(400, 'transaction_id stands for no value: the sender did not fill it in'),
  },
  {
    name: 'sale whose transaction_id is a macro is refused in words',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: '{{order.id}}', customer_key: 'usr_abc123', amount_cents: 4900 },
    }),
    ...says(400, 'transaction_id holds a macro, which the sender did not replace by a value'),
  },
  {
    name: 'sale of a macro is nobody known',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_macro', customer_key: '{{user.id}}', amount_cents: 4900 },
    }),
    ...says(400, 'Customer not found. Provide customer_key or click_id.'),
  },
  {
    name: 'sale of a guest is nobody known',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_guest', customer_key: 'guest', amount_cents: 4900 },
    }),
    ...says(400, 'Customer not found. Provide customer_key or click_id.'),
  },
  {
    name: 'sale of nobody known is refused and not kept',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_nobody', customer_key: 'usr_nobody', amount_cents: 100 },
    }),
    ...says(400, 'Customer not found. Provide customer_key or click_id.'),
    check: async (_answer, { hub }) => {
      assert.deepEqual(await hub.db('order_refs').where('ref', 'order:txn_nobody'), []);
    },
  },
  {
    name: "sale with another program's click is refused",
    request: ({ kept }) => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_other', click_id: kept['otherClick'], amount_cents: 100 },
    }),
    ...says(400, 'Customer not found. Provide customer_key or click_id.'),
  },
  {
    name: 'sale of a customer whom nobody referred is refused',
    request: () => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_unbound', customer_key: 'usr_unbound', amount_cents: 100 },
    }),
    ...says(400, 'No affiliate attribution found for this customer in this program'),
  },
  {
    name: 'sale of a click past its window is recorded, and attributed to nobody',
    request: ({ kept }) => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'txn_late', click_id: kept['oldClick'], amount_cents: 100 },
    }),
    status: 200,
    body: notAttributed,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'click_age_days'), 75);
      kept['lateSale'] = String(at(answer, 'sale_id'));
    },
  },
  ...(
    [
      [{ amount_cents: 100 }, 'transaction_id is required and must be a string'],
      [{ transaction_id: 7, amount_cents: 100 }, 'transaction_id is required and must be a string'],
      [{ transaction_id: 't' }, 'amount_cents is required and must be a positive integer'],
      [{ transaction_id: 't', amount_cents: 0 }, 'amount_cents is required and must be a positive integer'],
      [{ transaction_id: 't', amount_cents: 9.5 }, 'amount_cents is required and must be a positive integer'],
      [{ transaction_id: 't', amount_cents: '100' }, 'amount_cents is required and must be a positive integer'],
      [{ transaction_id: 't', amount_cents: 1, currency: 'XXQ' }, 'currency must be an ISO 4217 currency such as USD'],
      [{ transaction_id: 't', amount_cents: 1, is_recurring: 'yes' }, 'is_recurring must be a boolean'],
    ] as const
  ).map(([body, error]) => ({
    name: `sale refuses ${JSON.stringify(body)}: ${error}`,
    request: () => ({ path: '/api/v1/track/sale', body: { customer_key: 'usr_abc123', ...body } }),
    ...says(400, error),
  })),
  {
    name: 'refund of a part takes its share of the commission',
    request: () => ({
      path: '/api/v1/track/refund',
      body: {
        transaction_id: 'txn_abc123',
        refund_amount_cents: 2450,
        refund_reason: 'Customer requested cancellation',
      },
    }),
    status: 200,
    body: refund({ status: 'refunded', deductionAmount: 4.9, message: 'Refund tracked successfully' }),
  },
  {
    name: 'refund of the same part again is the same refund',
    request: () => ({
      path: '/api/v1/track/refund',
      body: { transaction_id: 'txn_abc123', refund_amount_cents: 2450 },
    }),
    status: 200,
    body: skipped('already refunded'),
  },
  {
    name: 'refund without an amount takes all that remains',
    request: () => ({ path: '/api/tracking/refund', body: { transaction_id: 'txn_abc123', refund_amount_cents: 0 } }),
    status: 200,
    body: refund({ status: 'reversed', deductionAmount: 4.9, message: 'Refund tracked successfully' }),
  },
  {
    name: 'refund of what is reversed is skipped',
    request: () => ({ path: '/api/v1/track/refund', body: { transaction_id: 'txn_abc123' } }),
    status: 200,
    body: skipped('already reversed'),
    check: async (_answer, { hub }) => {
      const [order] = await hub.db('orders').where('order_id', 'txn_abc123');
      assert.deepEqual([order.status, order.commission_minor, order.refunded_minor], ['reversed', 0n, 4900n]);
    },
  },
  {
    name: 'refund of a sale without commission has nothing to reverse',
    request: () => ({ path: '/api/v1/track/refund', body: { transaction_id: 'txn_late' } }),
    status: 200,
    body: z.strictObject({
      success: z.literal(true),
      status: z.literal('no_commission'),
      sale_id: z.int().positive(),
      commission_id: z.null(),
      message: z.literal('Sale has no commission to reverse'),
    }),
    check: (answer, { kept }) => assert.equal(String(at(answer, 'sale_id')), kept['lateSale']),
  },
  ...(['live', 'other'] as const).map((key) => ({
    name: `refund does not find what is not the program's (${key})`,
    request: () => ({
      key,
      path: '/api/v1/track/refund',
      body: { transaction_id: key === 'live' ? 'txn_unknown' : 'txn_abc123' },
    }),
    ...says(404, 'Sale not found for transaction_id'),
  })),
  {
    name: 'refund needs the transaction_id',
    request: () => ({ path: '/api/v1/track/refund', body: { refund_amount_cents: 5 } }),
    ...says(400, 'transaction_id is required'),
  },
];
