import assert from 'node:assert/strict';
import { at, exactly, like, type ConformanceCase } from '../conformance.ts';
import { fields, conversionExample, conversions, newConversion } from './shapes.ts';

/** Conversions, after all else. */
export const conversionCases: ConformanceCase[] = [
  {
    name: 'records a conversion by the example of the page',
    request: (program) => ({ path: '/conversions', body: newConversion(program) }),
    status: 201,
    body: like({ data: conversionExample }, fields),
    check: (answer, program) => {
      const { id, createdAt: _, ...conversion } = at(answer, 'data') as Record<string, unknown>;
      assert.deepEqual(conversion, {
        ...newConversion(program),
        amount: 99,
        commission: 19.8,
        status: 'pending',
      });
      program.kept['conversion'] = String(id);
    },
  },
  {
    name: 'answers a repeated externalId with 409, as the page words it',
    request: (program) => ({ path: '/conversions', body: newConversion(program) }),
    status: 409,
    body: exactly({
      error: {
        code: 'DUPLICATE_CONVERSION',
        message: "Conversion with externalId 'your-transaction-id-12345' already exists",
      },
    }),
  },
  {
    name: 'answers a repeated externalId with 409 whatever else the body says',
    request: (program) => ({
      path: '/conversions',
      body: {
        ...newConversion(program),
        affiliateId: program.kept['affiliate'],
        amount: 1,
        customerEmail: 'b@c.example',
      },
    }),
    status: 409,
    check: async (_, program) => {
      const rows = await program.hub.db('orders').where({ program_id: program.programId }).select('affiliate_id');
      assert.deepEqual(rows, [{ affiliate_id: program.affiliateId }], 'the first report stands');
    },
  },
  {
    name: 'lists conversions with what was said of them',
    request: () => ({ path: '/conversions' }),
    status: 200,
    body: conversions,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.0.id'), kept['conversion']);
      assert.equal(at(answer, 'data.0.externalSource'), 'custom_checkout');
      assert.deepEqual(at(answer, 'data.0.metadata'), { plan: 'premium', period: 'annual' });
      assert.deepEqual(at(answer, 'pagination'), { total: 1, limit: 20, offset: 0, hasMore: false });
    },
  },
  {
    name: 'lists conversions by status and affiliate',
    request: (program) => ({ path: `/conversions?status=pending&affiliateId=${program.affiliateId}` }),
    status: 200,
    body: conversions,
    check: (answer) => assert.equal(at(answer, 'pagination.total'), 1),
  },
  {
    name: 'lists no conversion of another status',
    request: () => ({ path: '/conversions?status=paid' }),
    status: 200,
    check: (answer) => assert.deepEqual(at(answer, 'data'), []),
  },
  {
    name: 'reads an amount exactly, in USD without a currency',
    request: (program) => ({
      path: '/conversions',
      body: {
        affiliateId: program.kept['own-rate'],
        offerId: program.offerId,
        externalId: 'exact-1',
        amount: 1_234_567.89,
      },
    }),
    status: 201,
    check: (answer) => {
      assert.equal(at(answer, 'data.amount'), 1_234_567.89);
      assert.equal(at(answer, 'data.currency'), 'USD');
      // 32.5 % of it is 401234.56425.
      assert.equal(at(answer, 'data.commission'), 401_234.56);
      assert.equal(at(answer, 'data.externalSource'), 'api');
    },
  },
  {
    name: 'refuses an amount with more decimals than its currency has',
    request: (program) => ({
      path: '/conversions',
      body: { ...newConversion(program), externalId: 'exact-2', amount: 9.999 },
    }),
    status: 400,
    body: exactly({
      error: {
        code: 'VALIDATION_ERROR',
        message: 'Invalid request body',
        details: { amount: 'Has more than the 2 decimals of USD' },
      },
    }),
  },
  {
    name: 'words a mistaken amount as the page does',
    request: (program) => ({ path: '/conversions', body: { ...newConversion(program), amount: -5 } }),
    status: 400,
    check: (answer) => assert.deepEqual(at(answer, 'error.details'), { amount: 'Must be a positive number' }),
  },
  {
    name: 'records what pays nothing as rejected, once',
    request: (program) => ({
      path: '/conversions',
      body: { ...newConversion(program), externalId: 'paused-1', affiliateId: program.kept['inactive']?.split(' ')[0] },
    }),
    status: 201,
    check: (answer) => {
      assert.equal(at(answer, 'data.status'), 'rejected');
      assert.equal(at(answer, 'data.commission'), 0);
    },
  },
  {
    name: 'lists what pays nothing among the rejected',
    request: () => ({ path: '/conversions?status=rejected' }),
    status: 200,
    body: conversions,
    check: (answer) => assert.equal(at(answer, 'data.0.externalId'), 'paused-1'),
  },
  {
    name: 'refuses a conversion of an offer that is not active',
    request: (program) => ({
      method: 'PATCH',
      path: `/offers/${program.kept['offer']}`,
      body: { isActive: false },
    }),
    status: 200,
  },
  {
    name: 'says so in the details',
    request: (program) => ({
      path: '/conversions',
      body: { ...newConversion(program), externalId: 'inactive-1', offerId: program.kept['offer'] },
    }),
    status: 400,
    check: (answer) => assert.deepEqual(at(answer, 'error.details'), { offerId: 'Offer is not active' }),
  },
  {
    name: 'records test conversions by a test key',
    request: (program) => ({ path: '/conversions', key: 'test', body: newConversion(program) }),
    status: 201,
  },
  {
    name: 'shows test conversions to test keys only',
    request: () => ({ path: '/conversions', key: 'test' }),
    status: 200,
    body: conversions,
    check: (answer) => assert.equal(at(answer, 'pagination.total'), 1),
  },
  {
    name: 'knows an order that came in by another way',
    request: (program) => ({
      base: '/api/v1',
      path: '/conversions',
      body: {
        affiliateId: program.affiliateId,
        offerId: program.offerId,
        orderId: 'pi_3Pattro',
        amount: 20,
        currency: 'USD',
      },
    }),
    status: 201,
  },
  {
    name: 'answers 409 for it, too',
    request: (program) => ({
      path: '/conversions',
      body: { affiliateId: program.affiliateId, offerId: program.offerId, externalId: 'pi_3Pattro', amount: 20 },
    }),
    status: 409,
  },
  {
    name: 'lists it under its own id, with where it is from',
    request: () => ({ path: '/conversions?limit=1' }),
    status: 200,
    body: conversions,
    check: (answer) => {
      assert.equal(at(answer, 'data.0.externalId'), 'pi_3Pattro');
      assert.equal(at(answer, 'data.0.externalSource'), 'stripe');
    },
  },
  {
    name: 'answers an unknown path in its envelope',
    request: () => ({ path: '/reports' }),
    status: 404,
    body: like({ error: { code: 'NOT_FOUND', message: '' } }),
  },
];
