import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, exactly, like, send, type ConformanceCase, type ConformanceProgram } from '../conformance.ts';
import { date, pagination } from './shapes.ts';

const base = '/attro/api/v1';

/** An affiliate of their own with a sale of 50.00 at 20 %, so that no other case counts in. */
async function sell(program: ConformanceProgram): Promise<string> {
  const affiliate = { displayName: 'Paid', email: 'paid@example.com', type: 'external' };
  const id = String(at(await send(program, base, { path: '/affiliates', body: affiliate }), 'data.id'));
  const sale = { affiliateId: id, offerId: program.offerId, externalId: 'paid-1', amount: 50 };
  const { status } = await send(program, base, { path: '/conversions', body: sale });
  assert.equal(status, 201);
  return id;
}

const balance = (amounts: object) => ({
  currency: 'USD',
  pending: 0,
  approved: 0,
  inPayout: 0,
  paid: 0,
  payable: 0,
  ...amounts,
});
const payout = like({
  data: {
    id: 'po_1',
    affiliateId: 'aff_1',
    amount: 10,
    currency: 'USD',
    status: 'pending',
    createdAt: date,
    paidAt: date.nullable(),
  },
});
const balances = like({ data: [{ affiliateId: 'aff_1', ...balance({}) }], pagination });

/** "Manage payouts and balances", "Retrieve analytics": promised in words alone. */
export const accountCases: ConformanceCase[] = [
  {
    name: 'lists balances, with a total',
    request: () => ({ path: '/balances?limit=1' }),
    status: 200,
    body: balances,
    check: async (answer, program) => {
      assert.equal(
        at(answer, 'pagination.total'),
        Number(at(answer, 'data.length')) + Number(at(answer, 'pagination.hasMore')),
      );
      program.kept['paid'] = await sell(program);
    },
  },
  {
    name: 'lists the balance of one affiliate: what is not approved is pending',
    request: ({ kept }) => ({ path: `/balances?affiliateId=${kept['paid']}`, key: 'read' }),
    status: 200,
    check: (answer, { kept }) =>
      assert.deepEqual(at(answer, 'data'), [{ affiliateId: kept['paid'], ...balance({ pending: 10 }) }]),
  },
  {
    name: 'pages through balances by offset, each once',
    request: () => ({ path: '/balances' }),
    status: 200,
    body: balances,
    check: async (answer, program) => {
      const total = Number(at(answer, 'pagination.total'));
      assert.ok(total > 1);
      const seen = [];
      for (let offset = 0; offset < total; offset += 1) {
        const page = await send(program, base, { path: `/balances?limit=1&offset=${offset}` });
        assert.equal(at(page, 'pagination.hasMore'), offset < total - 1);
        seen.push(at(page, 'data.0'));
      }
      assert.deepEqual(seen, at(answer, 'data'));
    },
  },
  {
    name: 'pays out nothing where nothing is approved: 409, and no duplicate',
    request: ({ kept }) => ({ path: '/payouts', body: { affiliateId: kept['paid'] } }),
    status: 409,
    body: exactly({ error: { code: 'CONFLICT', message: 'Nothing is payable to this affiliate in this currency' } }),
    check: async (_answer, program) => {
      const list = await send(program, '/api/v1', { path: `/commissions?affiliateId=${program.kept['paid']}` });
      const path = `/commissions/${String(at(list, 'data.0.id'))}`;
      const { status } = await send(program, '/api/v1', { method: 'PATCH', path, body: { status: 'approved' } });
      assert.equal(status, 200);
    },
  },
  {
    name: 'pays out all that is payable',
    request: ({ kept }) => ({ path: '/payouts', body: { affiliateId: kept['paid'], currency: 'USD' } }),
    status: 201,
    body: payout,
    check: (answer, { kept }) => {
      assert.deepEqual([at(answer, 'data.amount'), at(answer, 'data.status')], [10, 'pending']);
      kept['payout'] = String(at(answer, 'data.id'));
    },
  },
  {
    name: 'lists payouts by affiliate and status',
    request: ({ kept }) => ({ path: `/payouts?affiliateId=${kept['paid']}&status=pending` }),
    status: 200,
    check: (answer, { kept }) => {
      assert.deepEqual([at(answer, 'pagination.total'), at(answer, 'data.0.id')], [1, kept['payout']]);
    },
  },
  {
    name: 'marks a payout paid',
    request: ({ kept }) => ({ method: 'PATCH', path: `/payouts/${kept['payout']}`, body: { status: 'paid' } }),
    status: 200,
    body: payout,
    check: async (answer, program) => {
      assert.deepEqual([at(answer, 'data.status'), typeof at(answer, 'data.paidAt')], ['paid', 'string']);
      const { kept } = program;
      const one = await send(program, base, { path: `/payouts/${kept['payout']}`, key: 'read' });
      assert.deepEqual(one.json, answer.json);
      const left = await send(program, base, { path: `/balances?affiliateId=${kept['paid']}` });
      assert.deepEqual(at(left, 'data'), [{ affiliateId: kept['paid'], ...balance({ paid: 10 }) }]);
    },
  },
  ...(['/balances', '/payouts'] as const).map((path): ConformanceCase => ({
    name: `shows a test key no live money: ${path}`,
    request: () => ({ path, key: 'test' }),
    status: 200,
    body: exactly({ data: [], pagination: { total: 0, limit: 20, offset: 0, hasMore: false } }),
  })),
  {
    name: 'tells the figures of an affiliate, in major units',
    request: ({ kept }) => ({ path: `/analytics?affiliateId=${kept['paid']}`, key: 'read' }),
    status: 200,
    body: exactly({
      data: {
        clicks: 0,
        conversions: 1,
        conversionRate: 0,
        amounts: [{ currency: 'USD', revenue: 50, commission: 10 }],
      },
    }),
  },
  {
    name: 'tells figures by day',
    request: () => ({ path: '/analytics?groupBy=day' }),
    status: 200,
    check: (answer) => {
      const series = at(answer, 'data.series') as { date: string; conversions: number }[];
      assert.ok(series.every((bucket) => z.iso.date().safeParse(bucket.date).success));
      assert.equal(
        series.reduce((sum, { conversions }) => sum + conversions, 0),
        at(answer, 'data.conversions'),
      );
    },
  },
];
