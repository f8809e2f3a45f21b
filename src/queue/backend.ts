import type { BackendFactory, ConnectionOptions } from 'bullmq';
import { connectPostgres, type PostgresQueueConfig } from './postgres-backend.ts';
import { connectRedis } from './redis-backend.ts';
import { usesRedis, type RedisConfig } from './redis-client.ts';

/** Jobs go to Redis where there is one, else to PostgreSQL. */
export type QueueBackendConfig = RedisConfig & PostgresQueueConfig;

/** A connection for queues (`producer`) or workers (`consumer`), to be closed by whoever opened it. */
export interface BackendConnection {
  /** Constructor options for BullMQ's Queue and Worker. */
  options: { connection: ConnectionOptions; prefix?: string };
  /** The backend, as the last constructor argument. */
  factory: BackendFactory;
  /** Rejects when the backend takes no jobs; while it hangs this does, too. */
  probe(): Promise<void>;
  /** Calls when the connection was lost, where that is told. */
  onLost(call: () => void): void;
  /** Calls when there is a connection again, where that is told. */
  onReady(call: () => void): void;
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
  if (usesRedis(config)) return connectRedis(config, role, onError);
  return connectPostgres(config, role, onError);
}

export function backendName(config: QueueBackendConfig): 'redis' | 'postgres' {
  return usesRedis(config) ? 'redis' : 'postgres';
}
