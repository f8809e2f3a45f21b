import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nativeRoutes } from '../../src/api/native.ts';
import type { Route } from '../../src/api/route.ts';
import type { ApiClient } from './api-client.ts';
import { makeKey, openApiProgram, type ApiProgram } from './api-program.ts';

/** What every route does alike, asked of every route: a new one is covered by being in the list. */

let api: ApiProgram;
let adminReader: ApiClient;

before(async () => {
  api = await openApiProgram();
  adminReader = api.reader;
});
after(() => api.stop());

const takesBody = (route: Route) => route.method === 'post' || route.method === 'patch';
const withId = nativeRoutes.filter(({ path }) => path.includes(':'));
const senders = ['/conversions', '/events'];
const unknownId = '01a1f8c4d18770008000000000000000';

/** The path with ids that nothing has. */
function pathOf(route: Route, id = unknownId): string {
  return route.path.replaceAll(/:\w+/g, id);
}

function callerOf(route: Route): ApiClient {
  return route.access === 'admin' ? api.admin : api.live;
}

function ask(
  client: ApiClient,
  route: Route,
  options: { path?: string; body?: unknown; headers?: Record<string, string> },
) {
  return client.call(route.method.toUpperCase(), options.path ?? pathOf(route), options);
}

for (const route of nativeRoutes) {
  describe(`${route.method.toUpperCase()} ${route.path}`, () => {
    test('asks for a key, and tells none from a wrong one', async () => {
      const none = await ask(api.anonymous, route, {});
      assert.deepEqual([none.status, none.body.error.code], [401, 'UNAUTHORIZED']);
      assert.equal(none.headers.get('www-authenticate'), 'Bearer');
      const wrong = await ask(api.anonymous, route, { headers: { 'x-api-key': 'sk_live_wrong' } });
      assert.deepEqual([wrong.status, wrong.body.error.code], [401, 'INVALID_API_KEY']);
    });

    test('lets in only whom it is for', async () => {
      const outsiders = {
        admin: [api.live, api.reader, api.ingest],
        write: [api.reader, api.ingest, api.admin],
        ingest: [api.reader, api.admin],
        read: [api.ingest, api.admin],
      };
      for (const client of outsiders[route.access]) {
        const answer = await ask(client, route, {});
        assert.deepEqual([answer.status, answer.body.error.code], [403, 'INSUFFICIENT_PERMISSIONS']);
      }
    });

    test('refuses query parameters that it does not know, or knows once only', async () => {
      const body = takesBody(route) ? {} : undefined;
      const unknown = await ask(callerOf(route), route, { path: `${pathOf(route)}?nonsense=1`, body });
      assert.equal(unknown.status, 400);
      assert.ok('nonsense' in unknown.body.error.details);
      const twice = await ask(callerOf(route), route, { path: `${pathOf(route)}?limit=5&limit=6`, body });
      assert.deepEqual([twice.status, Object.keys(twice.body.error.details)], [400, ['limit']]);
      const nul = await ask(callerOf(route), route, { path: `${pathOf(route)}?cursor=%00`, body });
      assert.equal(nul.status, 400);
    });

    if (takesBody(route)) {
      test('refuses bodies that are no JSON object', async () => {
        const client = callerOf(route);
        const broken = await ask(client, route, { body: '{"name":' });
        assert.deepEqual([broken.status, broken.body.error.code], [400, 'VALIDATION_ERROR']);
        const form = await ask(client, route, {
          body: 'name=x',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        assert.deepEqual([form.status, form.body.error.code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
        const packed = await ask(client, route, { body: '{}', headers: { 'content-encoding': 'gzip' } });
        assert.deepEqual([packed.status, packed.body.error.code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
        const large = await ask(client, route, { body: JSON.stringify({ name: 'x'.repeat(1024 * 1024) }) });
        assert.deepEqual([large.status, large.body.error.code], [413, 'PAYLOAD_TOO_LARGE']);
        for (const body of [[], 'null', '"text"', '7']) {
          const answer = await ask(client, route, { body: typeof body === 'string' ? body : JSON.stringify(body) });
          assert.ok(answer.status === 400 || (route.body === undefined && answer.status < 500), answer.text);
        }
      });

      test('refuses NUL and broken Unicode in any text', async () => {
        for (const body of ['{"a":"\\u0000"}', '{"a":{"b":["\\ud800"]}}', '{"\\u0000":1}']) {
          const answer = await ask(callerOf(route), route, { body });
          assert.deepEqual([answer.status, answer.body.error.code], [400, 'VALIDATION_ERROR']);
        }
      });

      if (senders.includes(route.path)) return;
      test('names the fields that it does not know', async () => {
        // What a source may have depends on its kind.
        const kind = route.path === '/sources' ? { kind: 'stripe', signingSecrets: ['x'] } : {};
        const answer = await ask(callerOf(route), route, { body: { ...kind, nonsense: 1 } });
        assert.equal(answer.status, 400);
        assert.equal(answer.body.error.details.nonsense, 'is not a known field');
      });
    }
  });
}

for (const route of withId) {
  const isIdempotent = route.method === 'delete' && route.path.startsWith('/hooks');
  test(`${route.method.toUpperCase()} ${route.path}: a malformed id is as unknown as any other`, async () => {
    for (const id of [unknownId, 'a%00b', '%zz', 'x'.repeat(300), "'; drop table x", '%F0%9F%98%80', '..%2f..']) {
      const body = takesBody(route) ? plausibleBody(route) : undefined;
      const answer = await ask(callerOf(route), route, { path: pathOf(route, id), body });
      const isFine = isIdempotent ? [204, 404] : [404];
      assert.ok(isFine.includes(answer.status), `${id}: ${answer.status} ${answer.text}`);
    }
  });
}

/** A body that gets past the checks, so that the id is looked up. */
function plausibleBody(route: Route): unknown {
  const bodies: Record<string, unknown> = {
    '/programs/:id/api-keys': { name: 'x', mode: 'live', access: 'read' },
    '/commissions/:id': { status: 'approved' },
    '/payouts/:id': { status: 'paid' },
    '/payouts/batches/:id': { status: 'paid' },
    '/conversions/:id/corrections': { affiliateId: 'ann', reason: 'x' },
    '/customers/:id/binding': { affiliateId: 'ann', reason: 'x' },
    '/webhook-endpoints/:id/recover': { since: '2026-01-01T00:00:00Z' },
    '/webhook-endpoints/:id/replay-missing': { since: '2026-01-01T00:00:00Z' },
    '/messages/:id/resend': { endpointId: 'whe_1' },
  };
  return bodies[route.path] ?? (route.body ? {} : undefined);
}

test('what is not there is told to callers with a key only', async () => {
  assert.equal((await api.anonymous.get('/nothing')).status, 401);
  assert.equal((await api.live.get('/nothing')).status, 404);
  const put = await api.live.call('PUT', '/affiliates');
  assert.deepEqual([put.status, put.body.error.code], [405, 'METHOD_NOT_ALLOWED']);
  assert.equal(put.headers.get('allow'), 'GET, HEAD, POST');
  const fixed = await api.live.call('DELETE', `/webhook-endpoints/${unknownId}/test`);
  assert.deepEqual([fixed.status, fixed.headers.get('allow')], [405, 'POST']);
  assert.equal((await api.anonymous.call('PUT', '/affiliates')).status, 401);
});

test('a key of either header is the same', async () => {
  const answer = await api.anonymous.get('/me', { headers: { 'x-api-key': api.liveKey } });
  assert.equal(answer.body.data.program.id, api.programId);
  assert.equal((await adminReader.get('/me')).body.data.access, 'read');
});

test('a revoked key is wrong at once in the process that revoked it', async () => {
  const key = await makeKey(api.admin, api.programId, 'live', 'read');
  const headers = { 'x-api-key': key };
  assert.equal((await api.anonymous.get('/me', { headers })).status, 200);
  const { body } = await api.admin.get(`/programs/${api.programId}/api-keys`);
  await api.admin.delete(`/programs/${api.programId}/api-keys/${body.data[0].id}`);
  assert.equal((await api.anonymous.get('/me', { headers })).status, 401);
});
