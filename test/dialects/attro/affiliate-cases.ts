import assert from 'node:assert/strict';
import { at, exactly, like, send, type ConformanceCase } from '../conformance.ts';
import { date, affiliateExample, affiliates, newAffiliate, wholeAffiliate } from './shapes.ts';

/** Affiliates; they keep ids for the cases that follow. */
export const affiliateCases: ConformanceCase[] = [
  {
    name: 'creates an affiliate by the example of the page',
    request: () => ({ path: '/affiliates', body: newAffiliate }),
    status: 201,
    body: like(
      {
        data: {
          ...affiliateExample,
          website: 'https://acme.com',
          paymentEmail: 'pay@acme.example',
          commissionOverride: null,
        },
      },
      { createdAt: date },
    ),
    check: (answer, { kept }) => {
      kept['affiliate'] = String(at(answer, 'data.id'));
      assert.equal(at(answer, 'data.status'), 'active');
    },
  },
  {
    name: 'lists affiliates, newest first, with total and offset',
    request: () => ({ path: '/affiliates' }),
    status: 200,
    body: affiliates,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.0.id'), kept['affiliate']);
      assert.deepEqual(at(answer, 'pagination'), { total: 2, limit: 20, offset: 0, hasMore: false });
    },
  },
  {
    name: 'lists affiliates by status and type, with a limit',
    request: () => ({ path: '/affiliates?status=active&type=external&limit=50', key: 'read' }),
    status: 200,
    body: affiliates,
    check: (answer) => assert.deepEqual(at(answer, 'pagination'), { total: 2, limit: 50, offset: 0, hasMore: false }),
  },
  {
    name: 'skips by offset and says whether more follow',
    request: () => ({ path: '/affiliates?limit=1&offset=0' }),
    status: 200,
    body: affiliates,
    check: (answer) => assert.deepEqual(at(answer, 'pagination'), { total: 2, limit: 1, offset: 0, hasMore: true }),
  },
  {
    name: 'gives the last page by its offset',
    request: () => ({ path: '/affiliates?limit=1&offset=1' }),
    status: 200,
    body: affiliates,
    check: (answer, program) => {
      assert.equal(at(answer, 'data.0.id'), program.affiliateId);
      assert.equal(at(answer, 'pagination.hasMore'), false);
    },
  },
  {
    name: 'calls paused and banned affiliates inactive',
    request: () => ({ path: '/affiliates?status=inactive' }),
    status: 200,
    body: affiliates,
    check: async (answer, program) => {
      assert.deepEqual(at(answer, 'data'), []);
      const ids = [];
      for (const status of ['paused', 'banned']) {
        const response = await fetch(`${program.hub.url}/api/v1/affiliates`, {
          method: 'POST',
          headers: { authorization: `Bearer ${program.keys.live}`, 'content-type': 'application/json' },
          body: JSON.stringify({ displayName: status, email: `${status}@example.com`, status }),
        });
        ids.push(((await response.json()) as { data: { id: string } }).data.id);
      }
      program.kept['inactive'] = ids.reverse().join(' ');
    },
  },
  {
    name: 'lists inactive affiliates',
    request: () => ({ path: '/affiliates?status=inactive' }),
    status: 200,
    body: affiliates,
    check: (answer, { kept }) => {
      const rows = at(answer, 'data') as { id: string; status: string }[];
      assert.deepEqual(
        rows.map(({ id, status }) => [id, status]),
        kept['inactive']?.split(' ').map((id) => [id, 'inactive']),
      );
    },
  },
  {
    name: 'takes a commission override as a percentage',
    request: () => ({ path: '/affiliates', body: { ...newAffiliate, commissionOverride: 32.5 } }),
    status: 201,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.commissionOverride'), 32.5);
      kept['own-rate'] = String(at(answer, 'data.id'));
    },
  },
  {
    name: 'takes a commission override as a fixed amount',
    request: () => ({
      path: '/affiliates',
      body: { ...newAffiliate, commissionOverride: { type: 'fixed', value: 12.34 } },
    }),
    status: 201,
    check: (answer) => assert.deepEqual(at(answer, 'data.commissionOverride'), { type: 'fixed', value: 12.34 }),
  },
  {
    name: 'gets an affiliate with what the list leaves out',
    request: ({ kept }) => ({ path: `/affiliates/${kept['affiliate']}`, key: 'read' }),
    status: 200,
    body: wholeAffiliate,
    check: (answer, { kept }) => assert.equal(at(answer, 'data.id'), kept['affiliate']),
  },
  {
    name: 'updates what is given of an affiliate, and nothing else',
    request: ({ kept }) => ({
      method: 'PATCH',
      path: `/affiliates/${kept['affiliate']}`,
      body: { displayName: 'John A. Smith', companyName: null, paymentEmail: 'new@acme.example' },
    }),
    status: 200,
    body: wholeAffiliate,
    check: async (answer, program) => {
      const told = ['displayName', 'companyName', 'paymentEmail', 'website', 'email', 'type', 'status'];
      assert.deepEqual(
        told.map((name) => at(answer, `data.${name}`)),
        ['John A. Smith', null, 'new@acme.example', 'https://acme.com', 'john@acme.example', 'external', 'active'],
      );
      const path = `/affiliates/${program.kept['affiliate']}`;
      assert.deepEqual((await send(program, '/attro/api/v1', { path })).json, answer.json);
      const messages = await program.hub.db('messages').where('type', 'affiliate.updated').select('type');
      assert.equal(messages.length, 1);
    },
  },
  ...(
    [
      [{ commissionOverride: { type: 'fixed', value: 7.5 } }, 'commissionOverride', { type: 'fixed', value: 7.5 }],
      [{ commissionOverride: 12.5 }, 'commissionOverride', 12.5],
      [{ type: 'internal' }, 'commissionOverride', 12.5],
      [{ commissionOverride: null }, 'commissionOverride', null],
      [{ status: 'inactive' }, 'status', 'inactive'],
      [{ status: 'active' }, 'status', 'active'],
      [{}, 'type', 'internal'],
    ] as const
  ).map(([body, field, value]): ConformanceCase => ({
    name: `updates an affiliate by ${JSON.stringify(body)}`,
    request: ({ kept }) => ({ method: 'PATCH', path: `/affiliates/${kept['affiliate']}`, body }),
    status: 200,
    check: (answer) => assert.deepEqual(at(answer, `data.${field}`), value),
  })),
  {
    name: 'leaves a banned affiliate banned when it is made inactive',
    request: ({ kept }) => ({
      method: 'PATCH',
      path: `/affiliates/${kept['inactive']?.split(' ')[0]}`,
      body: { status: 'inactive' },
    }),
    status: 200,
    check: async (answer, { hub }) => {
      const rows = await hub
        .db('affiliates')
        .where({ id: at(answer, 'data.id') })
        .select('status');
      assert.deepEqual(rows, [{ status: 'banned' }]);
    },
  },
  {
    name: 'takes fields that a form left empty for none',
    request: () => ({
      path: '/affiliates',
      body: {
        displayName: 'Form',
        email: 'form@example.com',
        type: 'external',
        companyName: '',
        website: '',
        paymentEmail: ' ',
      },
    }),
    status: 201,
    body: wholeAffiliate,
    check: (answer) => {
      const told = ['companyName', 'website', 'paymentEmail'].map((name) => at(answer, `data.${name}`));
      assert.deepEqual(told, [null, null, null]);
    },
  },
  {
    name: 'lets no test key change a live affiliate',
    request: ({ affiliateId }) => ({
      method: 'PATCH',
      key: 'test',
      path: `/affiliates/${affiliateId}`,
      body: { displayName: 'X' },
    }),
    status: 403,
  },
  {
    name: 'tells every mistake of a body in its details',
    request: () => ({ path: '/affiliates', body: { email: 'nobody', type: 'friend' } }),
    status: 400,
    body: exactly({
      error: {
        code: 'VALIDATION_ERROR',
        message: 'Invalid request body',
        details: { displayName: 'Required', email: 'Invalid email format', type: 'Must be one of external, internal' },
      },
    }),
  },
  {
    name: 'ignores fields that it does not know',
    request: () => ({ path: '/affiliates', body: { ...newAffiliate, tags: ['vip'] } }),
    status: 201,
  },
];
