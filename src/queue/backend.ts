import { once } from 'node:events';
import { createRedisBackend, type BackendFactory, type ConnectionOptions } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { Pool } from 'pg';
import { createSteadyPostgresBackend } from './postgres-backend.ts';

export interface QueueBackendConfig {
  databaseUrl: string;
  /** Jobs go to Redis when set, else to PostgreSQL. */
  redisUrl: string | null;
  /** `host:port` of some nodes of a Redis Cluster; beats `redisUrl`. */
  redisClusterNodes: string[] | null;
}

/** A connection for queues (`producer`) or workers (`consumer`), to be closed by whoever opened it. */
export interface BackendConnection {
  /** Constructor options for BullMQ's Queue and Worker. */
  options: { connection: ConnectionOptions; prefix?: string };
  /** The backend, as the last constructor argument. */
  factory: BackendFactory;
  /** Whether the backend takes commands, waiting for it no longer than `timeoutMs`. Never throws. */
  isReady(timeoutMs: number): Promise<boolean>;
  /** Throws when the backend does not answer. */
  ping(): Promise<void>;
  /** To be called before what uses the connection is closed. Resolves once no connection is just being made. */
  endRetries(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The one place that decides where jobs are kept. While Redis is away a producer fails at once (it has no offline queue), so
 * that intake never waits for it; a consumer goes on trying.
 */
export function connectBackend(
  config: QueueBackendConfig,
  role: 'producer' | 'consumer',
  onError: (error: Error) => void,
): BackendConnection {
  if (config.redisClusterNodes || config.redisUrl) return connectRedis(config, role, onError);
  return connectPostgres(config.databaseUrl, role, onError);
}

export function backendName(config: QueueBackendConfig): 'redis' | 'postgres' {
  return config.redisClusterNodes || config.redisUrl ? 'redis' : 'postgres';
}

function connectRedis(config: QueueBackendConfig, role: string, onError: (error: Error) => void): BackendConnection {
  const maxRetriesPerRequest = role === 'producer' ? 1 : null;
  const enableOfflineQueue = role !== 'producer';
  const client = config.redisClusterNodes
    ? new Cluster(config.redisClusterNodes.map(parseNode), {
        redisOptions: { maxRetriesPerRequest },
        enableOfflineQueue,
      })
    : new Redis(config.redisUrl ?? '', {
        maxRetriesPerRequest,
        enableOfflineQueue,
        retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), 2_000),
      });
  client.on('error', onError);
  const clients = [client];
  const duplicate = client.duplicate.bind(client) as (...options: unknown[]) => typeof client;
  client.duplicate = ((...options: unknown[]) => {
    const copy = duplicate(...options);
    clients.push(copy);
    return copy;
  }) as never;
  return {
    endRetries: async () => void (await Promise.all(clients.map(endRetries))),
    // The worker duplicates the connection for its blocking reads and closes that duplicate itself.
    options: { connection: client, prefix: redisPrefix(config.databaseUrl) },
    factory: createRedisBackend,
    isReady: watchReadiness(client),
    ping: async () => void (await client.ping()),
    close: async () => {
      client.disconnect();
    },
  };
}

/**
 * BullMQ 6.7 waits without end for a client to be closed that is closed while it connects again. So that attempt is waited
 * for; where it fails it was the last.
 */
async function endRetries(client: Redis | Cluster): Promise<void> {
  const options = client.options as { retryStrategy?: unknown; clusterRetryStrategy?: unknown };
  options.retryStrategy = () => null;
  options.clusterRetryStrategy = () => null;
  if (client.status === 'ready' || client.status === 'end' || client.status === 'wait') return;
  const decided = new AbortController();
  const { signal } = decided;
  await Promise.race([once(client, 'ready', { signal }), once(client, 'end', { signal })]).catch(() => undefined);
  decided.abort();
}

/**
 * Without an offline queue BullMQ would wait for a connection without end; a producer waits for a short time, and leaves the
 * rest to the sweep. All who ask during an outage share one wait.
 */
function watchReadiness(client: Redis | Cluster): (timeoutMs: number) => Promise<boolean> {
  let waiting: Promise<boolean> | null = null;
  return (timeoutMs) => {
    if (client.status === 'ready') return Promise.resolve(true);
    waiting ??= once(client, 'ready', { signal: AbortSignal.timeout(timeoutMs) })
      .then(
        () => true,
        () => false,
      )
      .finally(() => (waiting = null));
    return waiting;
  };
}

/**
 * Hubs that share a Redis keep apart by the name of their database. Braces make one hash slot of all keys, which BullMQ's
 * scripts need on a Redis Cluster.
 */
function redisPrefix(databaseUrl: string): string {
  const database = URL.canParse(databaseUrl) ? new URL(databaseUrl).pathname.slice(1) : '';
  return `{tributary:${database}}`;
}

function parseNode(node: string): { host: string; port: number } {
  const colon = node.lastIndexOf(':');
  return { host: node.slice(0, colon), port: Number(node.slice(colon + 1)) };
}

function connectPostgres(databaseUrl: string, role: string, onError: (error: Error) => void): BackendConnection {
  // BullMQ's own pool needs `require`, which ES modules lack, so it is given one. Workers take a slot each for LISTEN.
  const pool = new Pool({
    connectionString: databaseUrl,
    max: role === 'producer' ? 2 : 8,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    // The sweep makes a job again that is lost in a crash, so none needs to wait for the disk.
    options: '-c search_path=bullmq -c synchronous_commit=off',
    application_name: `tributary-queue-${role}`,
  });
  pool.on('error', onError);
  // The pool listens for errors of its idle clients only: if the server ended one that BullMQ uses, that would end us too.
  pool.on('connect', (client) => client.on('error', onError));
  return {
    options: { connection: pool },
    factory: createSteadyPostgresBackend as unknown as BackendFactory,
    isReady: () => Promise.resolve(true),
    ping: async () => void (await pool.query('select 1')),
    endRetries: () => Promise.resolve(),
    close: () => pool.end(),
  };
}
