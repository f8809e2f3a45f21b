import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { openRateLimits, type RateLimits } from '../../src/http/rate-limits.ts';
import { consumeQueue, openQueues, type Consumer, type Queues } from '../../src/queue/queues.ts';
import type { RedisConfig } from '../../src/queue/redis-client.ts';
import { waitUntil } from './wait-until.ts';

const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });

/** A producer, a consumer and a limiter, as processes have them. */
export interface RedisUsers {
  queues: Queues;
  rateLimits: RateLimits;
  /** Enqueues until what it enqueued is consumed; gives the milliseconds that took. */
  passes(what: string, timeoutMs?: number): Promise<number>;
  close(): Promise<void>;
}

export function connectRedisUsers(redis: Partial<RedisConfig>): RedisUsers {
  const config = { databaseUrl: 'postgres://host/users', redisUrl: null, redisClusterNodes: null, ...redis };
  const queues = openQueues(config, log);
  const rateLimits = openRateLimits({ ...config, rateLimits: true }, log);
  const seen = new Set<string>();
  const consumer: Consumer = consumeQueue(config, 'delivery', 4, log, async ({ deliveryIds }) => {
    for (const id of deliveryIds) seen.add(id);
  });
  let n = 0;
  return {
    queues,
    rateLimits,
    async passes(what, timeoutMs = 8_000) {
      const started = performance.now();
      await waitUntil(
        `${what}: a job is consumed`,
        async () => {
          n += 1;
          const id = `dlv_${n}`;
          if (!(await queues.enqueue('delivery', [{ deliveryIds: [id] }]))) return false;
          for (let looks = 0; looks < 20 && !seen.has(id); looks += 1) await wait(10);
          return seen.has(id);
        },
        { timeoutMs },
      );
      return performance.now() - started;
    },
    async close() {
      await consumer.close();
      await queues.close();
      await rateLimits.close();
    },
  };
}

/** Sends one command over a connection of its own. */
export async function sendCommand(redis: { url: string }, ...args: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(redis.url);
  try {
    return await client.call(...args);
  } finally {
    client.disconnect();
  }
}
