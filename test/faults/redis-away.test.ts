import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import { addClick, openLedger } from '../journeys/ledger.ts';
import { startHub } from '../support/hub.ts';
import { startTestRedis } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';

test('while Redis is away intake goes on, and when it is back all becomes its result, once', async () => {
  let redis = await startTestRedis();
  const port = Number(new URL(redis.url).port);
  const hub = await startHub({ backend: 'redis', env: { REDIS_URL: redis.url } });
  try {
    const ledger = await openLedger(hub.db);
    const clickId = await addClick(ledger, { at: new Date().toISOString() });
    const { plaintext: key } = await createKey(hub.db, ledger.programId, { name: 'k', mode: 'live', access: 'write' });
    const source = await createSource(hub.db, hub.deps.secrets, ledger.programId, {
      kind: 'postback',
      settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
      secrets: null,
    });
    const fire = async (txid: string): Promise<number> => {
      const started = performance.now();
      const answer = await fetch(
        `${hub.url}/pb/${source.id}?cid=${clickId}&txid=${txid}&sum=10.00&currency=USD&secure=${key}`,
      );
      assert.equal(await answer.text(), 'OK');
      return performance.now() - started;
    };
    await fire('before');
    await waitUntil('the first is settled', async () => (await ledger.orders()).length === 1);

    await redis.stop();
    const times: number[] = [];
    for (let n = 0; n < 30; n += 1) times.push(await fire(`away-${n}`));
    assert.ok(Math.max(...times) < 1_000, `an answer took ${Math.max(...times)} ms: intake waits for Redis`);
    assert.equal((await fetch(`${hub.url}/livez`)).status, 200);
    const ready = await waitUntil('/readyz tells of it', async () => {
      const answer = await fetch(`${hub.url}/readyz`);
      const { status } = (await answer.json()) as { status: string };
      return status === 'ok' ? null : { http: answer.status, status };
    });
    assert.deepEqual(ready, { http: 200, status: 'degraded' }, 'a load balancer leaves it in');

    redis = await startTestRedis(port);
    await waitUntil('all are settled', async () => (await ledger.orders()).length === 31, { timeoutMs: 60_000 });
    assert.deepEqual(await ledger.postings(), Array<number>(31).fill(200));
  } finally {
    await hub.stop();
    await redis.stop();
  }
});
