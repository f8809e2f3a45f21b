import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpiringCache } from '../../src/db/expiring-cache.ts';

test('concurrent look-ups share one load, and later ones within the time to live need none', async () => {
  const cache = new ExpiringCache<number>({ ttlMs: 60_000, maxEntries: 10 });
  let loads = 0;
  const load = async () => (loads += 1);
  assert.deepEqual(await Promise.all([cache.get('a', load), cache.get('a', load)]), [1, 1]);
  assert.equal(await cache.get('a', load), 1);
});

test('an entry past its time is loaded again', async () => {
  const cache = new ExpiringCache<number>({ ttlMs: 0, maxEntries: 10 });
  let loads = 0;
  const load = async () => (loads += 1);
  await cache.get('a', load);
  assert.equal(await cache.get('a', load), 2);
});

test('what is forgotten during its load is not remembered', async () => {
  const cache = new ExpiringCache<string>({ ttlMs: 60_000, maxEntries: 10 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = cache.get('a', () => promise);
  cache.delete('a');
  resolve('old');
  assert.equal(await first, 'old');
  assert.equal(await cache.get('a', async () => 'new'), 'new');
});

test('a failed load is not remembered', async () => {
  const cache = new ExpiringCache<string>({ ttlMs: 60_000, maxEntries: 10 });
  await assert.rejects(cache.get('a', () => Promise.reject(new Error('away'))));
  assert.equal(await cache.get('a', async () => 'here'), 'here');
});

test('absent keys are remembered, and however many are tried push out no present one', async () => {
  const cache = new ExpiringCache<string>({ ttlMs: 60_000, maxEntries: 2 });
  await cache.get('real', async () => 'value');
  for (const guess of ['x', 'y', 'z']) assert.equal(await cache.get(guess, async () => null), null);
  let loads = 0;
  const load = async () => {
    loads += 1;
    return null;
  };
  assert.equal(await cache.get('real', load), 'value');
  await cache.get('z', load);
  assert.equal(loads, 0);
  await cache.get('x', load);
  assert.equal(loads, 1);
});

test('where it may serve stale values, a failed load gives the last known one to all who wait', async () => {
  const cache = new ExpiringCache<string>({ ttlMs: 0, maxEntries: 10, serveStale: true });
  await cache.get('a', async () => 'known');
  const fail = () => Promise.reject(new Error('away'));
  assert.deepEqual(await Promise.all([cache.get('a', fail), cache.get('a', fail)]), ['known', 'known']);
  await assert.rejects(cache.get('b', fail), /away/);
});

test('what may have changed is looked up again, also what was not there; where that fails the last known value stands', async () => {
  const cache = new ExpiringCache<string>({ ttlMs: 60_000, maxEntries: 10, serveStale: true });
  for (const key of ['a1', 'a2', 'b']) await cache.get(key, async () => key);
  await cache.get('none', async () => null);
  const { promise, resolve } = Promise.withResolvers<string>();
  const underWay = cache.get('slow', () => promise);
  cache.expireWhere((value) => value.startsWith('a'));
  resolve('old');
  assert.equal(await underWay, 'old');
  assert.equal(await cache.get('a1', async () => 'new'), 'new');
  assert.equal(await cache.get('a2', () => Promise.reject(new Error('away'))), 'a2');
  assert.equal(await cache.get('b', async () => 'new'), 'b');
  assert.equal(await cache.get('none', async () => 'made'), 'made');
  assert.equal(await cache.get('slow', async () => 'new'), 'new');
});
