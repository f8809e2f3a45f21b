import { z } from 'zod';
import { like } from '../dialects/conformance.ts';
import type { ExamplePage } from './example.ts';
import type { ExampleProgram } from './example-program.ts';

/** https://affilut.com/docs, read 2026-11. */
export function affilutPage({ hub, key, affiliateId }: ExampleProgram): ExamplePage {
  return {
    name: 'affilut',
    changes: {
      'https://affilut.com/api/v1': `${hub}/affilut/api/v1`,
      'aff_a1b2c3d4...': key,
      'aff_01hx...': affiliateId,
    },
    examples: [
      {
        name: 'GET /affiliates',
        curl: `curl https://affilut.com/api/v1/affiliates \\
  -H "Authorization: Bearer aff_a1b2c3d4..."`,
        status: 200,
        answer: like({
          data: [
            {
              id: 'aff_01hx...',
              name: 'Jane Smith',
              email: 'jane@example.com',
              shortCode: 'jane-smith-a1b2',
              status: 'active',
              commissionOverride: z.string().nullable(),
              createdAt: '2026-01-15T09:00:00.000Z',
              activatedAt: '2026-01-16T10:30:00.000Z',
            },
          ],
          page: 1,
          limit: 50,
        }),
      },
      {
        name: 'POST /conversions',
        curl: `curl -X POST https://affilut.com/api/v1/conversions \\
  -H "Authorization: Bearer aff_a1b2c3d4..." \\
  -H "Content-Type: application/json" \\
  -d '{
    "affiliate_id": "aff_01hx...",
    "amount_cents": 4900,
    "external_id": "inv_2026_00142"
  }'`,
        status: 201,
        answer: like({ id: 'cnv_01hx...', commissionCents: 980 }),
      },
      {
        name: 'POST /conversions, the same external_id again',
        curl: `curl -X POST https://affilut.com/api/v1/conversions \\
  -H "Authorization: Bearer aff_a1b2c3d4..." \\
  -H "Content-Type: application/json" \\
  -d '{ "affiliate_id": "aff_01hx...", "amount_cents": 4900, "external_id": "inv_2026_00142" }'`,
        status: 409,
        answer: like({ error: 'Duplicate external_id' }),
      },
      {
        name: 'GET /conversions, approved ones',
        curl: `curl "https://affilut.com/api/v1/conversions?status=approved&affiliate_id=aff_01hx..." \\
  -H "Authorization: Bearer aff_a1b2c3d4..."`,
        status: 200,
        answer: like({ data: z.array(z.unknown()).length(0), page: 1, limit: 50 }),
      },
      {
        name: 'GET /conversions, pending ones',
        curl: `curl "https://affilut.com/api/v1/conversions?status=pending&affiliate_id=aff_01hx..." \\
  -H "Authorization: Bearer aff_a1b2c3d4..."`,
        status: 200,
        answer: like({
          data: z
            .array(
              like({
                id: 'cnv_01hx...',
                affiliateId: 'aff_01hx...',
                stripeChargeId: 'manual:inv_2026_00142',
                amountCents: 4900,
                commissionCents: 980,
                status: 'pending',
                createdAt: '2026-01-20T14:22:00.000Z',
              }),
            )
            .length(1),
          page: 1,
          limit: 50,
        }),
      },
    ],
  };
}
