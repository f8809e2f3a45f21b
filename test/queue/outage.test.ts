import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { consumeQueue, openQueues } from '../../src/queue/queues.ts';
import { openSeverableDatabase } from '../support/severable-database.ts';
import { waitUntil } from '../support/wait-until.ts';

const noRedis = { redisUrl: null, redisClusterNodes: null };

test('queues and consumers that start while PostgreSQL is away work when it comes, and never spin', async () => {
  const database = await openSeverableDatabase();
  await database.sever();
  const config = { databaseUrl: database.url, ...noRedis };
  const log = pino({ level: 'silent' });
  const queues = openQueues(config, log);
  const seen: string[] = [];
  const consumer = consumeQueue(config, 'delivery', 1, log, async ({ deliveryIds }) => void seen.push(...deliveryIds));
  await assert.rejects(queues.ping());
  await queues.enqueue('delivery', [{ deliveryIds: ['dlv_lost'] }]);
  // Timers stand still in a process that spins; while it merely waits it uses next to nothing.
  const before = process.cpuUsage();
  await wait(1_000);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 700_000, `${user} µs of a second were spent on asking again`);

  await database.restore();
  await waitUntil('a job is consumed', async () => {
    await queues.enqueue('delivery', [{ deliveryIds: ['dlv_1'] }]);
    return seen.includes('dlv_1');
  });
  await consumer.close();
  await queues.close();
  await database.close();
});

test('a consumer that lost PostgreSQL goes on when it is back, and stops soon while it is away', async () => {
  const database = await openSeverableDatabase();
  const config = { databaseUrl: database.url, ...noRedis };
  const log = pino({ level: 'silent' });
  const queues = openQueues(config, log);
  const seen: string[] = [];
  const consumer = consumeQueue(config, 'delivery', 1, log, async ({ deliveryIds }) => void seen.push(...deliveryIds));
  const consumes = (id: string) =>
    waitUntil(`${id} is consumed`, async () => {
      await queues.enqueue('delivery', [{ deliveryIds: [id] }]);
      return seen.includes(id);
    });
  await consumes('dlv_1');
  await database.sever();
  await database.restore();
  await consumes('dlv_2');
  await database.sever();
  const start = performance.now();
  await consumer.close();
  assert.ok(performance.now() - start < 5_000);
  await queues.close();
  await database.close();
});
