import type { Db } from '../../src/db/db.ts';
import { createDatabase } from '../../src/db/database.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { embeddedSettings } from '../../src/db/postgres-server.ts';
import { startTestPostgres } from '../support/postgres.ts';
import { startTestRedis } from '../support/redis.ts';
import { Client } from 'pg';

/** A durable PostgreSQL with an empty hub in it, and the environment that points processes to it. */
export interface BenchServices {
  db: Db;
  env: Record<string, string>;
  databaseUrl: string;
  redisUrl: string | null;
  postgresPid: number;
  redisPid: number | null;
  stop(): Promise<void>;
}

export async function startBenchServices(
  backend: 'postgres' | 'redis',
  settings: Record<string, string> = {},
): Promise<BenchServices> {
  // As the server of `npm start` runs: every commit reaches the disk.
  const postgres = await startTestPostgres({ ...embeddedSettings, ...settings });
  const redis = backend === 'redis' ? await startTestRedis() : null;
  const admin = new Client({ connectionString: postgres.adminUrl });
  await admin.connect();
  await admin.query('create database bench');
  await admin.end();
  const databaseUrl = postgres.urlOf('bench');
  await migrateDatabase({ databaseUrl, queueInDatabase: backend === 'postgres' });
  const db = createDatabase({ url: databaseUrl, role: 'test' });
  await writeAheadOnce(db);
  return {
    db,
    databaseUrl,
    redisUrl: redis?.url ?? null,
    postgresPid: postgres.pid,
    redisPid: redis?.pid ?? null,
    env: {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis?.url ?? '',
      ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
      ADMIN_TOKEN: 'admin-token-of-the-bench',
      RATE_LIMITS: 'off',
      LOG_LEVEL: 'warn',
      OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    },
    async stop() {
      await db.destroy();
      await redis?.stop();
      await postgres.stop();
    },
  };
}

const WAL_MB = 640;

/**
 * A server that has run for a while writes over the log files it has; a new one makes and zeroes each as it is needed,
 * which took a tenth of its time. So it writes as much log as a benchmark will, and lets a checkpoint recycle it.
 */
async function writeAheadOnce(db: Db): Promise<void> {
  await db.raw(
    `select count(pg_logical_emit_message(false, 'bench', repeat('x', 1000000))) from generate_series(1, ?)`,
    [WAL_MB],
  );
  await db.raw('checkpoint');
}
