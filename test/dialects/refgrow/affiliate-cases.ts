import assert from 'node:assert/strict';
import { at, type ConformanceCase } from '../conformance.ts';
import { affiliate, affiliateList } from './shapes.ts';

/** Affiliates as they are listed and shown, after the referrals. */
export const affiliateCases: ConformanceCase[] = [
  {
    name: 'GET /affiliates lists with earnings and an exact total',
    request: () => ({ path: '/affiliates' }),
    status: 200,
    body: affiliateList,
    check: (answer, program) => {
      assert.deepEqual([at(answer, 'data.total'), at(answer, 'data.limit'), at(answer, 'data.offset')], [3, 20, 0]);
      const john = (at(answer, 'data.affiliates') as Record<string, unknown>[]).find(
        ({ id }) => id === program.kept['affiliate'],
      );
      assert.deepEqual([john?.['totalEarnings'], john?.['pendingEarnings'], john?.['paidEarnings']], [30, 30, 0]);
      assert.deepEqual([john?.['clickCount'], john?.['conversionCount'], john?.['conversionRate']], [1, 2, 2]);
    },
  },
  {
    name: 'GET /affiliates pages by offset',
    request: () => ({ path: '/affiliates?limit=2&offset=2' }),
    status: 200,
    body: affiliateList,
    check: (answer, program) => {
      assert.deepEqual([at(answer, 'data.total'), at(answer, 'data.limit'), at(answer, 'data.offset')], [3, 2, 2]);
      assert.equal(at(answer, 'data.affiliates.0.id'), program.affiliateId);
      assert.equal(at(answer, 'data.affiliates.1'), undefined);
    },
  },
  {
    name: 'GET /affiliates filters blocked ones, who are banned',
    request: () => ({ path: '/affiliates?status=blocked' }),
    status: 200,
    body: affiliateList,
    check: (answer) => {
      assert.deepEqual([at(answer, 'data.total'), at(answer, 'data.affiliates.0.status')], [1, 'blocked']);
      assert.equal(at(answer, 'data.affiliates.0.email'), 'jane@example.com');
    },
  },
  {
    name: 'GET /affiliates/:id shows one',
    request: ({ kept }) => ({ path: `/affiliates/${kept['affiliate']}`, key: 'read' }),
    status: 200,
    body: affiliate,
    check: (answer) =>
      assert.deepEqual(
        [at(answer, 'data.affiliate.paymentMethod'), at(answer, 'data.affiliate.paymentDetails')],
        ['paypal', 'affiliate@example.com'],
      ),
  },
  {
    name: 'GET /affiliates/:id calls it paypal where only a payment e-mail is known',
    request: ({ kept }) => ({ path: `/affiliates/${kept['jane']}` }),
    status: 200,
    body: affiliate,
    check: (answer) =>
      assert.deepEqual(
        [at(answer, 'data.affiliate.paymentMethod'), at(answer, 'data.affiliate.paymentDetails')],
        ['paypal', 'jane-pays@example.com'],
      ),
  },
  {
    name: 'GET /affiliates/:id knows no method where nothing is known',
    request: ({ affiliateId }) => ({ path: `/affiliates/${affiliateId}` }),
    status: 200,
    body: affiliate,
    check: (answer) =>
      assert.deepEqual(
        [at(answer, 'data.affiliate.paymentMethod'), at(answer, 'data.affiliate.paymentDetails')],
        [null, null],
      ),
  },
  {
    name: 'a test key sees the affiliates, and no live earnings',
    request: ({ kept }) => ({ path: `/affiliates/${kept['affiliate']}`, key: 'test' }),
    status: 200,
    check: (answer) => {
      assert.deepEqual([at(answer, 'data.affiliate.totalEarnings'), at(answer, 'data.affiliate.clickCount')], [0, 0]);
    },
  },
];
