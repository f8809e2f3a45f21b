import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, exactly, like, type ConformanceCase } from '../conformance.ts';
import { base, failure, page, offerExample, get } from './shapes.ts';

/** Statistics, offers, profile and health, after all that report conversions. */
export const accountCases: ConformanceCase[] = [
  {
    name: 'tells statistics as the page shows them',
    request: get('/stats?group_by=day'),
    status: 200,
    body: like({
      success: true,
      data: {
        summary: {
          totalClicks: 12500,
          totalConversions: 487,
          approvedConversions: 412,
          totalRevenueCents: 1236000,
          conversionRate: '3.90',
        },
        byOffer: [
          {
            offerCode: 'MYOFFER123',
            offerName: 'My Product Offer',
            currency: 'USD',
            clicks: 5000,
            conversions: 200,
            revenueCents: 600000,
          },
        ],
        timeSeries: [{ date: '2024-01-25', clicks: 450, conversions: 18 }],
      },
    }),
    check: (answer) => {
      // 4 sales of 100.50 by aliases, 1.00 with more, 149.99 each by the example and by a postback.
      assert.deepEqual(at(answer, 'data.summary'), {
        totalClicks: 16,
        totalConversions: 9,
        approvedConversions: 0,
        totalRevenueCents: 4 * 10050 + 100 + 2 * 14999,
        conversionRate: '56.25',
      });
      const offers = at(answer, 'data.byOffer') as { offerCode: string; clicks: number; conversions: number }[];
      assert.equal(offers.find(({ offerCode }) => offerCode === 'MYOFFER123')?.clicks, 8);
      assert.equal(
        offers.reduce((sum, { conversions: count }) => sum + count, 0),
        9,
      );
      const series = at(answer, 'data.timeSeries') as { date: string; clicks: number; conversions: number }[];
      assert.equal(
        series.reduce((sum, { conversions: count }) => sum + count, 0),
        9,
      );
      assert.match(series[0]?.date ?? '', /^\d{4}-\d\d-\d\d$/);
    },
  },
  {
    name: 'tells statistics of one offer, without a series unless asked',
    request: get('/stats?offer_code=MYOFFER123'),
    status: 200,
    check: (answer) => {
      assert.equal(at(answer, 'data.summary.totalConversions'), 3);
      assert.equal((at(answer, 'data.byOffer') as unknown[]).length, 1);
      assert.deepEqual(at(answer, 'data.timeSeries'), []);
    },
  },
  {
    name: 'lists offers',
    request: get('/offers?limit=100'),
    status: 200,
    body: like({ success: true, data: [offerExample], meta: page }, { payoutTerms: z.object({}) }),
    check: (answer) => assert.equal((at(answer, 'data') as unknown[]).length, 4),
  },
  {
    name: 'lists offers by status and page, with the terms of a fixed payout as the page has them',
    request: get('/offers?status=published&limit=1'),
    status: 200,
    check: async (answer, program) => {
      assert.equal(at(answer, 'data.0.code'), 'REVSHARE');
      assert.deepEqual(at(answer, 'data.0.payoutTerms'), { advertiserPayoutPercent: 15, durationMonths: null });
      const cursor = String(at(answer, 'meta.pagination.nextCursor'));
      const url = `${program.hub.url}${base}/api/v1/offers?status=published&limit=1&cursor=${cursor}`;
      const next = (await (await fetch(url, { headers: { 'x-api-key': program.keys.live } })).json()) as {
        data: object[];
      };
      assert.deepEqual(next.data, [offerExample]);
    },
  },
  {
    name: 'gets an offer by its code',
    request: get('/offers/MYOFFER123'),
    status: 200,
    body: exactly({
      success: true,
      data: {
        code: 'MYOFFER123',
        name: 'My Product Offer',
        status: 'published',
        currency: 'USD',
        primaryUrl: 'https://shop.example.com/signup',
        payoutTerms: { advertiserPayoutCents: 3000 },
      },
    }),
  },
  {
    name: 'gets the profile',
    request: (program) => ({ path: '/api/v1/profile', key: 'read', headers: { 'x-program': program.programId } }),
    status: 200,
    body: exactly({
      success: true,
      data: { companyName: 'Acme Inc', contactEmail: 'team@acme.com', status: 'approved', hasApiKey: true },
    }),
  },
  {
    name: 'tells its health to anybody',
    request: () => ({ path: '/health', key: 'none' }),
    status: 200,
    body: z.strictObject({ status: z.literal('ok'), timestamp: z.int().gt(1_706_234_567_890) }),
  },
  {
    name: 'answers an unknown path in its envelope',
    request: get('/payouts'),
    status: 404,
    body: failure('NOT_FOUND'),
  },
];
