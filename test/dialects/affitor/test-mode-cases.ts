import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, send, type ConformanceCase, type ConformanceProgram } from '../conformance.ts';
import { click, sale, says, testData } from './shapes.ts';
import { landing } from './visitor-cases.ts';

async function switchBrowserLeads(program: ConformanceProgram, browserLeads: boolean): Promise<void> {
  const { status } = await send(program, '/api/v1', { method: 'PATCH', path: '/program', body: { browserLeads } });
  assert.equal(status, 200);
}

/** `additional_data.test_mode`: test rows, whichever key they come with. */
export const testModeCases: ConformanceCase[] = [
  {
    name: 'test_mode makes a test click without a key',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: { affiliate_url: landing(program), additional_data: { test_mode: true } },
    }),
    status: 200,
    body: z.strictObject({ ...click.shape, click_id: z.string().startsWith('test_'), ...testData('click') }),
    check: (answer, program) => {
      program.kept['testClick'] = String(at(answer, 'click_id'));
      program.kept['programNumber'] = String(at(answer, 'data.programId'));
    },
  },
  {
    name: 'test_mode needs no landing page where the program is named, by id or number',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: { additional_data: { test_mode: true, program_id: Number(program.kept['programNumber']) } },
    }),
    status: 200,
    check: async (answer, program) => {
      assert.equal(String(at(answer, 'data.programId')), program.kept['programNumber']);
      await switchBrowserLeads(program, false);
    },
  },
  {
    name: 'test_mode makes the example test lead without a key, also where the program takes no leads without one',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/lead',
      body: {
        click_id: 'test_lead_001',
        customer_key: 'test_customer',
        additional_data: { test_mode: true, program_id: program.programId },
      },
    }),
    status: 200,
    body: z.strictObject({ success: z.literal(true), ...testData('lead') }),
    check: async (_answer, program) => {
      const leads = await program.hub.db('orders').where('kind', 'lead').distinct('livemode').orderBy('livemode');
      assert.deepEqual(leads, [{ livemode: false }, { livemode: true }]);
      const body = { click_id: program.kept['testClick'], customer_key: 'test_customer_2' };
      const { status } = await send(program, '/affitor', { key: 'none', path: '/api/v1/track/lead', body });
      assert.equal(status, 403);
      await switchBrowserLeads(program, true);
    },
  },
  {
    name: 'test_mode makes a test sale with a live key, which needs nothing else',
    request: () => ({ path: '/api/v1/track/sale', body: { additional_data: { test_mode: true } } }),
    status: 200,
    check: (answer) => assert.equal(at(answer, 'message'), 'Test sale event tracked successfully'),
  },
  {
    name: 'test_mode credits a sale of a test click, and nothing live comes of it',
    request: ({ kept }) => ({
      path: '/api/v1/track/sale',
      body: {
        transaction_id: 'txn_test',
        click_id: kept['testClick'],
        amount_cents: 1000,
        additional_data: { test_mode: true },
      },
    }),
    status: 200,
    body: z.strictObject({ ...sale.shape, ...testData('sale') }),
    check: async (_answer, { hub }) => {
      const [order] = await hub.db('orders').where('order_id', 'txn_test');
      assert.deepEqual([order.livemode, order.status, order.commission_minor], [false, 'pending', 200n]);
    },
  },
  {
    name: 'test_mode refunds the test sale, which is not found without it',
    request: () => ({ path: '/api/v1/track/refund', body: { transaction_id: 'txn_test' } }),
    ...says(404, 'Sale not found for transaction_id'),
  },
  {
    name: 'test_mode refunds the test sale',
    request: () => ({
      path: '/api/v1/track/refund',
      body: { transaction_id: 'txn_test', additional_data: { test_mode: true } },
    }),
    status: 200,
    body: z.strictObject({
      success: z.literal(true),
      status: z.literal('reversed'),
      deductionAmount: z.literal(2),
      sale_id: z.int().positive(),
      commission_id: z.int().positive(),
      ...testData('refund'),
    }),
  },
];
