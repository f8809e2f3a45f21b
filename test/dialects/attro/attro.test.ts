import assert from 'node:assert/strict';
import { describeConformance } from '../conformance.ts';
import { accountCases } from './account-cases.ts';
import { affiliateCases } from './affiliate-cases.ts';
import { conversionCases } from './conversion-cases.ts';
import { mistakes } from './mistakes.ts';
import { offerCases } from './offer-cases.ts';
import { trackingLinkCases } from './tracking-link-cases.ts';

const base = '/attro/api/v1';

describeConformance('Attro', base, [
  ...affiliateCases,
  ...offerCases,
  ...trackingLinkCases,
  ...conversionCases,
  ...accountCases,
  ...mistakes,
]);

const limitHeaders = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': /^\d+$/, 'x-ratelimit-reset': /^\d{10}$/ };

describeConformance(
  'The rate limits of Attro',
  base,
  [
    {
      name: 'are told in the headers',
      request: () => ({ path: '/affiliates' }),
      status: 200,
      headers: limitHeaders,
    },
    {
      name: 'are told with the answer about an unknown path, too',
      request: () => ({ path: '/nothing' }),
      status: 404,
      headers: { ...limitHeaders, 'x-ratelimit-remaining': '98' },
    },
    {
      name: 'end a burst of more than 20 requests in a second, with retryAfter in the body',
      request: () => ({ path: '/offers' }),
      status: 200,
      check: async (_, program) => {
        const call = () =>
          fetch(`${program.hub.url}${base}/offers`, { headers: { authorization: `Bearer ${program.keys.read}` } });
        const answers = await Promise.all(Array.from({ length: 60 }, call));
        const refused = answers.find(({ status }) => status === 429);
        assert.ok(refused);
        assert.equal(refused.headers.get('retry-after'), '1');
        assert.deepEqual(await refused.json(), {
          error: { code: 'RATE_LIMITED', message: 'Rate limit exceeded', retryAfter: 1 },
        });
      },
    },
  ],
  { env: { RATE_LIMITS: 'on' } },
);
