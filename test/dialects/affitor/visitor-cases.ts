import assert from 'node:assert/strict';
import { at, send, type ConformanceCase, type ConformanceProgram } from '../conformance.ts';
import { click, lead, says } from './shapes.ts';

export const landing = (program: ConformanceProgram) => `https://yoursite.com/pricing?aff=${program.referralCode}`;

/** Clicks and leads: https://docs.affitor.com/api-reference/track-click and track-lead, read 2026-11. */
export const visitorCases: ConformanceCase[] = [
  {
    name: 'click records the example without a key, for any origin, and sets the cookie',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      headers: { origin: 'https://yoursite.com' },
      body: {
        affiliate_url: landing(program),
        page_url: 'https://yoursite.com/pricing',
        page_title: 'Pricing — YourSite',
        referrer_url: 'https://blog.example.com/post',
        session_id: 'sess_abc123',
        screen_resolution: '1920x1080',
        viewport_size: '1280x800',
        language: 'en-US',
        timezone: 'America/New_York',
      },
    }),
    status: 200,
    body: click,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': null,
      'set-cookie': /^affitor_click_id=clk_[0-9a-f]{32}; Path=\/; Max-Age=2592000; SameSite=Lax$/,
    },
    check: async (answer, program) => {
      assert.equal(at(answer, 'partner_code'), program.referralCode);
      program.kept['click'] = String(at(answer, 'click_id'));
      const clicks = program.hub.db('clicks').select('affiliate_id', 'livemode', 'source_url');
      const [row] = await clicks.where('id', program.kept['click']);
      assert.deepEqual(row, {
        affiliate_id: program.affiliateId,
        livemode: true,
        source_url: 'https://blog.example.com/post',
      });
    },
  },
  {
    name: 'click answers the preflight of any origin',
    request: () => ({
      key: 'none',
      method: 'OPTIONS',
      path: '/api/v1/track/click',
      headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    }),
    status: 204,
    body: null,
    headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' },
  },
  {
    name: 'sale and refund allow no other origin',
    request: () => ({ path: '/api/v1/track/sale', headers: { origin: 'https://yoursite.com' }, body: {} }),
    status: 400,
    headers: { 'access-control-allow-origin': null },
  },
  {
    name: 'click of the same partner again gives existing_click_id back',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: { affiliate_url: landing(program), existing_click_id: program.kept['click'] },
    }),
    status: 200,
    body: click,
    check: (answer, program) => assert.equal(at(answer, 'click_id'), program.kept['click']),
  },
  {
    name: 'click of another partner gives a new id, whatever existing_click_id says',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: {
        affiliate_url: `https://yoursite.com/?aff=${program.other.referralCode}`,
        existing_click_id: program.kept['click'],
      },
    }),
    status: 200,
    body: click,
    check: (answer, program) => {
      assert.notEqual(at(answer, 'click_id'), program.kept['click']);
      program.kept['otherClick'] = String(at(answer, 'click_id'));
    },
  },
  {
    name: 'click takes the id of an affiliate for the code',
    request: (program) => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: { affiliate_url: `https://yoursite.com/?aff=${program.affiliateId}` },
    }),
    status: 200,
    body: click,
    check: (answer, program) => assert.equal(at(answer, 'partner_code'), program.affiliateId),
  },
  ...(
    [
      [{}, 'affiliate_url is required'],
      [{ affiliate_url: '' }, 'affiliate_url is required'],
      [{ affiliate_url: 'yoursite.com?aff=X' }, 'Invalid affiliate_url'],
      [{ affiliate_url: 'https://yoursite.com/pricing' }, 'No aff parameter found in affiliate_url'],
      [{ affiliate_url: 'https://yoursite.com/?aff=NOBODY' }, 'Referral link not found'],
    ] as const
  ).map(([body, error]) => ({
    name: `click refuses ${JSON.stringify(body)}: ${error}`,
    request: () => ({ key: 'none', path: '/api/v1/track/click', body }) as const,
    ...says(400, error),
  })),
  {
    name: 'lead in browser mode is refused until the program takes such leads, and says how to switch them on',
    request: ({ kept }) => ({
      key: 'none',
      path: '/api/v1/track/lead',
      headers: { origin: 'https://yoursite.com' },
      body: { click_id: kept['click'], customer_key: 'usr_abc123' },
    }),
    ...says(
      403,
      'Leads without an API key are off in this program. Switch them on with PATCH /api/v1/program ' +
        '{"browserLeads": true} (a live key that may write), or send leads from your server with the API key.',
    ),
    headers: { 'access-control-allow-origin': '*' },
    check: async (_answer, program) => {
      assert.deepEqual(await program.hub.db('orders').select('id'), []);
      const body = { browserLeads: true };
      const { status } = await send(program, '/api/v1', { method: 'PATCH', path: '/program', body });
      assert.equal(status, 200);
    },
  },
  {
    name: 'lead in browser mode is proved by the click alone, for any origin',
    request: ({ kept }) => ({
      key: 'none',
      path: '/api/tracking/lead',
      headers: { origin: 'https://yoursite.com' },
      body: { click_id: kept['click'], customer_key: 'usr_abc123', email: 'user@example.com', program_id: null },
    }),
    status: 200,
    body: lead,
    headers: { 'access-control-allow-origin': '*' },
    check: async (_answer, { hub, affiliateId }) => {
      const orders = await hub.db('orders').select('kind', 'affiliate_id', 'livemode');
      assert.deepEqual(orders, [{ kind: 'lead', affiliate_id: affiliateId, livemode: true }]);
    },
  },
  {
    name: 'lead in server mode repeats it without a second lead',
    request: ({ kept }) => ({
      path: '/api/v1/track/lead',
      body: { click_id: kept['click'], customer_key: 'usr_abc123', email: 'user@example.com' },
    }),
    status: 200,
    body: lead,
    check: async (_answer, { hub }) => assert.equal((await hub.db('orders').select('id')).length, 1),
  },
  {
    name: 'lead needs a click or a customer',
    request: () => ({ path: '/api/v1/track/lead', body: { email: 'user@example.com' } }),
    ...says(400, 'click_id or customer_key is required'),
  },
  {
    name: 'lead without a key and with an unknown click finds nobody',
    request: () => ({ key: 'none', path: '/api/v1/track/lead', body: { click_id: 'clk_nothing', customer_key: 'u' } }),
    ...says(400, 'Customer not found. Provide a valid click_id or customer_key.'),
  },
  {
    name: 'lead in server mode with an unknown customer_key finds nobody',
    request: () => ({ path: '/api/v1/track/lead', body: { customer_key: 'usr_unknown' } }),
    ...says(400, 'Customer not found. Provide a valid click_id or customer_key.'),
  },
  {
    name: "lead with another program's click is refused",
    request: ({ kept }) => ({ path: '/api/v1/track/lead', body: { click_id: kept['otherClick'], customer_key: 'u' } }),
    ...says(400, 'Customer does not belong to this program'),
  },
  {
    name: 'lead with an Authorization header that holds no token is refused',
    request: ({ kept }) => ({
      key: 'none',
      headers: { authorization: 'Basic abc' },
      path: '/api/v1/track/lead',
      body: { click_id: kept['click'] },
    }),
    ...says(401, 'Invalid API token'),
  },
];
