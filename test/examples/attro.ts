import { z } from 'zod';
import { like } from '../dialects/conformance.ts';
import type { ExamplePage } from './example.ts';
import type { ExampleProgram } from './example-program.ts';

const nothingOrText = z.string().nullable();
const pagination = { total: 45, limit: 20, offset: 0, hasMore: true };
const affiliate = z.looseObject({
  id: z.string(),
  companyName: nothingOrText,
  displayName: z.string(),
  email: z.string(),
  type: z.enum(['external', 'internal']),
  status: z.enum(['active', 'pending', 'inactive']),
  createdAt: z.iso.datetime({ precision: 0 }),
});
const offer = z.looseObject({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  defaultCommissionType: z.enum(['percentage', 'fixed']),
  defaultCommissionValue: z.number(),
  attributionWindowDays: z.int(),
  dailyCap: z.int(),
  isActive: z.boolean(),
});
const link = like({
  id: 'link_def456',
  affiliateId: 'aff_abc123',
  offerId: 'off_xyz789',
  code: 'a1b2c3d4',
  trackingUrl: 'https://get-attro.com/r/a1b2c3d4',
  destinationUrl: 'https://yourapp.com/special-promo',
  clicks: 0,
  conversions: 0,
  createdAt: '2026-01-20T14:00:00Z',
});
const conversion = z.looseObject({ id: z.string(), affiliateId: z.string(), offerId: z.string(), amount: z.number() });
const list = (item: z.ZodType) => like({ data: z.array(item).min(1), pagination });

/** https://get-attro.com/docs/rest-api, read 2026-11. The page's e-mail addresses are hidden, so they are others here. */
export function attroPage({ hub, key, affiliateId, offerId }: ExampleProgram): ExamplePage {
  const auth = `-H "Authorization: Bearer sk_live_abc123"`;
  const json = `-H "Content-Type: application/json"`;
  const get = (path: string) => `curl "https://get-attro.com/api/v1${path}" \\\n${auth}`;
  const send = (method: string, path: string, body: string) =>
    `curl https://get-attro.com/api/v1${path} \\\n-X ${method} \\\n${auth} \\\n${json} \\\n-d '${body}'`;
  const newConversion = `{
"affiliateId": "aff_abc123",
"offerId": "off_xyz789",
"externalId": "your-transaction-id-12345",
"externalSource": "custom_checkout",
"amount": 99.00,
"currency": "USD",
"customerEmail": "customer@example.com",
"metadata": {
"plan": "premium",
"period": "annual"
}
}`;
  return {
    name: 'Attro',
    changes: {
      'https://get-attro.com/api/v1': `${hub}/attro/api/v1`,
      sk_live_abc123def456: key,
      sk_live_abc123: key,
      aff_abc123: affiliateId,
      off_xyz789: offerId,
    },
    examples: [
      {
        name: 'GET /affiliates',
        curl: `curl https://get-attro.com/api/v1/affiliates \\\n-H "Authorization: Bearer sk_live_abc123def456"`,
        status: 200,
        answer: list(affiliate),
      },
      {
        name: 'GET /affiliates, filtered',
        curl: get('/affiliates?status=active&type=external&limit=50'),
        status: 200,
        answer: list(affiliate),
      },
      {
        name: 'POST /affiliates',
        curl: send(
          'POST',
          '/affiliates',
          `{
"companyName": "Acme Corp",
"displayName": "John Smith",
"email": "john@example.com",
"type": "external",
"website": "https://acme.com",
"paymentEmail": "payouts@example.com"
}`,
        ),
        status: 201,
        answer: like({ data: affiliate }),
      },
      {
        name: 'GET /affiliates past the end',
        curl: get('/affiliates?limit=50&offset=100'),
        status: 200,
        answer: like({ data: z.array(z.unknown()).length(0), pagination }),
      },
      {
        name: 'POST /offers',
        curl: send(
          'POST',
          '/offers',
          `{
"name": "Premium Subscription",
"url": "https://yourapp.com/premium",
"description": "Our flagship product",
"defaultCommissionType": "percentage",
"defaultCommissionValue": 20,
"attributionWindowDays": 30,
"dailyCap": 100,
"isActive": true
}`,
        ),
        status: 201,
        answer: like({ data: offer }),
        keep: { off_abc123: 'data.id' },
      },
      { name: 'GET /offers', curl: get('/offers'), status: 200, answer: list(offer) },
      { name: 'GET /offers, active ones', curl: get('/offers?isActive=true'), status: 200, answer: list(offer) },
      {
        name: 'PATCH /offers/:id',
        curl: send('PATCH', '/offers/off_abc123', `{\n"defaultCommissionValue": 25,\n"dailyCap": 200\n}`),
        status: 200,
        answer: like({ data: offer }),
      },
      {
        name: 'POST /tracking-links',
        curl: send(
          'POST',
          '/tracking-links',
          `{
"affiliateId": "aff_abc123",
"offerId": "off_xyz789",
"customUrl": "https://yourapp.com/special-promo"
}`,
        ),
        status: 201,
        answer: like({ data: link }),
      },
      { name: 'GET /tracking-links', curl: get('/tracking-links'), status: 200, answer: list(link) },
      {
        name: 'GET /tracking-links of an affiliate',
        curl: get('/tracking-links?affiliateId=aff_abc123'),
        status: 200,
        answer: list(link),
      },
      {
        name: 'POST /conversions',
        curl: send('POST', '/conversions', newConversion),
        status: 201,
        answer: like({ data: conversion }),
      },
      {
        name: 'POST /conversions, the same externalId again',
        curl: send('POST', '/conversions', newConversion),
        status: 409,
        answer: like({
          error: {
            code: z.literal('DUPLICATE_CONVERSION'),
            message: z.literal("Conversion with externalId 'your-transaction-id-12345' already exists"),
          },
        }),
      },
      { name: 'GET /conversions', curl: get('/conversions'), status: 200, answer: list(conversion) },
      {
        name: 'GET /conversions, filtered',
        curl: get('/conversions?status=pending&affiliateId=aff_abc123'),
        status: 200,
        answer: list(conversion),
      },
    ],
  };
}
