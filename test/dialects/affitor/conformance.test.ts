import assert from 'node:assert/strict';
import { newId } from '../../../src/domain/ids.ts';
import { insertClicks } from '../../../src/program/clicks.ts';
import { badInput, describeConformance, exactly, type ConformanceCase } from '../conformance.ts';
import { saleCases } from './sale-cases.ts';
import { errors, says } from './shapes.ts';
import { testModeCases } from './test-mode-cases.ts';
import { landing, visitorCases } from './visitor-cases.ts';

/** The examples and rules of https://docs.affitor.com/api-reference and its endpoint pages, read 2026-11. */
const base = '/affitor';

const cases: ConformanceCase[] = [
  ...visitorCases,
  ...saleCases,
  ...testModeCases,
  {
    name: 'click of a partner who is not active answers 200 without success',
    request: () => ({
      key: 'none',
      path: '/api/v1/track/click',
      body: { affiliate_url: 'https://yoursite.com/?aff=paused-partner' },
    }),
    status: 200,
    body: exactly({ success: false, message: 'Referral link is inactive' }),
  },
  { name: 'an unknown path is told in the envelope', request: () => ({ path: '/api/v1/track/view' }), status: 404 },
  ...badInput(
    [
      {
        method: 'POST',
        path: () => '/api/v1/track/click',
        open: true,
        body: (program) => ({ affiliate_url: landing(program) }),
        wrong: { affiliate_url: 7, page_url: 7, additional_data: 'x', existing_click_id: {} },
      },
      {
        method: 'POST',
        path: () => '/api/v1/track/lead',
        open: true,
        body: (program) => ({ click_id: program.kept['click'] }),
        required: ['click_id'],
        wrong: { click_id: 7, customer_key: 7, email: 'nobody', additional_data: { test_mode: 'yes' } },
      },
      {
        method: 'POST',
        path: () => '/api/v1/track/sale',
        body: () => ({ transaction_id: 'txn_bad', customer_key: 'usr_abc123', amount_cents: 100 }),
        required: ['transaction_id', 'amount_cents', 'customer_key'],
        wrong: { customer_key: 7, sale_type: 'gift', subscription_interval: 'daily', subscription_id: 7 },
      },
      {
        method: 'POST',
        path: () => '/api/v1/track/refund',
        body: () => ({ transaction_id: 'txn_abc123' }),
        required: ['transaction_id'],
        wrong: { transaction_id: 7, refund_amount_cents: -1, refund_reason: 7 },
      },
    ],
    errors,
  ),
  {
    name: 'lead with a wrong key is refused, though it needs none',
    request: ({ kept }) => ({ key: 'wrong', path: '/api/v1/track/lead', body: { click_id: kept['click'] } }),
    ...says(401, 'Invalid API token'),
  },
];

describeConformance('Affitor', base, cases, {
  prepare: async (program) => {
    const { hub, programId, affiliateId } = program;
    const oldClick = newId('clk');
    const nothing = { offerId: null, linkId: null, sub1: null, sub2: null, sub3: null, sub4: null, sub5: null };
    const visitor = { utm: null, ip: null, userAgent: null, sourceUrl: null };
    const occurredAt = new Date(Date.now() - 75.5 * 86_400_000);
    await insertClicks(hub.db, [
      { id: oldClick, programId, livemode: true, affiliateId, occurredAt, ...nothing, ...visitor },
    ]);
    program.kept['oldClick'] = oldClick;
    const call = async (path: string, body: object) => {
      const headers = { authorization: `Bearer ${program.keys.live}`, 'content-type': 'application/json' };
      const response = await fetch(`${hub.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      assert.ok(response.ok, await response.text());
    };
    await call('/affiliates', {
      displayName: 'P',
      email: 'p@example.com',
      referralCode: 'paused-partner',
      status: 'paused',
    });
    // Known, and referred by nobody.
    await call('/events', { eventType: 'registration', customer_id: 'usr_unbound' });
  },
});
