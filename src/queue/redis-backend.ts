import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { createRedisBackend, type BackendFactory } from 'bullmq';
import { readDatabaseAddress } from '../process/database-address.ts';
import type { BackendConnection } from './backend-connection.ts';
import {
  allowBlocking,
  createRedisClient,
  isConnected,
  probeRedis,
  type RedisClient,
  type RedisConfig,
} from './redis-client.ts';

/** Jobs in Redis. While it is away a producer's commands fail at once; a consumer goes on trying. */
export function connectRedis(
  config: RedisConfig & { databaseUrl: string },
  role: 'producer' | 'consumer',
  onError: (error: Error) => void,
): BackendConnection {
  const client = createRedisClient(config, role === 'producer' ? 'caller' : 'consumer');
  client.on('error', onError);
  const clients = [client];
  const duplicate = client.duplicate.bind(client) as (...options: unknown[]) => RedisClient;
  client.duplicate = ((...options: unknown[]) => {
    const copy = duplicate(...options);
    allowBlocking(copy);
    clients.push(copy);
    return copy;
  }) as never;
  const prefix = redisPrefix(config.databaseUrl);
  return {
    async endRetries() {
      // A Redis that hangs would not answer to QUIT either.
      if (isConnected(client) && !(await answers(client))) for (const each of clients) each.disconnect();
      await Promise.all(clients.map(endRetries));
    },
    // The worker duplicates the connection for its blocking reads and closes that duplicate itself.
    options: { connection: client, prefix },
    factory: createSteadyRedisBackend,
    probe: () => probeRedis(client, `${prefix}:probe`),
    onLost: (call) => void client.on('close', call),
    onReady: (call) => void client.on('ready', call),
    close: async () => {
      client.disconnect();
    },
  };
}

const RETRY_MS = 1_000;

/**
 * BullMQ 6.7 asks for a job again at once after most errors: of a full Redis, or one that is a replica for the moment, as
 * fast as it answers. Once a second is enough.
 */
const createSteadyRedisBackend: BackendFactory = (name, options, how) => {
  const backend = createRedisBackend(name, options, how);
  const moveToActive = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...args) => {
    try {
      return await moveToActive(...args);
    } catch (error) {
      await wait(RETRY_MS);
      throw error;
    }
  };
  return backend;
};

/**
 * BullMQ 6.7 waits without end for a client to be closed that is closed while it connects again. So that attempt is waited
 * for; where it fails it was the last.
 */
async function endRetries(client: RedisClient): Promise<void> {
  const options = client.options as { retryStrategy?: unknown; clusterRetryStrategy?: unknown };
  options.retryStrategy = () => null;
  options.clusterRetryStrategy = () => null;
  if (client.status === 'ready' || client.status === 'end' || client.status === 'wait') return;
  const decided = new AbortController();
  const { signal } = decided;
  await Promise.race([once(client, 'ready', { signal }), once(client, 'end', { signal })]).catch(() => undefined);
  decided.abort();
}

const ANSWERS_WITHIN_MS = 500;

async function answers(client: RedisClient): Promise<boolean> {
  const late = wait(ANSWERS_WITHIN_MS, false, { ref: false });
  return Promise.race([
    client.ping().then(
      () => true,
      () => false,
    ),
    late,
  ]);
}

/**
 * Hubs that share a Redis keep apart by the name of their database. Braces make one hash slot of all keys, which BullMQ's
 * scripts need on a Redis Cluster.
 */
function redisPrefix(databaseUrl: string): string {
  return `{tributary:${encodeURIComponent(readDatabaseAddress(databaseUrl).database ?? '')}}`;
}
