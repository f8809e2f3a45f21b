import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { at, type ConformanceCase } from '../conformance.ts';
import { click, conversion, failure, newAffiliate } from './shapes.ts';

/** Affiliates made, clicks and conversions. */
export const referralCases: ConformanceCase[] = [
  {
    name: 'POST /affiliates creates the example',
    request: () => ({
      path: '/affiliates',
      body: {
        email: 'affiliate@example.com',
        name: 'John Doe',
        referralCode: 'JOHNDOE10',
        customFields: { channel: 'YouTube' },
      },
    }),
    status: 201,
    body: newAffiliate,
    check: async (answer, program) => {
      assert.equal(at(answer, 'data.affiliate.referralCode'), 'JOHNDOE10');
      program.kept['affiliate'] = String(at(answer, 'data.affiliate.id'));
      const rows = await program.hub.db('affiliates').select('custom_fields').where('id', program.kept['affiliate']);
      assert.deepEqual(rows, [{ custom_fields: { channel: 'YouTube' } }]);
    },
  },
  {
    name: 'POST /affiliates makes a referral code when none is given',
    request: () => ({ path: '/affiliates', body: { email: 'jane@example.com', name: 'Jane Doe' } }),
    status: 201,
    body: newAffiliate,
    check: (answer) => assert.match(String(at(answer, 'data.affiliate.referralCode')), /^jane-doe-/),
  },
  {
    name: 'POST /affiliates refuses a referral code that is taken, whatever its case',
    request: () => ({ path: '/affiliates', body: { email: 'j@example.com', name: 'J', referralCode: 'johndoe10' } }),
    status: 400,
    body: failure('invalid_request', 'referralCode'),
  },
  {
    name: 'POST /referrals/track records the example click',
    request: () => ({
      path: '/referrals/track',
      body: {
        referralCode: 'JOHNDOE10',
        sourceUrl: 'https://blog.example.com/post',
        userAgent: 'Mozilla/5.0',
        ipAddress: '203.0.113.7',
      },
    }),
    status: 201,
    body: click,
    check: (answer, program) => {
      assert.equal(at(answer, 'data.affiliateId'), program.kept['affiliate']);
      program.kept['click'] = String(at(answer, 'data.clickId'));
    },
  },
  {
    name: 'POST /referrals/convert records the example by click',
    request: ({ kept }) => ({
      path: '/referrals/convert',
      body: {
        clickId: kept['click'],
        amount: 99.99,
        orderId: 'order_123456',
        customer: { email: 'buyer@example.net', name: 'A Buyer' },
        products: [{ id: 'sku_1', quantity: 2 }],
      },
    }),
    status: 201,
    body: conversion,
    check: async (answer, program) => {
      const told = ['affiliateId', 'referralCode', 'amount', 'commission', 'orderId'].map((name) =>
        at(answer, `data.${name}`),
      );
      assert.deepEqual(told, [program.kept['affiliate'], 'JOHNDOE10', 99.99, 20, 'order_123456']);
      program.kept['conversion'] = String(at(answer, 'data.conversionId'));
      program.kept['convertedAt'] = String(at(answer, 'data.timestamp'));
      // The same second must not do for a repeat.
      await setTimeout(1_000);
    },
  },
  {
    name: 'POST /referrals/convert answers a repeated orderId with the same conversion',
    request: ({ kept }) => ({
      path: '/referrals/convert',
      body: { clickId: kept['click'], amount: 99.99, orderId: 'order_123456' },
    }),
    status: 200,
    body: conversion,
    check: (answer, program) => {
      assert.equal(at(answer, 'data.conversionId'), program.kept['conversion']);
      assert.equal(at(answer, 'data.timestamp'), program.kept['convertedAt']);
    },
  },
  {
    name: 'POST /referrals/convert takes fields that a form left empty for none',
    request: ({ referralCode }) => ({
      path: '/referrals/convert',
      key: 'test',
      body: { clickId: '', referralCode, amount: 1, orderId: 'blank_1', customer: { id: '', email: '' } },
    }),
    status: 201,
    body: conversion,
  },
  {
    name: 'POST /referrals/convert needs a click or a code that is not empty',
    request: () => ({ path: '/referrals/convert', body: { clickId: '', referralCode: ' ', amount: 1 } }),
    status: 400,
    body: failure('invalid_request', 'clickId'),
  },
  {
    name: 'POST /referrals/track takes an address that a form left empty for none',
    request: ({ referralCode }) => ({
      path: '/referrals/track',
      key: 'test',
      body: { referralCode: referralCode.toUpperCase(), ipAddress: '' },
    }),
    status: 201,
    body: click,
    check: (answer, program) => assert.equal(at(answer, 'data.referralCode'), program.referralCode),
  },
  {
    name: 'POST /referrals/convert records by referral code, without an order id',
    request: () => ({ path: '/referrals/convert', body: { referralCode: 'JOHNDOE10', amount: 50 } }),
    status: 201,
    body: conversion,
    check: (answer) => assert.deepEqual([at(answer, 'data.commission'), at(answer, 'data.orderId')], [10, null]),
  },
  {
    name: 'POST /referrals/convert credits the code that it names, even for a customer of somebody else',
    request: ({ referralCode }) => ({
      path: '/referrals/convert',
      body: { referralCode, amount: 10, orderId: 'order_2', customer: { email: 'buyer@example.net' } },
    }),
    status: 201,
    body: conversion,
    check: (answer, program) => assert.equal(at(answer, 'data.affiliateId'), program.affiliateId),
  },
  {
    name: 'POST /referrals/convert does not know a code beside a click either',
    request: ({ kept }) => ({
      path: '/referrals/convert',
      body: { clickId: kept['click'], referralCode: 'NOBODY', amount: 10, orderId: 'order_3' },
    }),
    status: 404,
    body: failure('resource_not_found', 'referralCode'),
    check: async (_answer, { hub }) => assert.deepEqual(await hub.db('orders').where('order_id', 'order_3'), []),
  },
  {
    name: 'POST /referrals/convert refuses an orderId that was not filled in',
    request: () => ({
      path: '/referrals/convert',
      body: { referralCode: 'JOHNDOE10', amount: 10, orderId: 'null' },
    }),
    status: 400,
    body: failure('invalid_request', 'orderId'),
  },
  {
    name: 'POST /referrals/convert needs a click or a code',
    request: () => ({ path: '/referrals/convert', body: { amount: 10 } }),
    status: 400,
    body: failure('invalid_request', 'clickId'),
  },
  ...[-5, 1e30, 10.005, 0].map((amount) => ({
    name: `POST /referrals/convert refuses an amount of ${amount} under a percentage`,
    request: () => ({ path: '/referrals/convert', body: { referralCode: 'JOHNDOE10', amount } }),
    status: 400,
    body: failure('invalid_request', 'amount'),
  })),
];
