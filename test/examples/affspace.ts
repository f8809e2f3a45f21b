import { z } from 'zod';
import { like } from '../dialects/conformance.ts';
import type { ExamplePage } from './example.ts';
import type { ExampleProgram } from './example-program.ts';

const success = z.literal(true);
const nothingOrText = z.string().nullable();
const conversion = {
  id: 'conv_x7k9m2p4',
  offerCode: 'MYOFFER123',
  vendorTxId: 'ORDER-98765',
  currency: 'USD',
  saleAmountCents: 14999,
  advertiserPayoutCents: 3000,
  status: 'approved',
  createdAt: 1706234567890,
};
const meta = { pagination: { hasMore: true, nextCursor: nothingOrText } };
const payoutTerms = z.looseObject({});

/** The Advertiser API page of AffSpace, read 2026-11: it has two commands; the others are put together from its tables. */
export function affspacePage({ hub, key, clickId, postbackEndpointId }: ExampleProgram): ExamplePage {
  const get = (path: string) => `curl "https://api.affs.space${path}" -H "X-API-Key: your_api_key"`;
  const newConversion = `curl -X POST "https://api.affs.space/api/v1/conversions" -H "Content-Type: application/json" -H "X-Api-Key: your_api_key" -d '{"click_id": "0M8K2L9P5QRS","amount": "149.99","txid": "ORDER-98765","customer_id": "cust_12345"}'`;
  return {
    name: 'AffSpace',
    changes: {
      'https://api.affs.space': `${hub}/affspace`,
      your_api_key: key,
      '0M8K2L9P5QRS': clickId,
      '{endpointId}': postbackEndpointId,
    },
    examples: [
      {
        name: 'POST /api/v1/conversions',
        curl: newConversion,
        status: 200,
        answer: like({
          success,
          data: { tracked: success, conversionId: 'conv_x7k9m2p4', status: 'pending', currency: 'USD' },
        }),
        keep: { conv_x7k9m2p4: 'data.conversionId' },
      },
      {
        name: 'POST /api/v1/conversions, the same txid again',
        curl: newConversion,
        status: 200,
        answer: like({
          success,
          tracked: z.literal(false),
          reason: z.literal('duplicate_txid'),
          message: 'Conversion received.',
        }),
      },
      {
        name: 'POST /api/v1/events',
        curl: `curl -X POST "https://api.affs.space/api/v1/events" -H "Content-Type: application/json" -H "X-Api-Key: your_api_key" -d '{"click_id": "0M8K2L9P5QRS","event_type": "lead","url": "https://advertiser.example/signup","referrer": "https://advertiser.example/pricing"}'`,
        status: 200,
        answer: like({ success, data: { tracked: success, event_id: 'evt_f93xk2m1', reason: z.null() } }),
      },
      {
        name: 'GET /pb/{endpointId}',
        curl: `curl "https://api.affs.space/pb/{endpointId}?clickid=0M8K2L9P5QRS&sum=10.00&txid=ORDER-2&user_id=cust_2&secure=your_api_key"`,
        status: 200,
        answer: z.looseObject({}),
      },
      {
        name: 'GET /api/v1/conversions',
        curl: get('/api/v1/conversions?offer_code=MYOFFER123&status=pending&limit=500'),
        status: 200,
        answer: like({ success, data: [conversion], meta }, { vendorTxId: nothingOrText }),
      },
      {
        name: 'GET /api/v1/conversions/{id}',
        curl: get('/api/v1/conversions/conv_x7k9m2p4'),
        status: 200,
        answer: like({ success, data: conversion }),
      },
      {
        name: 'GET /api/v1/stats',
        curl: get('/api/v1/stats?group_by=day'),
        status: 200,
        answer: like({
          success,
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
      },
      {
        name: 'GET /api/v1/offers',
        curl: get('/api/v1/offers?status=published'),
        status: 200,
        answer: like({
          success,
          data: [
            z.looseObject({
              code: z.string(),
              name: z.string(),
              status: z.literal('published'),
              currency: z.string(),
              payoutTerms,
            }),
          ],
          meta,
        }),
      },
      {
        name: 'GET /api/v1/offers/{code}',
        curl: get('/api/v1/offers/MYOFFER123'),
        status: 200,
        answer: like({
          success,
          data: z.looseObject({
            code: z.literal('MYOFFER123'),
            name: z.string(),
            primaryUrl: z.string(),
            payoutTerms: z.looseObject({ advertiserPayoutCents: z.literal(3000) }),
          }),
        }),
      },
      {
        name: 'GET /api/v1/profile',
        curl: get('/api/v1/profile'),
        status: 200,
        answer: like({
          success,
          data: {
            companyName: nothingOrText,
            contactEmail: nothingOrText,
            status: z.literal('approved'),
            hasApiKey: success,
          },
        }),
      },
      {
        name: 'POST /api/v1/test-sessions',
        curl: `${get('/api/v1/test-sessions')} -H "Content-Type: application/json" -d '{"offer_code": "MYOFFER123"}'`,
        status: 200,
        answer: like({
          success,
          data: { testClickId: 'test_0M8K2L9P5QRS', sessionToken: 'abc123...', expiresAt: 1706234867890 },
        }),
        keep: { test_0M8K2L9P5QRS: 'data.testClickId', 'abc123...': 'data.sessionToken' },
      },
      {
        name: 'POST /api/v1/conversions of the test click',
        curl: `${get('/api/v1/conversions')} -H "Content-Type: application/json" -d '{"clickid": "test_0M8K2L9P5QRS", "action_id": "T-1", "user_id": "cust_9"}'`,
        status: 200,
        answer: z.looseObject({ success }),
      },
      {
        name: 'GET /api/v1/test-sessions/{token}',
        curl: get('/api/v1/test-sessions/abc123...'),
        status: 200,
        answer: like({
          success,
          data: { status: z.literal('received'), validation: { signatureValid: success, fieldsValid: success } },
        }),
      },
      {
        name: 'GET /health',
        curl: `curl "https://api.affs.space/health"`,
        status: 200,
        answer: like({ status: z.literal('ok'), timestamp: 1706234567890 }),
      },
    ],
  };
}
