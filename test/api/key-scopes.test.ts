import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { nativeRoutes } from '../../src/api/native.ts';
import { dialects } from '../../src/dialects/all.ts';
import { accessOf, keyScopes, scopeOfRoute, scopesOf, type KeyAccess } from '../../src/domain/key-scopes.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ApiClient } from './api-client.ts';
import { makeAffiliate, makeKey, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';
import { makeScopedKey } from './audited-calls.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram({ env: { TRUST_PROXY: 'loopback' } });
  await makeOffer(api.live);
});
after(() => api.stop());

const accesses: readonly KeyAccess[] = ['read', 'write', 'ingest'];
const withKey = (key: string) => new ApiClient(api.hub.url, key);
const madeBy = (client: ApiClient, body: object) => client.post('/api-keys', { name: 'made', mode: 'live', ...body });

describe('the scope of a route', () => {
  const routes = [
    ...nativeRoutes.filter(({ access }) => access !== 'admin'),
    ...dialects.flatMap(({ routes: all }) =>
      all
        .flatMap((route) => [route.path].flat().map((path) => ({ ...route, path })))
        .filter(({ auth }) => auth !== 'none'),
    ),
  ];

  test('every route has one', () => {
    assert.ok(routes.length > 80);
    const without = routes.filter((route) => scopeOfRoute(route) === null);
    assert.deepEqual(
      without.map(({ method, path }) => `${method} ${path}`),
      [],
      'name its resource in src/domain/key-scopes.ts',
    );
  });

  test('says of the named accesses what the route says itself', () => {
    for (const route of routes) {
      const scope = scopeOfRoute(route);
      const letIn = accesses.filter((access) => scope !== null && scopesOf(access).has(scope));
      const meant =
        route.access === 'write' ? ['write'] : accesses.filter((access) => ['write', route.access].includes(access));
      assert.deepEqual(letIn, meant, `${route.method} ${route.path}`);
    }
  });

  test('sets are named by what they are', () => {
    for (const access of accesses) assert.equal(accessOf(new Set(scopesOf(access))), access);
    assert.equal(accessOf(new Set(['affiliates:read'])), null);
    assert.equal(new Set(keyScopes).size, keyScopes.length);
  });
});

describe('a key with scopes', () => {
  test('does what they say, on every surface, and nothing else', async () => {
    const key = await makeScopedKey(api, ['affiliates:read', 'affiliates:write', 'conversions:write']);
    const client = withKey(key);
    const me = (await client.get('/me')).body;
    assert.equal(me.error.message, 'This API key lacks the scope program:read');
    assert.equal((await client.get('/affiliates')).status, 200);
    const { id } = await makeAffiliate(client);
    const refused = await client.get('/offers');
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'INSUFFICIENT_PERMISSIONS']);
    assert.equal(
      (await client.post(`/conversions/cnv_1/refunds`)).body.error.message,
      'This API key lacks the scope refunds:write',
    );
    // The drop-in surfaces.
    assert.equal((await client.get(`//attro/api/v1/affiliates/${id}`)).status, 200);
    assert.equal((await client.get('//attro/api/v1/offers')).status, 403);
    const paid = await client.call('PUT', '//refgrow/v1/commissions/com_1/status', { body: { status: 'paid' } });
    assert.equal(paid.status, 403);
    // Postbacks: conversions, and no funnel events.
    const { data: primary } = (await api.live.post('/sources', { kind: 'postback', response: 'ok' })).body;
    const funnel = { kind: 'postback', purpose: 'secondary', eventType: 'lead' };
    const { data: secondary } = (await api.live.post('/sources', funnel)).body;
    assert.equal((await api.anonymous.get(`//pb/${primary.id}?secure=${key}&sum=5&txid=1`)).status, 200);
    assert.equal((await api.anonymous.get(`//pb/${secondary.id}?secure=${key}&clickid=x`)).status, 403);
    const { data } = (await api.live.get('/api-keys?limit=1')).body;
    assert.deepEqual(
      [data[0].access, data[0].scopes],
      [null, ['affiliates:read', 'affiliates:write', 'conversions:write']],
    );
  });

  test('that name an access is a key with that access', async () => {
    const ingest = withKey(await makeScopedKey(api, ['events:write', 'conversions:write']));
    assert.equal(
      (await ingest.get('/affiliates')).body.error.message,
      'This API key may only send conversions, events and postbacks',
    );
    const { data } = (await api.live.get('/api-keys?limit=1')).body;
    assert.equal(data[0].access, 'ingest');
    const scoped = withKey(await makeScopedKey(api, ['program:read', 'stats:read']));
    assert.deepEqual((await scoped.get('/me')).body.data.scopes.toSorted(), ['program:read', 'stats:read']);
    assert.deepEqual(Object.keys((await api.reader.get('/me')).body.data), ['program', 'mode', 'access']);
  });

  test('who may not write sources sees what opens none', async () => {
    const { data } = (await api.live.post('/sources', { kind: 'postback' })).body;
    const reader = withKey(await makeScopedKey(api, ['sources:read']));
    const writer = withKey(await makeScopedKey(api, ['sources:read', 'sources:write']));
    assert.equal((await reader.get(`/sources/${data.id}`)).body.data.id, data.ref);
    assert.equal((await writer.get(`/sources/${data.id}`)).body.data.id, data.id);
  });

  test('is refused where both or none of access and scopes are given, or a scope is unknown', async () => {
    for (const body of [{}, { access: 'read', scopes: ['stats:read'] }, { scopes: [] }, { scopes: ['everything'] }]) {
      assert.equal((await madeBy(api.live, body)).status, 400, JSON.stringify(body));
    }
    await assert.rejects(
      runSql(api.hub.db, `update api_keys set scopes = array['stats:read'] where program_id = ?`, [api.programId]),
      /api_keys_scopes_or_access/,
    );
  });
});

describe('an end', () => {
  test('ends a key to the second, and what is over cannot be made', async () => {
    const expiresAt = new Date(Date.now() + 900).toISOString();
    const key = await makeKey(api.admin, api.programId, 'live', 'read', { expiresAt });
    const client = withKey(key);
    assert.equal((await client.get('/me')).status, 200);
    await wait(Date.parse(expiresAt) - Date.now() + 30);
    const answer = await client.get('/me');
    assert.deepEqual([answer.status, answer.body.error.code], [401, 'INVALID_API_KEY']);
    assert.equal((await client.get('//attro/api/v1/affiliates')).status, 401);
    const past = await madeBy(api.live, { access: 'read', expiresAt: '2020-01-01T00:00:00Z' });
    assert.deepEqual(past.body.error.details, { expiresAt: 'must be in the future' });
  });
});

describe('networks', () => {
  test('hold on every surface, by the address that TRUST_PROXY says', async () => {
    const key = await makeKey(api.admin, api.programId, 'live', 'write', { allowedCidrs: ['203.0.113.0/24', '::1'] });
    const from = (address: string) => ({ headers: { 'x-api-key': key, 'x-forwarded-for': address } });
    assert.equal((await api.anonymous.get('/me', from('203.0.113.9'))).status, 200);
    const refused = await api.anonymous.get('/me', from('198.51.100.7'));
    assert.equal(refused.status, 403);
    assert.match(refused.body.error.message, /may not be used from 198\.51\.100\.7/);
    const bearer = { headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': '198.51.100.7' } };
    assert.equal((await api.anonymous.get('//attro/api/v1/offers', bearer)).status, 403);
    const { data } = (await api.live.post('/sources', { kind: 'postback' })).body;
    assert.equal((await api.anonymous.get(`//pb/${data.id}?secure=${key}&sum=5`, from('198.51.100.7'))).status, 403);
  });
});

describe('a key made or changed by another', () => {
  test('never may more, for longer, from elsewhere', async () => {
    const expiresAt = '2099-01-01T00:00:00.000Z';
    const scopes = ['affiliates:read', 'api-keys:read', 'api-keys:write'];
    const maker = withKey(await makeScopedKey(api, scopes, { expiresAt, allowedCidrs: ['127.0.0.0/8'] }));
    const more = { scopes: ['affiliates:read', 'affiliates:write'] };
    assert.match((await madeBy(maker, more)).body.error.message, /lacks the scope affiliates:write/);
    assert.equal((await madeBy(maker, { access: 'read' })).status, 403);
    const within = { scopes: ['affiliates:read'] };
    assert.equal((await madeBy(maker, { ...within, expiresAt: '2100-01-01T00:00:00Z' })).status, 403);
    assert.equal((await madeBy(maker, { ...within, allowedCidrs: ['10.0.0.0/8'] })).status, 403);
    const made = (await madeBy(maker, within)).body.data;
    assert.deepEqual([made.expiresAt, made.allowedCidrs], [expiresAt, ['127.0.0.0/8']]);
    const narrower = await maker.patch(`/api-keys/${made.id}`, { allowedCidrs: ['127.0.0.1'], name: 'narrow' });
    assert.deepEqual([narrower.body.data.name, narrower.body.data.allowedCidrs], ['narrow', ['127.0.0.1']]);
    assert.equal((await maker.patch(`/api-keys/${made.id}`, { expiresAt: '2100-01-01T00:00:00Z' })).status, 403);
    // To have no bound is to have the maker's.
    assert.equal((await maker.patch(`/api-keys/${made.id}`, { expiresAt: null })).body.data.expiresAt, expiresAt);
    // Nor does it end or change what may more than itself.
    const strong = (await madeBy(api.live, { access: 'write' })).body.data;
    assert.equal((await maker.patch(`/api-keys/${strong.id}`, { name: 'x' })).status, 403);
    assert.equal((await maker.delete(`/api-keys/${strong.id}`)).status, 403);
    assert.equal((await maker.delete(`/api-keys/${made.id}`)).status, 204);
    assert.equal((await maker.delete(`/api-keys/${made.id}`)).status, 404);
  });

  test('counts at once where it was changed', async () => {
    const made = (await madeBy(api.live, { access: 'read' })).body.data;
    const client = withKey(made.key);
    assert.equal((await client.get('/me')).status, 200);
    await api.live.patch(`/api-keys/${made.id}`, { allowedCidrs: ['203.0.113.1'] });
    assert.equal((await client.get('/me')).status, 403);
    await api.live.patch(`/api-keys/${made.id}`, { allowedCidrs: [] });
    assert.equal((await client.get('/me')).status, 200);
  });
});

test('when a key was last used is told to the minute', async () => {
  const made = (await madeBy(api.live, { access: 'read' })).body.data;
  assert.equal(made.lastUsedAt, null);
  const started = Math.floor(Date.now() / 60_000) * 60_000;
  await withKey(made.key).get('/me');
  const used = await waitUntil('the use is written', async () => {
    const { data } = (await api.live.get('/api-keys?limit=1')).body;
    return data[0].lastUsedAt as string | null;
  });
  assert.match(used, /:00\.000Z$/);
  assert.ok(Date.parse(used) >= started);
});
