import assert from 'node:assert/strict';
import { describeConformance, type ConformanceCase } from '../conformance.ts';
import { accountCases } from './account-cases.ts';
import { conversionCases } from './conversion-cases.ts';
import { eventCases } from './event-cases.ts';
import { mistakes } from './mistakes.ts';
import { postbackCases } from './postback-cases.ts';
import { refusalCases, reportCases } from './report-cases.ts';
import { base, fire, get, post } from './shapes.ts';
import { testSessionCases } from './test-session-cases.ts';
import { prepare } from './prepare.ts';

describeConformance(
  'AffSpace',
  base,
  [
    ...reportCases,
    ...refusalCases,
    ...eventCases,
    ...postbackCases,
    ...conversionCases,
    ...accountCases,
    ...testSessionCases,
    ...mistakes,
  ],
  { prepare },
);

const limits: [what: string, limit: string, request: ConformanceCase['request']][] = [
  ['reading', '100', get('/offers')],
  ['statistics', '20', get('/stats')],
  ['events', '30', (program) => post('events', program, { click_id: program.kept['cpa-8'], event_type: 'pageview' })],
  ['conversions', '1000', (program) => post('conversions', program, { click_id: program.kept['cpa-8'] })],
  ['primary postbacks', '1000', (program) => fire(program, 'primary', `clickid=1&sum=1&secure=${program.keys.live}`)],
  ['secondary postbacks', '100', (program) => fire(program, 'secondary', `clickid=1&secure=${program.keys.live}`)],
];
describeConformance(
  'The rate limits of AffSpace',
  base,
  [
    ...limits.map(([what, limit, request]): ConformanceCase => ({
      name: `are ${limit} a minute for ${what}`,
      request,
      status: what.endsWith('postbacks') ? 400 : 200,
      headers: { 'x-ratelimit-limit': limit },
    })),
    {
      name: 'end in 429 with Retry-After, for the endpoints of the limit only',
      request: get('/profile'),
      status: 200,
      check: async ({ headers }, program) => {
        assert.equal(headers.get('x-ratelimit-remaining'), '97');
        const call = () =>
          fetch(`${program.hub.url}${base}/api/v1/stats`, { headers: { 'x-api-key': program.keys.read } });
        const answers = await Promise.all(Array.from({ length: 21 }, call));
        const refused = answers.filter(({ status }) => status === 429);
        assert.equal(refused.length, 1);
        assert.match(refused[0]?.headers.get('retry-after') ?? '', /^\d+$/);
        assert.deepEqual(await refused[0]?.json(), {
          success: false,
          error: { code: 'RATE_LIMITED', message: 'Too many requests - check Retry-After header' },
        });
      },
    },
  ],
  { env: { RATE_LIMITS: 'on' }, prepare },
);
