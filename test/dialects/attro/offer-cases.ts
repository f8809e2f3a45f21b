import assert from 'node:assert/strict';
import { at, like, type ConformanceCase } from '../conformance.ts';
import { fields, offerExample, offers, newOffer } from './shapes.ts';

/** Offers, after the affiliates. */
export const offerCases: ConformanceCase[] = [
  {
    name: 'creates an offer by the example of the page',
    request: () => ({ path: '/offers', body: newOffer }),
    status: 201,
    body: like({ data: offerExample }, fields),
    check: (answer, { kept }) => {
      const { id, createdAt: _, ...offer } = at(answer, 'data') as Record<string, unknown>;
      assert.deepEqual(offer, newOffer);
      kept['offer'] = String(id);
    },
  },
  {
    name: 'makes a percentage a CPS offer that the native API shows',
    request: ({ kept }) => ({ base: '/api/v1', path: `/offers/${kept['offer']}` }),
    status: 200,
    check: (answer) => {
      assert.deepEqual(at(answer, 'data.commission'), { type: 'cps', rateBps: 2000 });
      assert.equal(at(answer, 'data.status'), 'published');
    },
  },
  {
    name: 'changes an offer by the example of the page',
    request: ({ kept }) => ({
      method: 'PATCH',
      path: `/offers/${kept['offer']}`,
      body: { defaultCommissionValue: 25, dailyCap: 200 },
    }),
    status: 200,
    body: like({ data: offerExample }, fields),
    check: (answer) => {
      const { id: _id, createdAt: _at, ...offer } = at(answer, 'data') as Record<string, unknown>;
      assert.deepEqual(offer, { ...newOffer, defaultCommissionValue: 25, dailyCap: 200 });
    },
  },
  {
    name: 'gets an offer',
    request: ({ kept }) => ({ path: `/offers/${kept['offer']}`, key: 'read' }),
    status: 200,
    body: like({ data: offerExample }, fields),
    check: (answer) => assert.equal(at(answer, 'data.dailyCap'), 200),
  },
  {
    name: 'creates a fixed offer: 50 is $50',
    request: () => ({
      path: '/offers',
      body: { ...newOffer, defaultCommissionType: 'fixed', defaultCommissionValue: 50, isActive: false },
    }),
    status: 201,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.defaultCommissionValue'), 50);
      assert.equal(at(answer, 'data.isActive'), false);
      kept['fixed'] = String(at(answer, 'data.id'));
    },
  },
  {
    name: 'makes a fixed amount a CPA offer that the native API shows',
    request: ({ kept }) => ({ base: '/api/v1', path: `/offers/${kept['fixed']}` }),
    status: 200,
    check: (answer) => {
      assert.deepEqual(at(answer, 'data.commission'), { type: 'cpa', amountMinor: 5000 });
      assert.equal(at(answer, 'data.status'), 'paused');
    },
  },
  {
    name: 'lists active offers only',
    request: () => ({ path: '/offers?isActive=true' }),
    status: 200,
    body: offers,
    check: (answer, program) => {
      const ids = (at(answer, 'data') as { id: string }[]).map(({ id }) => id);
      assert.deepEqual(ids, [program.kept['offer'], program.offerId]);
      assert.equal(at(answer, 'pagination.total'), 2);
    },
  },
  {
    name: 'lists inactive offers only',
    request: () => ({ path: '/offers?isActive=false' }),
    status: 200,
    body: offers,
    check: (answer, { kept }) => assert.equal(at(answer, 'data.0.id'), kept['fixed']),
  },
  {
    name: 'lists all offers',
    request: () => ({ path: '/offers' }),
    status: 200,
    body: offers,
    check: (answer) => assert.equal(at(answer, 'pagination.total'), 3),
  },
  {
    name: 'activates an offer',
    request: ({ kept }) => ({ method: 'PATCH', path: `/offers/${kept['fixed']}`, body: { isActive: true } }),
    status: 200,
    check: (answer) => assert.equal(at(answer, 'data.isActive'), true),
  },
  {
    name: 'needs a value with another type of commission',
    request: ({ kept }) => ({
      method: 'PATCH',
      path: `/offers/${kept['fixed']}`,
      body: { defaultCommissionType: 'percentage' },
    }),
    status: 400,
    check: (answer) =>
      assert.deepEqual(at(answer, 'error.details'), {
        defaultCommissionValue: 'Required with another defaultCommissionType',
      }),
  },
  ...[12.345, 100.01, 1e-7].map((value) => ({
    name: `refuses a percentage of ${value}`,
    request: () => ({ path: '/offers', body: { ...newOffer, defaultCommissionValue: value } }),
    status: 400,
    check: (answer: Parameters<typeof at>[0]) =>
      assert.match(String(at(answer, 'error.details.defaultCommissionValue')), /^Must be a percentage from 0 to 100/),
  })),
];
