import assert from 'node:assert/strict';
import { everythingOf } from '../../../src/domain/scope.ts';
import { inTransaction } from '../../../src/db/db.ts';
import { it } from 'node:test';
import { z } from 'zod';
import {
  at,
  badInput,
  describeConformance,
  exactly,
  like,
  type ConformanceCase,
  type ErrorShapes,
} from '../conformance.ts';
import { updateAffiliate } from '../../../src/program/affiliates.ts';
import { chargeIdOf } from '../../../src/dialects/affilut/charge.ts';

/** Examples and rules of https://affilut.com/docs, read 2026-11. */
const base = '/affilut/api/v1';

const affiliateList = like({
  data: [
    {
      id: 'aff_01hx...',
      name: 'Jane Smith',
      email: 'jane@example.com',
      shortCode: 'jane-smith-a1b2',
      status: z.enum(['pending', 'active', 'paused', 'banned']),
      commissionOverride: z.string().nullable(),
      createdAt: z.iso.datetime({ precision: 3 }),
      activatedAt: z.iso.datetime({ precision: 3 }).nullable(),
    },
  ],
  page: 1,
  limit: 50,
});

const conversionList = like({
  data: [
    {
      id: 'cnv_01hx...',
      affiliateId: 'aff_01hx...',
      stripeChargeId: z.string().nullable(),
      amountCents: z.int(),
      commissionCents: z.int(),
      status: z.enum(['pending', 'approved', 'paid', 'rejected']),
      createdAt: z.iso.datetime({ precision: 3 }),
    },
  ],
  page: 1,
  limit: 50,
});

const created = z.strictObject({ id: z.string().startsWith('cnv_'), commissionCents: z.int() });
const failure = z.strictObject({ error: z.string().min(1) });
const limitHeaders = (limit: string) => ({
  'x-ratelimit-limit': limit,
  'x-ratelimit-remaining': /^\d+$/,
  'x-ratelimit-reset': /^\d{10}$/,
});

const errors: ErrorShapes = {
  noKey: { status: 401, body: failure },
  wrongKey: { status: 401, body: failure },
  readOnlyKey: { status: 401, body: failure },
  invalid: { status: 400, body: failure },
  malformedJson: { status: 400, body: failure },
  tooLarge: { status: 413, body: failure },
  wrongMediaType: { status: 415, body: failure },
  unknown: { status: 404, body: failure },
  unknownInBody: { status: 404, body: exactly({ error: 'Affiliate not found' }) },
};

const cases: ConformanceCase[] = [
  {
    name: 'GET /affiliates lists affiliates as the page shows them',
    request: () => ({ path: '/affiliates' }),
    status: 200,
    body: affiliateList,
    check: (answer, program) => {
      assert.equal(at(answer, 'data.length'), 1);
      assert.equal(at(answer, 'data.0.id'), program.affiliateId);
      assert.equal(at(answer, 'data.0.shortCode'), program.referralCode);
      assert.equal(at(answer, 'data.0.commissionOverride'), null);
    },
  },
  {
    name: 'POST /conversions records the example and answers its commission',
    request: ({ affiliateId }) => ({
      path: '/conversions',
      body: { affiliate_id: affiliateId, amount_cents: 4900, external_id: 'inv_2026_00142' },
    }),
    status: 201,
    body: created,
    check: (answer, program) => {
      assert.equal(at(answer, 'commissionCents'), 980);
      program.kept['conversion'] = String(at(answer, 'id'));
    },
  },
  {
    name: 'POST /conversions answers 409 to an external_id that came before, whatever else it says',
    request: ({ affiliateId }) => ({
      path: '/conversions',
      body: { affiliate_id: affiliateId, amount_cents: 9900, external_id: 'inv_2026_00142' },
    }),
    status: 409,
    body: failure,
  },
  {
    name: 'POST /conversions takes every call without external_id for a sale of its own (1)',
    request: ({ affiliateId }) => ({ path: '/conversions', body: { affiliate_id: affiliateId, amount_cents: 100 } }),
    status: 201,
    body: created,
    check: (answer, program) => {
      program.kept['first'] = String(at(answer, 'id'));
    },
  },
  {
    name: 'POST /conversions takes every call without external_id for a sale of its own (2)',
    request: ({ affiliateId }) => ({ path: '/conversions', body: { affiliate_id: affiliateId, amount_cents: 100 } }),
    status: 201,
    body: created,
    check: (answer, program) => assert.notEqual(at(answer, 'id'), program.kept['first']),
  },
  {
    name: 'POST /conversions takes the referral code for the affiliate',
    request: ({ referralCode }) => ({
      path: '/conversions',
      body: { affiliate_id: referralCode, amount_cents: 2500, external_id: 'pi_3PaffilutStripeId' },
    }),
    status: 201,
    body: created,
  },
  {
    name: 'GET /conversions lists conversions as the page shows them, newest first',
    request: () => ({ path: '/conversions' }),
    status: 200,
    body: conversionList,
    check: (answer, program) => {
      const charges = (at(answer, 'data') as { stripeChargeId: string | null }[]).map(
        ({ stripeChargeId }) => stripeChargeId,
      );
      assert.deepEqual(charges, ['pi_3PaffilutStripeId', null, null, 'manual:inv_2026_00142']);
      const last = (at(answer, 'data') as Record<string, unknown>[]).at(-1);
      assert.deepEqual(
        [last?.['id'], last?.['amountCents'], last?.['commissionCents'], last?.['status']],
        [program.kept['conversion'], 4900, 980, 'pending'],
      );
    },
  },
  {
    name: 'GET /conversions pages by number',
    request: () => ({ path: '/conversions?page=2&limit=3' }),
    status: 200,
    check: (answer, program) => {
      assert.deepEqual([at(answer, 'page'), at(answer, 'limit'), at(answer, 'data.length')], [2, 3, 1]);
      assert.equal(at(answer, 'data.0.id'), program.kept['conversion']);
    },
  },
  {
    name: 'GET /conversions past the last page is empty',
    request: () => ({ path: '/conversions?page=1000' }),
    status: 200,
    body: exactly({ data: [], page: 1000, limit: 50 }),
  },
  {
    name: 'GET /conversions filters by affiliate and status',
    request: ({ affiliateId }) => ({ path: `/conversions?status=pending&affiliate_id=${affiliateId}` }),
    status: 200,
    check: (answer) => assert.equal(at(answer, 'data.length'), 4),
  },
  {
    name: 'GET /conversions finds nothing approved before anything is',
    request: ({ affiliateId }) => ({ path: `/conversions?status=approved&affiliate_id=${affiliateId}` }),
    status: 200,
    body: exactly({ data: [], page: 1, limit: 50 }),
  },
  {
    name: 'GET /conversions has nothing for an affiliate of another program',
    request: ({ other }) => ({ path: `/conversions?affiliate_id=${other.affiliateId}` }),
    status: 200,
    body: exactly({ data: [], page: 1, limit: 50 }),
  },
  {
    name: 'GET /conversions shows a test key no live conversion',
    request: () => ({ path: '/conversions', key: 'test' }),
    status: 200,
    body: exactly({ data: [], page: 1, limit: 50 }),
  },
  {
    name: 'GET /conversions with a key that may only read answers',
    request: () => ({ path: '/conversions', key: 'read' }),
    status: 200,
    body: conversionList,
  },
  {
    name: 'an unknown path is told in the envelope',
    request: () => ({ path: '/payouts' }),
    status: 404,
    body: failure,
  },
  ...badInput(
    [
      { method: 'GET', path: () => '/affiliates', wrongQueries: ['limit=101', 'limit=0', 'page=0', 'page=x'] },
      { method: 'GET', path: () => '/conversions', wrongQueries: ['limit=101', 'page=-1', 'status=settled'] },
      {
        method: 'POST',
        path: () => '/conversions',
        body: ({ affiliateId }) => ({ affiliate_id: affiliateId, amount_cents: 4900 }),
        required: ['affiliate_id', 'amount_cents'],
        wrong: { affiliate_id: 7, amount_cents: '4900', external_id: 12 },
        unknownInBody: [() => ({ affiliate_id: 'aff_nobody' }), ({ other }) => ({ affiliate_id: other.affiliateId })],
      },
    ],
    errors,
  ),
  ...[0, -1, 49.5, 1e20].map((amount) => ({
    name: `POST /conversions refuses ${amount} cents`,
    request: ({ affiliateId }: { affiliateId: string }) => ({
      path: '/conversions',
      body: { affiliate_id: affiliateId, amount_cents: amount },
    }),
    status: 400,
    body: failure,
  })),
];

describeConformance('affilut', base, cases);

const limited: ConformanceCase[] = [
  {
    name: 'an override of 12.5 % is the string "12.5"; GET tells its 120 a minute',
    request: () => ({ path: '/affiliates?limit=1&utm_source=ignored' }),
    status: 200,
    headers: limitHeaders('120'),
    check: (answer) => assert.equal(at(answer, 'data.0.commissionOverride'), '12.5'),
  },
  {
    name: 'every response tells a limit: of a path that does not exist',
    request: () => ({ path: '/payouts' }),
    status: 404,
    body: failure,
    headers: { ...limitHeaders('120'), 'x-ratelimit-remaining': '118' },
  },
  ...(['none', 'wrong'] as const).flatMap((key): ConformanceCase[] =>
    ['/affiliates', '/payouts'].map((path) => ({
      name: `every response tells a limit: ${path} with the key ${key}`,
      request: () => ({ path, key }),
      status: 401,
      body: failure,
      headers: limitHeaders('100'),
    })),
  ),
  ...Array.from({ length: 30 }, (_, index) => ({
    name: `POST ${index + 1} of 30 a minute is counted`,
    request: () => ({ path: '/conversions', body: {} }),
    status: 400,
    body: failure,
    headers: { ...limitHeaders('30'), 'x-ratelimit-remaining': String(29 - index), 'retry-after': null },
  })),
  {
    name: 'POST 31 of a minute is refused with Retry-After',
    request: () => ({ path: '/conversions', body: {} }),
    status: 429,
    body: failure,
    headers: { ...limitHeaders('30'), 'retry-after': /^\d+$/ },
  },
  {
    name: 'GET has a count of its own',
    request: () => ({ path: '/conversions' }),
    status: 200,
    headers: limitHeaders('120'),
  },
];
describeConformance('affilut, limits and rates', base, limited, {
  env: { RATE_LIMITS: 'on' },
  prepare: async ({ hub, programId, affiliateId }) => {
    const commissionOverride = { rateBps: 1250 };
    await inTransaction(hub.db, (trx) =>
      updateAffiliate(trx, everythingOf(programId), affiliateId, { commissionOverride }),
    );
  },
});

it('stripeChargeId is the best Stripe id known, else the external id, else null', () => {
  assert.equal(chargeIdOf(['stripe:in_1', 'stripe:pi_1', 'stripe:ch_1', 'stripe:~in_1']), 'ch_1');
  assert.equal(chargeIdOf(['stripe:acct_9:in_1', 'stripe:acct_9:pi_1']), 'pi_1');
  assert.equal(chargeIdOf(['order:src_0a1b:77']), 'manual:77');
  assert.equal(chargeIdOf(['order:a:b']), 'manual:a:b');
  assert.equal(chargeIdOf(['rc:app_store:1', 'call:0199']), null);
});
