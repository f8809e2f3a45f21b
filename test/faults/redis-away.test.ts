import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ledger } from '../journeys/ledger.ts';
import { addTracker } from '../journeys/tracker.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { startTestRedis } from '../support/redis.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Sends a postback as a tracker does; gives the milliseconds that the answer took. */
type Fire = (txid: string) => Promise<number>;

async function openSource(hub: TestHub): Promise<{ ledger: Ledger; fire: Fire }> {
  const { ledger, pathOf } = await addTracker(hub);
  const fire: Fire = async (txid) => {
    const started = performance.now();
    assert.equal(await (await fetch(`${hub.url}${pathOf(txid)}`)).text(), 'OK');
    return performance.now() - started;
  };
  return { ledger, fire };
}

/** As ten seconds do for what nobody was told of. */
async function makeOverdue(hub: TestHub): Promise<void> {
  await runSql(hub.db, `update inbox_events set next_enqueue_at = now() where status = 'received'`);
  await runSql(hub.db, `update inbox_watches set due_at = now()`);
}

test('while Redis is away intake and settling go on without it, and when it is back it is used again', async () => {
  let redis = await startTestRedis();
  const port = Number(new URL(redis.url).port);
  const hub = await startHub({ backend: 'redis', env: { REDIS_URL: redis.url } });
  try {
    const { ledger, fire } = await openSource(hub);
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
    assert.equal(hub.deps.queues.state().ok, false);
    await makeOverdue(hub);
    await waitUntil('all are settled without Redis', async () => (await ledger.orders()).length === 31);
    assert.deepEqual(await ledger.postings(), Array<number>(31).fill(200));

    redis = await startTestRedis(port);
    await waitUntil('the queue takes jobs again', async () => hub.deps.queues.state().ok);
  } finally {
    await hub.stop();
    await redis.stop();
  }
});

test('while Redis hangs, and nobody can be told by NOTIFY, the worker settles what is overdue by itself', async () => {
  const redis = await startTestRedis();
  const env = { REDIS_URL: redis.url, DATABASE_POOLER: 'transaction', RATE_LIMITS: 'on' };
  const hub = await startHub({ backend: 'redis', env });
  try {
    const { ledger, fire } = await openSource(hub);
    await fire('before');
    await waitUntil('the first is settled', async () => (await ledger.orders()).length === 1);

    process.kill(redis.pid, 'SIGSTOP');
    const first = await fire('hangs');
    const others: number[] = [];
    for (let n = 0; n < 32; n += 1) others.push(await fire(`hangs-on-${n}`));
    assert.ok(first < 1_000, `the first answer took ${first} ms`);
    const usual = others.toSorted((a, b) => a - b)[others.length / 2] ?? 0;
    assert.ok(usual < 200, `others took ${usual} ms, though Redis was known to hang`);
    assert.equal((await ledger.orders()).length, 1);
    await makeOverdue(hub);
    await waitUntil('all are settled without Redis', async () => (await ledger.orders()).length === 34);

    process.kill(redis.pid, 'SIGCONT');
    await waitUntil('the queue takes jobs again', async () => hub.deps.queues.state().ok);
    await fire('after');
    await waitUntil('what came after is settled by a job', async () => (await ledger.orders()).length === 35);
  } finally {
    process.kill(redis.pid, 'SIGCONT');
    await hub.stop();
    await redis.stop();
  }
});
