import assert from 'node:assert/strict';
import { z } from 'zod';
import { at, exactly, type ConformanceCase } from '../conformance.ts';
import { tracked, failure, post, get } from './shapes.ts';

export const testSessionCases: ConformanceCase[] = [
  {
    name: 'creates a test session',
    request: (program) => post('test-sessions', program, { offer_code: 'MYOFFER123' }),
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
    request: (program) => get(`/test-sessions/${program.kept['session']}`)(program),
    status: 200,
    body: exactly({
      success: true,
      data: { status: 'pending', validation: { signatureValid: false, fieldsValid: false } },
    }),
  },
  {
    name: 'takes a conversion with a test click',
    request: (program) => post('conversions', program, { click_id: program.kept['test-click'], txid: 'TEST-1' }),
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
    request: (program) => get(`/test-sessions/${program.kept['session']}`)(program),
    status: 200,
    body: exactly({
      success: true,
      data: { status: 'received', validation: { signatureValid: true, fieldsValid: true } },
    }),
  },
  {
    name: 'knows no session of another program',
    request: (program) => ({ path: `/api/v1/test-sessions/${program.kept['session']}`, key: 'other' }),
    status: 404,
    body: failure('NOT_FOUND'),
  },
];
