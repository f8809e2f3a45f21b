import assert from 'node:assert/strict';
import { at, type ConformanceCase, type ConformanceProgram } from '../conformance.ts';
import { tracked, untracked, invalid, post } from './shapes.ts';

/** Conversions that are reported. */
export const reportCases: ConformanceCase[] = [
  {
    name: 'tracks a conversion by the example of the page',
    request: (program) =>
      post('conversions', program, {
        click_id: program.kept['cpa-1'],
        amount: '149.99',
        txid: 'ORDER-98765',
        customer_id: 'cust_12345',
      }),
    status: 200,
    body: tracked,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.status'), 'pending');
      assert.equal(at(answer, 'data.currency'), 'USD');
      kept['conversion'] = String(at(answer, 'data.conversionId'));
    },
  },
  {
    name: 'acknowledges a transaction ID that it has, and tracks it no more',
    request: (program) =>
      post('conversions', program, {
        clickid: program.kept['cps-1'],
        sum: '1.00',
        action_id: 'ORDER-98765',
        user_id: 'cust_777',
      }),
    status: 200,
    body: untracked('duplicate_txid'),
  },
  {
    name: 'acknowledges a customer who converted already under a CPA offer',
    request: (program) =>
      post('conversions', program, {
        clickid: program.kept['cpa-2'],
        sum: 10,
        action_id: 'ORDER-98766',
        user_id: 'cust_12345',
      }),
    status: 200,
    body: untracked('cpa_customer_limit'),
    check: (answer) =>
      assert.match(String(at(answer, 'message')), /^Conversion received\. This customer already converted/),
  },
  {
    name: 'takes the key as secure, without an amount where a fixed payout needs none',
    request: (program) => ({
      path: '/api/v1/conversions',
      key: 'none',
      body: { cid: program.kept['cpa-3'], event: 'signup', secure: program.keys.live },
    }),
    status: 200,
    body: tracked,
    check: async (_, program) => {
      const [row] = await program.hub.db('inbox_events').orderBy('id', 'desc').limit(1).select('raw');
      assert.ok(!String(row.raw).includes(program.keys.live), 'the key is not stored');
    },
  },
  {
    name: 'acknowledges a click that converted already under a CPA offer',
    request: (program) => post('conversions', program, { cid: program.kept['cpa-3'], event: 'signup' }),
    status: 200,
    body: untracked('cpa_click_limit'),
  },
  ...(
    [
      ['clickid', 'sum', 'action_id', 'user_id', 'goal'],
      ['click_id', 'amount', 'txid', 'customer_id', 'event'],
      ['cid', 'revenue', 'order_id', 'customer_id', 'event_type'],
      ['ClickID', 'Sum', 'orderId', 'userId', 'eventType'],
    ] as const
  ).map(([click, amount, order, customer, goal], index): ConformanceCase => ({
    name: `takes ${[click, amount, order, customer, goal].join(', ')}`,
    request: (program) =>
      post('conversions', program, {
        [click]: program.kept[`cps-${index + 1}`],
        [amount]: '100.50',
        [order]: `ALIAS-${index}`,
        [customer]: `alias-${index}`,
        [goal]: 'sale',
      }),
    status: 200,
    body: tracked,
    check: async (answer, program) => {
      const id = at(answer, 'data.conversionId');
      const [row] = await program.hub.db('orders').where({ id }).select('*');
      assert.deepEqual(
        [row.net_minor, row.commission_minor, row.order_id, row.goal, row.click_id],
        [10050n, 2010n, `ALIAS-${index}`, 'sale', program.kept[`cps-${index + 1}`]],
      );
    },
  })),
  {
    name: 'ignores fields that the page does not name',
    request: (program) =>
      post('conversions', program, {
        click_id: program.kept['cps-5'],
        amount: '1',
        txid: 'MORE-1',
        status: 'approved',
      }),
    status: 200,
    body: tracked,
  },
];

export const refusalCases: ConformanceCase[] = [
  ['click_id is required', (program: ConformanceProgram) => ({ amount: '5', txid: program.programId, click_id: '' })],
  ['Offer not active', ({ kept }: ConformanceProgram) => ({ click_id: kept['paused'], amount: '5' })],
  ['Click not found', () => ({ click_id: '0M8K2L9P5QRS', amount: '5' })],
  [
    'Unauthorized - click belongs to different vendor',
    ({ kept }: ConformanceProgram) => ({ click_id: kept['foreign'], amount: '5' }),
  ],
  [
    'amount required for CPS/RevShare/percentage offers',
    ({ kept }: ConformanceProgram) => ({ click_id: kept['cps-6'], txid: 'NO-AMOUNT-1' }),
  ],
  [
    'amount required for CPS/RevShare/percentage offers',
    ({ kept }: ConformanceProgram) => ({ click_id: kept['revshare'], txid: 'NO-AMOUNT-2' }),
  ],
  ['amount must be positive', ({ kept }: ConformanceProgram) => ({ click_id: kept['cps-6'], sum: '0' })],
  ['amount must be positive', ({ kept }: ConformanceProgram) => ({ click_id: kept['cps-6'], revenue: -3 })],
].map(([message, body], index) => ({
  name: `answers 400 "${String(message)}" (${index + 1})`,
  request: (program) => post('conversions', program, (body as (program: ConformanceProgram) => object)(program)),
  status: 400,
  body: invalid(message as string),
}));
