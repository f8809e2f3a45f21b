import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, exactly, type ConformanceCase } from '../conformance.ts';
import { tracked, failure, post, get } from './shapes.ts';

export const testSessionCases: ConformanceCase[] = [
  {
    name: 'creates a test session',
    request: (world) => post('test-sessions', world, { offer_code: 'MYOFFER123' }),
    status: 200,
    body: z.strictObject({
      success: z.literal(true),
      data: z.strictObject({
        testClickId: z.string().startsWith('test_'),
        sessionToken: z.string(),
        expiresAt: z.int().gt(Date.now()),
      }),
    }),
    check: (answer, { kept }) => {
      kept['session'] = String(at(answer, 'data.sessionToken'));
      kept['test-click'] = String(at(answer, 'data.testClickId'));
    },
  },
  {
    name: 'says that nothing came with the test click yet',
    request: (world) => get(`/test-sessions/${world.kept['session']}`)(world),
    status: 200,
    body: exactly({
      success: true,
      data: { status: 'pending', validation: { signatureValid: false, fieldsValid: false } },
    }),
  },
  {
    name: 'takes a conversion with a test click',
    request: (world) => post('conversions', world, { click_id: world.kept['test-click'], txid: 'TEST-1' }),
    status: 200,
    body: tracked,
    check: async (answer, { hub }) => {
      const [row] = await hub
        .db('orders')
        .where({ id: at(answer, 'data.conversionId') })
        .select('livemode');
      assert.equal(row.livemode, false);
    },
  },
  {
    name: 'shows what the test conversion was worth',
    request: (world) => get(`/test-sessions/${world.kept['session']}`)(world),
    status: 200,
    body: exactly({
      success: true,
      data: { status: 'received', validation: { signatureValid: true, fieldsValid: true } },
    }),
  },
  {
    name: 'knows no session of another program',
    request: (world) => ({ path: `/api/v1/test-sessions/${world.kept['session']}`, key: 'other' }),
    status: 404,
    body: failure('NOT_FOUND'),
  },
];
