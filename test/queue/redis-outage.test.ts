import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startTestRedis, startTestSentinel, type TestRedis } from '../support/redis.ts';
import { connectRedisUsers, sendCommand, type RedisUsers } from '../support/redis-users.ts';
import { openTcpDoor } from '../support/tcp-door.ts';
import { waitUntil } from '../support/wait-until.ts';

const policy = { name: 'reads', limit: 1_000, windowS: 60 };

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

describe('one Redis', () => {
  let redis: TestRedis;
  let users: RedisUsers;
  before(async () => {
    redis = await startTestRedis();
    users = connectRedisUsers({ redisUrl: redis.url });
    await users.passes('at first');
    await waitUntil('counted in Redis', async () => {
      await users.rateLimits.count(policy, 'warm');
      return Number(await sendCommand(redis, 'EXISTS', 'tributary:limit:reads:warm')) === 1;
    });
  });
  after(async () => {
    await users.close();
    await redis.stop();
  });

  test('while it hangs the first calls are given up after 250 ms, and no other waits', async () => {
    process.kill(redis.pid, 'SIGSTOP');
    try {
      const [enqueued, counted] = await Promise.all([
        timed(async () => assert.equal(await users.queues.enqueue('delivery', [{ deliveryIds: ['dlv_x'] }]), false)),
        timed(async () => assert.equal((await users.rateLimits.count(policy, 'k'))?.allowed, true)),
      ]);
      assert.ok(Math.max(enqueued, counted) < 800, `${enqueued} and ${counted} ms`);
      assert.equal(users.queues.state().ok, false);
      const next = await timed(async () => {
        for (let n = 0; n < 100; n += 1) {
          await users.queues.enqueue('delivery', [{ deliveryIds: ['dlv_y'] }]);
          await users.rateLimits.count(policy, 'k');
        }
      });
      assert.ok(next < 500, `100 more took ${next} ms`);
      const asked = await timed(() => assert.rejects(users.queues.ping()));
      assert.ok(asked < 1_500, `a ping took ${asked} ms`);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    await users.passes('after it hung');
    assert.deepEqual(users.queues.state(), { ok: true, since: null, error: null });
  });

  test('a process stops soon while it hangs', async () => {
    const others = connectRedisUsers({ redisUrl: redis.url });
    await others.passes('at first');
    process.kill(redis.pid, 'SIGSTOP');
    const stopping = await timed(() => others.close());
    process.kill(redis.pid, 'SIGCONT');
    assert.ok(stopping < 3_000, `stopping took ${stopping} ms`);
  });

  test('while it is full jobs are not taken, and their workers do not ask without pause', async () => {
    await sendCommand(redis, 'CONFIG', 'SET', 'maxmemory', '1');
    assert.equal(await users.queues.enqueue('delivery', [{ deliveryIds: ['dlv_full'] }]), false);
    assert.match(users.queues.state().error ?? '', /OOM/);
    assert.equal((await users.rateLimits.count(policy, 'k'))?.allowed, true);
    const before = Number(
      /total_commands_processed:(\d+)/.exec(String(await sendCommand(redis, 'INFO', 'stats')))?.[1],
    );
    await wait(1_000);
    const after = Number(/total_commands_processed:(\d+)/.exec(String(await sendCommand(redis, 'INFO', 'stats')))?.[1]);
    assert.ok(after - before < 100, `${after - before} commands in a second`);
    await sendCommand(redis, 'CONFIG', 'SET', 'maxmemory', '0');
    await users.passes('after it was full');
  });

  test('emptied, and without the scripts that it knew, it is used on', async () => {
    await sendCommand(redis, 'FLUSHALL');
    await sendCommand(redis, 'SCRIPT', 'FLUSH');
    await users.passes('after it was emptied');
  });
});

test('when the address leads to a new primary, connections that stay on the old one are given up', async () => {
  const [one, two] = await Promise.all([startTestRedis(), startTestRedis()]);
  const port = (redis: TestRedis): string => new URL(redis.url).port;
  const door = await openTcpDoor(Number(port(one)));
  const users = connectRedisUsers({ redisUrl: `redis://127.0.0.1:${door.port}` });
  try {
    await users.passes('at first');
    door.leadTo(Number(port(two)));
    await sendCommand(one, 'REPLICAOF', '127.0.0.1', port(two));
    const failover = await users.passes('after the failover');
    assert.ok(failover < 5_000, `${failover} ms`);

    await sendCommand(one, 'REPLICAOF', 'NO', 'ONE');
    door.leadTo(Number(port(one)));
    door.silence();
    const lost = await users.passes('after the host was lost', 12_000);
    assert.ok(lost < 8_000, `${lost} ms`);
  } finally {
    await users.close();
    await door.close();
    await Promise.all([one.stop(), two.stop()]);
  }
});

test('behind a Sentinel the primary is followed', async () => {
  const one = await startTestRedis();
  const two = await startTestRedis(undefined, { flags: ['--replicaof', '127.0.0.1', new URL(one.url).port] });
  const sentinel = await startTestSentinel(Number(new URL(one.url).port), 'jobs');
  const users = connectRedisUsers({ redisSentinels: [new URL(sentinel.url).host], redisSentinelName: 'jobs' });
  let stopped = false;
  try {
    await users.passes('at first');
    await waitUntil('the Sentinel knows the replica', async () =>
      JSON.stringify(await sendCommand(sentinel, 'SENTINEL', 'REPLICAS', 'jobs')).includes('"master-link-status","ok"'),
    );
    process.kill(one.pid, 'SIGKILL');
    stopped = true;
    const failover = await users.passes('after the primary died', 15_000);
    assert.ok(failover < 10_000, `${failover} ms`);
  } finally {
    await users.close();
    await sentinel.stop();
    await Promise.all([one.stop(), two.stop()]);
  }
  assert.ok(stopped);
});
