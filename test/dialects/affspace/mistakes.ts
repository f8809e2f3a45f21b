import { z } from 'zod';
import { badInput } from '../conformance.ts';
import { failure, invalid } from './shapes.ts';

/** What every endpoint refuses, and how. */
export const mistakes = badInput(
  [
    {
      method: 'POST',
      path: () => '/api/v1/conversions',
      body: ({ kept }) => ({ click_id: kept['cps-6'], amount: '149.99', txid: 'NEVER' }),
      required: ['click_id'],
      wrong: { click_id: 12.5, amount: '1,234.00', txid: { id: 1 }, customer_id: ['a'], goal: true, currency: 'XXY' },
      unknownInBody: [() => ({ click_id: 'clk_unknown' }), ({ kept }) => ({ click_id: kept['foreign'] })],
    },
    {
      method: 'POST',
      path: () => '/api/v1/events',
      body: ({ kept }) => ({ click_id: kept['cpa-7'], event_type: 'lead' }),
      required: ['click_id', 'event_type'],
      wrong: { event_type: 'purchase', url: ['x'], referrer: 5 },
      unknownInBody: [() => ({ click_id: 'clk_unknown' }), ({ kept }) => ({ click_id: kept['foreign'] })],
    },
    {
      method: 'GET',
      path: () => '/api/v1/conversions',
      wrongQueries: [
        'limit=501',
        'limit=0',
        'cursor=bad',
        'cursor=b2ZmZXJzIG9mZl8x',
        'status=paid',
        'start_date=2026-01-01',
        'end_date=-5',
      ],
    },
    {
      method: 'GET',
      path: ({ kept }) => `/api/v1/conversions/${kept['conversion']}`,
      unknown: [() => '/api/v1/conversions/conv_unknown', () => '/api/v1/conversions/%FF'],
    },
    { method: 'GET', path: () => '/api/v1/stats', wrongQueries: ['group_by=hour', 'start_date=yesterday'] },
    { method: 'GET', path: () => '/api/v1/offers', wrongQueries: ['limit=101', 'status=active', 'cursor=%20'] },
    {
      method: 'GET',
      path: () => '/api/v1/offers/MYOFFER123',
      unknown: [() => '/api/v1/offers/NOTHING', ({ other }) => `/api/v1/offers/${other.offerCode}`],
    },
    { method: 'GET', path: () => '/api/v1/profile' },
    {
      method: 'POST',
      path: () => '/api/v1/test-sessions',
      body: () => ({ offer_code: 'MYOFFER123' }),
      required: ['offer_code'],
      wrong: { offer_code: 5 },
    },
    {
      method: 'GET',
      path: ({ kept }) => `/api/v1/test-sessions/${kept['session']}`,
      unknown: [() => '/api/v1/test-sessions/abc123'],
    },
  ],
  {
    noKey: { status: 401, body: failure('UNAUTHORIZED', z.literal('API key required')) },
    wrongKey: { status: 401, body: failure('INVALID_API_KEY', z.literal('API key is invalid')) },
    readOnlyKey: { status: 401, body: failure('INVALID_API_KEY', z.literal('This API key may only read')) },
    invalid: { status: 400, body: invalid() },
    malformedJson: { status: 400, body: invalid() },
    tooLarge: { status: 413, body: invalid() },
    wrongMediaType: { status: 415, body: invalid() },
    unknown: { status: 404, body: failure('NOT_FOUND') },
  },
);
