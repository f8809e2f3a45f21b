import assert from 'node:assert/strict';
import { at, exactly, like, type ConformanceCase } from '../conformance.ts';
import { base, conversionExample, conversions, get } from './shapes.ts';

/** Conversions that are read, after all that report some. */
export const conversionCases: ConformanceCase[] = [
  {
    name: 'lists conversions, newest first, as the page shows them',
    request: get('/conversions'),
    status: 200,
    body: conversions,
    check: (answer, { kept }) => {
      const rows = at(answer, 'data') as { id: string }[];
      // 1 example, 1 with secure, 4 by aliases, 1 with more, 2 by postbacks; what is not tracked is not listed.
      assert.equal(rows.length, 9);
      assert.equal(rows.at(-1)?.id, kept['conversion']);
    },
  },
  {
    name: 'gets one conversion',
    request: (program) => get(`/conversions/${program.kept['conversion']}`)(program),
    status: 200,
    body: like({ success: true, data: conversionExample }),
    check: (answer, { kept }) => {
      const { createdAt, ...conversion } = at(answer, 'data') as Record<string, unknown>;
      assert.ok(Math.abs(Date.now() - Number(createdAt)) < 60_000);
      const { createdAt: _, ...example } = conversionExample;
      assert.deepEqual(conversion, { ...example, id: kept['conversion'], status: 'pending' });
    },
  },
  {
    name: 'pages through conversions by cursor, without gap or repeat',
    request: get('/conversions?limit=4'),
    status: 200,
    body: conversions,
    check: async (answer, program) => {
      let body = answer.json as { data: { id: string }[]; meta: { pagination: { nextCursor: string | null } } };
      const ids = body.data.map(({ id }) => id);
      while (body.meta.pagination.nextCursor !== null) {
        const url = `${program.hub.url}${base}/api/v1/conversions?limit=4&cursor=${body.meta.pagination.nextCursor}`;
        body = (await (await fetch(url, { headers: { 'x-api-key': program.keys.live } })).json()) as typeof body;
        ids.push(...body.data.map(({ id }) => id));
      }
      assert.equal(new Set(ids).size, 9);
      assert.equal(ids.length, 9);
      assert.deepEqual(ids, [...ids].sort().reverse());
    },
  },
  {
    name: 'lists conversions of one offer and status',
    request: get('/conversions?offer_code=MYOFFER123&status=pending&limit=500'),
    status: 200,
    body: conversions,
    check: (answer) => {
      const rows = at(answer, 'data') as { offerCode: string }[];
      assert.equal(rows.length, 3);
      assert.ok(rows.every(({ offerCode }) => offerCode === 'MYOFFER123'));
    },
  },
  {
    name: 'lists no conversions of a time before them',
    request: get(`/conversions?start_date=0&end_date=${Date.now() - 3_600_000}`),
    status: 200,
    body: exactly({ success: true, data: [], meta: { pagination: { hasMore: false, nextCursor: null } } }),
  },
  {
    name: 'lists conversions since a time in milliseconds',
    request: (program) => get(`/conversions?start_date=${Date.now() - 3_600_000}`)(program),
    status: 200,
    check: (answer) => assert.equal((at(answer, 'data') as unknown[]).length, 9),
  },
];
