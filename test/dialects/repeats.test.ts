import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openConformanceProgram, send, type CaseRequest, type ConformanceProgram } from './conformance.ts';

/** Retries of one order that arrive at the same time, each under the dialect's own name for it. */
const retries: Record<
  string,
  { base: string; request: (program: ConformanceProgram) => CaseRequest; statuses: number[] }
> = {
  affilut: {
    base: '/affilut/api/v1',
    request: ({ affiliateId }) => ({
      path: '/conversions',
      body: { affiliate_id: affiliateId, amount_cents: 4900, external_id: 'same-affilut' },
    }),
    statuses: [201, 409, 409, 409, 409],
  },
  Affitor: {
    base: '/affitor',
    request: ({ kept }) => ({
      path: '/api/v1/track/sale',
      body: { transaction_id: 'same-affitor', click_id: kept['click'], amount_cents: 4900 },
    }),
    statuses: [200, 409, 409, 409, 409],
  },
  Refgrow: {
    base: '/refgrow/v1',
    request: ({ referralCode }) => ({
      path: '/referrals/convert',
      body: { referralCode, amount: 49, orderId: 'same-refgrow' },
    }),
    statuses: [200, 200, 200, 200, 201],
  },
};

describe('of five equal calls at once one is recorded', () => {
  let program: ConformanceProgram;
  before(async () => {
    program = await openConformanceProgram();
    const body = { affiliate_url: `https://shop.example.com/?aff=${program.referralCode}` };
    const { json } = await send(program, '/affitor', { path: '/api/v1/track/click', body, key: 'none' });
    program.kept['click'] = (json as { click_id: string }).click_id;
  });
  after(() => program.hub.stop());

  for (const [name, { base, request, statuses }] of Object.entries(retries)) {
    it(name, async () => {
      const answers = await Promise.all(statuses.map(() => send(program, base, request(program))));
      assert.deepEqual(
        answers.map(({ status }) => status).sort((a, b) => a - b),
        statuses,
      );
      const orders = await program.hub.db('orders').where('order_id', `same-${name.toLowerCase()}`);
      assert.deepEqual(
        orders.map(({ commission_minor, affiliate_id }) => [commission_minor, affiliate_id]),
        [[980n, program.affiliateId]],
      );
    });
  }
});
