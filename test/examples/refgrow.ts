import { z } from 'zod';
import { like } from '../dialects/conformance.ts';
import type { ExamplePage } from './example.ts';
import type { ExampleProgram } from './example-program.ts';

const affiliate = {
  id: 'aff_123456',
  email: 'affiliate@example.com',
  name: 'John Doe',
  status: 'active',
  createdAt: '2023-06-15T10:30:00Z',
};
const results = {
  totalEarnings: 1250.75,
  pendingEarnings: 350.25,
  paidEarnings: 900.5,
  conversionRate: 0.12,
  clickCount: 1840,
  conversionCount: 221,
};
const nothingOrText = z.string().nullable();
const commission = {
  id: 'comm_456789',
  affiliateId: 'aff_123456',
  orderId: 'order_123456',
  amount: 20.0,
  status: 'pending',
  createdAt: '2023-06-18T15:10:45Z',
  paidAt: nothingOrText,
  conversionAmount: 99.99,
};
const page = { total: 45, limit: 20, offset: 0 };
const success = z.literal(true);

/** https://refgrow.com/docs/endpoints, read 2026-11: it has tables and answers; the commands are put together from them. */
export function refgrowPage({ hub, key }: ExampleProgram): ExamplePage {
  const get = (path: string) => `curl "https://api.refgrow.com/v1${path}" -H "Authorization: Bearer YOUR_API_KEY"`;
  const send = (method: string, path: string, body: object) =>
    `${get(path)} -X ${method} -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
  return {
    name: 'Refgrow',
    changes: { 'https://api.refgrow.com/v1': `${hub}/refgrow/v1`, YOUR_API_KEY: key },
    examples: [
      {
        name: 'POST /affiliates',
        curl: send('POST', '/affiliates', {
          email: 'affiliate@example.com',
          name: 'John Doe',
          referralCode: 'JOHNDOE10',
          customFields: { channel: 'blog' },
        }),
        status: 201,
        answer: like({ success, data: { affiliate: { ...affiliate, referralCode: 'JOHNDOE10' } } }),
        keep: { aff_123456: 'data.affiliate.id' },
      },
      {
        name: 'POST /referrals/track',
        curl: send('POST', '/referrals/track', {
          referralCode: 'JOHNDOE10',
          sourceUrl: 'https://blog.example.com',
          userAgent: 'Mozilla/5.0',
          ipAddress: '203.0.113.7',
        }),
        status: 201,
        answer: like({
          success,
          data: {
            clickId: 'click_abcdef12345',
            referralCode: 'JOHNDOE10',
            affiliateId: 'aff_123456',
            timestamp: '2023-06-18T14:25:30Z',
          },
        }),
        keep: { click_abcdef12345: 'data.clickId' },
      },
      {
        name: 'POST /referrals/convert',
        curl: send('POST', '/referrals/convert', {
          clickId: 'click_abcdef12345',
          amount: 99.99,
          orderId: 'order_123456',
          customer: { email: 'customer@buyer.example', name: 'A Customer' },
          products: [{ name: 'Pro plan', price: 99.99 }],
        }),
        status: 201,
        answer: like({
          success,
          data: {
            conversionId: 'conv_xyz789',
            affiliateId: 'aff_123456',
            referralCode: z.literal('JOHNDOE10'),
            amount: z.literal(99.99),
            commission: z.literal(20),
            orderId: z.literal('order_123456'),
            timestamp: '2023-06-18T15:10:45Z',
          },
        }),
      },
      {
        name: 'GET /affiliates',
        curl: get('/affiliates?status=active&limit=20&offset=0'),
        status: 200,
        answer: like({ success, data: { affiliates: [{ ...affiliate, ...results }], ...page } }),
      },
      {
        name: 'GET /affiliates/:id',
        curl: get('/affiliates/aff_123456'),
        status: 200,
        answer: like({
          success,
          data: {
            affiliate: {
              ...affiliate,
              ...results,
              referralCode: 'JOHNDOE10',
              paymentMethod: nothingOrText,
              paymentDetails: nothingOrText,
            },
          },
        }),
      },
      {
        name: 'GET /commissions',
        curl: get('/commissions?affiliateId=aff_123456&status=pending'),
        status: 200,
        answer: like({ success, data: { commissions: [commission], ...page } }),
        keep: { comm_456789: 'data.commissions.0.id' },
      },
      {
        name: 'PUT /commissions/:id/status',
        curl: send('PUT', '/commissions/comm_456789/status', { status: 'approved' }),
        status: 200,
        answer: like({
          success,
          data: { commission: { ...commission, status: z.literal('approved'), updatedAt: '2023-06-20T09:15:30Z' } },
        }),
      },
      {
        name: 'GET /commissions with an affiliate ID of another form',
        curl: get('/commissions?affiliateId=123456'),
        status: 400,
        answer: like({
          success: z.literal(false),
          error: {
            code: z.literal('invalid_request'),
            message: z.literal('Invalid affiliate ID format'),
            details: { field: z.literal('affiliateId'), issue: z.literal("must be a string beginning with 'aff_'") },
          },
        }),
      },
    ],
  };
}
