import { z } from 'zod';
import { like } from '../dialects/conformance.ts';
import type { ExamplePage } from './example.ts';
import type { ExampleProgram } from './example-program.ts';

/** https://docs.affitor.com/api-reference and its endpoint pages, read 2026-11. */
export function affitorPage({ hub, key, referralCode }: ExampleProgram): ExamplePage {
  return {
    name: 'Affitor',
    changes: {
      'https://api.affitor.com': `${hub}/affitor`,
      YOUR_PROGRAM_API_KEY: key,
      PARTNER123: referralCode,
    },
    examples: [
      {
        name: 'POST /api/v1/track/click',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/click \\
  -H "Content-Type: application/json" \\
  -d '{
    "affiliate_url": "https://yoursite.com/pricing?aff=PARTNER123",
    "page_url": "https://yoursite.com/pricing",
    "page_title": "Pricing — YourSite",
    "referrer_url": "https://blog.example.com/post",
    "session_id": "sess_abc123",
    "screen_resolution": "1920x1080",
    "viewport_size": "1280x800",
    "language": "en-US",
    "timezone": "America/New_York"
  }'`,
        status: 200,
        answer: like({
          success: z.literal(true),
          click_id: 'cust_42_1715000000000',
          partner_code: 'PARTNER123',
          cookie_window_days: 60,
        }),
        keep: { cust_42_1234567890: 'click_id' },
      },
      {
        name: 'POST /api/v1/track/lead',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/lead \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "click_id": "cust_42_1234567890",
    "customer_key": "usr_9876",
    "email": "user@example.com"
  }'`,
        status: 200,
        answer: like({ success: z.literal(true), message: z.literal('Lead tracked successfully') }),
      },
      {
        name: 'POST /api/v1/track/sale',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/sale \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "transaction_id": "txn_abc123",
    "customer_key": "usr_9876",
    "amount_cents": 4900,
    "currency": "USD",
    "sale_type": "payment"
  }'`,
        status: 200,
        answer: like({
          success: z.literal(true),
          sale_id: z.int(),
          commission_id: z.int(),
          message: z.literal('Sale tracked successfully'),
        }),
      },
      {
        name: 'POST /api/v1/track/sale, the same transaction_id again',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/sale \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{ "transaction_id": "txn_abc123", "customer_key": "usr_9876", "amount_cents": 4900 }'`,
        status: 409,
        answer: like({ error: z.literal('Duplicate transaction_id. This sale has already been recorded.') }),
      },
      {
        name: 'POST /api/tracking/sale (test mode)',
        curl: `curl -X POST https://api.affitor.com/api/tracking/sale \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{ "additional_data": { "test_mode": true } }'`,
        status: 200,
        answer: z.looseObject({
          success: z.literal(true),
          message: z.literal('Test sale event tracked successfully'),
          data: like({ eventId: z.int(), programId: z.int(), test_mode: z.literal(true) }),
        }),
      },
      {
        name: 'POST /api/v1/track/refund',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/refund \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "transaction_id": "txn_abc123",
    "refund_amount_cents": 5000,
    "refund_reason": "Customer requested cancellation"
  }'`,
        status: 200,
        answer: like({
          success: z.literal(true),
          status: z.literal('reversed'),
          deductionAmount: 9.8,
          sale_id: z.int(),
          commission_id: z.int(),
          message: 'Refund tracked successfully',
        }),
      },
      {
        name: 'POST /api/v1/track/sale without transaction_id',
        curl: `curl -X POST https://api.affitor.com/api/v1/track/sale \\
  -H "Authorization: Bearer YOUR_PROGRAM_API_KEY" \\
  -H "Content-Type: application/json" -d '{}'`,
        status: 400,
        answer: like({ error: z.literal('transaction_id is required and must be a string') }),
      },
    ],
  };
}
