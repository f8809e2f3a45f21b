import type { BackendFactory, ConnectionOptions } from 'bullmq';
import { Pool } from 'pg';
import { createSteadyPostgresBackend } from './postgres-backend.ts';
import { connectRedis } from './redis-backend.ts';
import { usesRedis, type RedisConfig } from './redis-client.ts';

/** Jobs go to Redis where there is one, else to PostgreSQL. */
export interface QueueBackendConfig extends RedisConfig {
  databaseUrl: string;
}

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
  return connectPostgres(config.databaseUrl, role, onError);
}

export function backendName(config: QueueBackendConfig): 'redis' | 'postgres' {
  return usesRedis(config) ? 'redis' : 'postgres';
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
    probe: async () => void (await pool.query('select 1')),
    onLost: () => undefined,
    onReady: () => undefined,
    endRetries: () => Promise.resolve(),
    close: () => pool.end(),
  };
}
