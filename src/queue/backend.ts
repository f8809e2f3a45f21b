import type { BackendConnection } from './backend-connection.ts';
import { connectPostgres, type PostgresQueueConfig } from './postgres-backend.ts';
import { connectRedis } from './redis-backend.ts';
import { usesRedis, type RedisConfig } from './redis-client.ts';

/** Jobs go to Redis where there is one, else to PostgreSQL. */
export type QueueBackendConfig = RedisConfig & PostgresQueueConfig;

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
