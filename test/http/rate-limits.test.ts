import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { networkOf } from '../../src/http/network-limits.ts';
import { testServices } from '../support/services.ts';
import { startTestRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ApiClient } from '../api/api-client.ts';
import { makeKey, openApiProgram, type ApiProgram } from '../api/api-program.ts';

/** Redis connects with the first request; until it has, a process counts for itself. */
async function waitForRedis(api: ApiProgram, url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    const { body } = await api.admin.get(`/programs/${api.programId}/api-keys`);
    const keyIds = (body.data as { id: string }[]).map(({ id }) => id);
    await waitUntil('requests are counted in Redis', async () => {
      await api.live.get('/me');
      const counters = await redis.keys('tributary:limit:*');
      return keyIds.some((id) => counters.some((counter) => counter.endsWith(id)));
    });
  } finally {
    redis.disconnect();
  }
}

for (const store of ['memory', 'redis'] as const) {
  describe(`counted in ${store}`, () => {
    let api: ApiProgram;
    const env = () => ({ RATE_LIMITS: 'on', REDIS_URL: store === 'redis' ? testServices().redisUrl : '' });
    before(async () => {
      api = await openApiProgram({ env: env() });
      if (store === 'redis') await waitForRedis(api, env().REDIS_URL);
    });
    after(() => api.stop());

    const client = async (rateLimits: object) =>
      new ApiClient(api.hub.url, await makeKey(api.admin, api.programId, 'live', 'write', { rateLimits }));

    test('every answer says where the key stands, errors too', async () => {
      const limited = await client({ reads: 5 });
      const first = await limited.get('/me');
      const second = await limited.get('/nothing');
      assert.deepEqual(
        [first, second].map(({ headers }) => headers.get('x-ratelimit-remaining')),
        ['4', '3'],
      );
      assert.equal(first.headers.get('x-ratelimit-limit'), '5');
      assert.equal(first.headers.get('ratelimit-policy'), '"reads";q=5;w=60');
      assert.match(first.headers.get('ratelimit') ?? '', /^"reads";r=4;t=\d+$/);
      const reset = Number(first.headers.get('x-ratelimit-reset')) - Date.now() / 1000;
      assert.ok(reset > 0 && reset <= 62, String(reset));
    });

    test('past the limit the answer is 429 and says when to come back; each kind has a limit of its own', async () => {
      const limited = await client({ reads: 2, writes: 1, conversions: 1 });
      const statuses = [];
      for (let index = 0; index < 3; index += 1) statuses.push((await limited.get('/me')).status);
      assert.deepEqual(statuses, [200, 200, 429]);
      const answer = await limited.get('/me');
      assert.equal(answer.body.error.code, 'RATE_LIMITED');
      const retryAfter = Number(answer.headers.get('retry-after'));
      assert.ok(retryAfter > 0 && retryAfter <= 60);
      assert.equal(answer.headers.get('x-ratelimit-remaining'), '0');
      assert.equal((await limited.post('/offers', {})).status, 400);
      assert.equal((await limited.post('/offers', {})).status, 429);
      assert.equal((await limited.post('/conversions', {})).status, 400);
      assert.equal((await limited.post('/conversions', {})).status, 429);
    });

    test('defaults are 600 reads, 300 writes, 60 000 conversions', async () => {
      const usual = await client({});
      const limitOf = async (method: string, path: string) =>
        (await usual.call(method, path, method === 'GET' ? {} : { body: {} })).headers.get('x-ratelimit-limit');
      assert.equal(await limitOf('GET', '/me'), '600');
      assert.equal(await limitOf('POST', '/offers'), '300');
      for (const path of ['/conversions', '/events', '/clicks']) assert.equal(await limitOf('POST', path), '60000');
    });

    test('postbacks count against their key', async () => {
      const limited = await makeKey(api.admin, api.programId, 'live', 'write', { rateLimits: { conversions: 1 } });
      const source = (await api.live.post('/sources', { kind: 'postback' })).body.data;
      const fire = () => api.anonymous.get(`//pb/${source.id}?secure=${limited}`);
      assert.equal((await fire()).status, 400);
      const answer = await fire();
      assert.equal(answer.status, 429);
      assert.ok(answer.headers.get('retry-after'));
    });
  });
}

test('two processes on one Redis share the limits, and count for themselves while it is away', async () => {
  const redis = await startTestRedis();
  const env = { RATE_LIMITS: 'on', REDIS_URL: redis.url };
  const one = await openApiProgram({ env });
  const two = await openApiProgram({ env: { ...env, DATABASE_URL: one.hub.databaseUrl } });
  let stopped = false;
  try {
    await waitForRedis(one, redis.url);
    await waitForRedis(two, redis.url);
    const key = await makeKey(one.admin, one.programId, 'live', 'read', { rateLimits: { reads: 3 } });
    const clients = [new ApiClient(one.hub.url, key), new ApiClient(two.hub.url, key)];
    const statuses = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await clients[index % 2]!.get('/me')).status);
    assert.deepEqual(statuses, [200, 200, 200, 429]);
    await redis.stop();
    stopped = true;
    assert.equal((await clients[0]!.get('/me')).status, 200);
  } finally {
    await two.stop();
    await one.stop();
    if (!stopped) await redis.stop();
  }
});

test('an address that sends too many wrong keys is told to wait, and its right ones go on working', async () => {
  const api = await openApiProgram({ env: { RATE_LIMITS: 'on' } });
  try {
    const statuses = new Map<number, number>();
    let limited = null;
    for (let index = 0; index < 120; index += 1) {
      const answer = await new ApiClient(api.hub.url, `sk_live_wrong${index % 3}`).get('/me');
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 429) limited = answer;
    }
    assert.deepEqual(
      [...statuses],
      [
        [401, 100],
        [429, 20],
      ],
    );
    assert.ok(Number(limited?.headers.get('retry-after')) > 0);
    assert.equal((await api.live.get('/me')).status, 200);
    const none = await api.anonymous.get('/me');
    assert.deepEqual(
      [none.status, none.headers.get('x-ratelimit-limit')],
      [429, '100'],
      'no key counts like a wrong one',
    );
  } finally {
    await api.stop();
  }
});

test('RATE_LIMITS=off switches every limit off', async () => {
  const api = await openApiProgram();
  try {
    const key = await makeKey(api.admin, api.programId, 'live', 'read', { rateLimits: { reads: 1 } });
    const client = new ApiClient(api.hub.url, key);
    for (let index = 0; index < 3; index += 1) assert.equal((await client.get('/me')).status, 200);
  } finally {
    await api.stop();
  }
});

test('an IPv6 network is one address', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::1'));
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
  assert.equal(networkOf('::ffff:10.0.0.1'), '10.0.0.1');
});
