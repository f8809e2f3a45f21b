import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Db } from '../../src/db/db.ts';
import type { Logger } from 'pino';
import { loadConfig, type Environment } from '../../src/process/config.ts';
import type { Deps } from '../../src/deps.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { loadTracing } from '../../src/process/tracing/load-tracing.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openDeps } from '../../src/open-deps.ts';
import { serve } from '../../src/server.ts';
import { startWorker } from '../../workers/main.ts';
import { backendEnvironment, type TestBackend } from './both-backends.ts';
import { openTestDatabase } from './database.ts';
import { waitUntil } from './wait-until.ts';

export interface TestHub {
  /** Where it listens, without a slash at the end. */
  url: string;
  db: Db;
  databaseUrl: string;
  adminToken: string;
  deps: Deps;
  stop: () => Promise<void>;
}

export interface HubOptions {
  /** Where jobs live; PostgreSQL unless said. */
  backend?: TestBackend;
  /** More of the environment, as in README; OUTBOUND_ALLOW_CIDRS opens 127.0.0.1 unless said. */
  env?: Environment;
  /** False: no consumers run, what is accepted waits. */
  worker?: boolean;
  clock?: Clock;
  log?: Logger;
  /** Gives the URL by which the hub reaches its database, given the database's own. */
  databaseThrough?: (databaseUrl: string) => Promise<string>;
}

/** A whole hub in this process: a database of its own, the app on a free port of 127.0.0.1, the worker's consumers. */
export async function startHub(options: HubOptions = {}): Promise<TestHub> {
  const database = await openTestDatabase();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const adminToken = 'admin-token-of-the-tests';
  const config = loadConfig({
    PORT: String(port),
    PUBLIC_URL: url,
    ADMIN_TOKEN: adminToken,
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RATE_LIMITS: 'off',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    ...backendEnvironment(options.backend ?? 'postgres'),
    DATABASE_URL: (await options.databaseThrough?.(database.url)) ?? database.url,
    ...options.env,
  });
  const deps = openDeps(config, {
    role: 'test',
    tracing: await loadTracing(config.tracing, 'test', createLogger({ level: config.logLevel, role: 'test' })),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.log ? { log: options.log } : {}),
  });
  const web = serve(deps, server);
  // Redis connects in the background; a job enqueued before would wait for the sweep.
  await waitUntil('the queue answers', () => deps.queues.ping().then(() => true));
  const worker = options.worker === false ? null : await startWorker(deps);
  return {
    url,
    db: database.db,
    databaseUrl: database.url,
    adminToken,
    deps,
    async stop() {
      await web.stop();
      await worker?.close();
      await deps.close();
      await database.close();
    },
  };
}
