import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import {
  assertSchemaCompatibility,
  PostgresConnection,
  PostgresQueueBackend,
  SchemaMigrationRequiredError,
  type BackendFactory,
  type PostgresConnectionOptions,
} from 'bullmq';
import { SessionPool } from '../db/session-pool.ts';
import type { BackendConnection } from './backend-connection.ts';
import type { Pooler, Session } from '../db/session.ts';

const RETRY_MS = 1_000;

/** How often a worker looks for jobs that cannot listen for them. */
const POLL_S = 0.25;

/** BullMQ's schema, and a commit that waits for no disk: the sweep makes a job again that is lost in a crash. */
const settings = { search_path: 'bullmq', synchronous_commit: 'off' };

export interface PostgresQueueConfig {
  databaseUrl: string;
  /** Where a transaction pooler stands at `databaseUrl`: PostgreSQL itself, to listen there. */
  databaseDirectUrl?: string | null;
  databasePooler?: Pooler;
}

/** Jobs in PostgreSQL. */
export function connectPostgres(
  config: PostgresQueueConfig,
  role: 'producer' | 'consumer',
  onError: (error: Error) => void,
): BackendConnection {
  const { databaseUrl, databaseDirectUrl, databasePooler = 'auto' } = config;
  // Workers take a session each to listen.
  const shared = { application_name: `tributary-queue-${role}`, max: role === 'producer' ? 2 : 8, settings, onError };
  const pool = new SessionPool({ ...shared, url: databaseUrl, pooler: databasePooler });
  const direct = databaseDirectUrl ? new SessionPool({ ...shared, url: databaseDirectUrl, pooler: 'none' }) : null;
  return {
    options: { connection: new QueuePool(pool, direct) },
    factory: createSteadyPostgresBackend as unknown as BackendFactory,
    probe: async () => void (await pool.run('select 1')),
    onLost: () => undefined,
    onReady: () => undefined,
    endRetries: () => Promise.resolve(),
    async close() {
      await Promise.all([pool.end(), direct?.end()]);
    },
  };
}

/** What BullMQ has for its pool: it takes connections of it only to listen, by PostgreSQL's direct URL where there is one. */
class QueuePool {
  readonly #pool: SessionPool;
  readonly #direct: SessionPool | null;
  #isDeaf = false;

  constructor(pool: SessionPool, direct: SessionPool | null) {
    this.#pool = pool;
    this.#direct = direct;
  }

  /** Behind a transaction pooler nothing can be heard: then jobs are looked for. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }

  query(text: string, values?: unknown[]): Promise<unknown> {
    return this.#pool.run(text, values);
  }

  async connect(): Promise<unknown> {
    const client = await (this.#direct ?? this.#pool).connect();
    const session = client as unknown as Session;
    if (!session.isPooled) {
      session.keepAsking();
      return client;
    }
    client.release();
    this.#isDeaf = true;
    return new DeafClient();
  }

  async checkSchema(schema: string): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await assertSchemaCompatibility(client, schema);
    } finally {
      client.release();
    }
  }

  on(event: 'error', listener: (error: Error) => void): this {
    this.#pool.on(event, listener);
    return this;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

/** Stands for a connection that listens. */
class DeafClient extends EventEmitter {
  query(): Promise<{ rows: [] }> {
    return Promise.resolve({ rows: [] });
  }

  release(): void {}
}

/**
 * BullMQ's PostgreSQL backend, made to survive a database that is away while it starts. BullMQ 6.7 keeps the result of its
 * first attempt to connect, even a failure: its queues then never recovered, and its workers asked for jobs again without
 * pause, so that timers, signals and everything else in the process stood still.
 */
const createSteadyPostgresBackend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (
  name,
  options,
  { withBlockingConnection } = {},
) =>
  new SteadyBackend(
    new SteadyConnection(options.connection),
    name,
    options,
    true,
    withBlockingConnection ? name : undefined,
  );

class SteadyConnection extends PostgresConnection {
  #ready: Promise<void> | null = null;

  get isDeaf(): boolean {
    return (this.pool as unknown as QueuePool).isDeaf;
  }

  override waitUntilReady(): Promise<void> {
    this.#ready ??= this.#checkSchema().catch((error: unknown) => {
      this.#ready = null;
      // The library names an option of its own.
      if (error instanceof SchemaMigrationRequiredError)
        throw new Error('the tables of the queue are missing: run `tributary migrate`');
      throw error;
    });
    return this.#ready;
  }

  async #checkSchema(): Promise<void> {
    await (this.pool as unknown as QueuePool).checkSchema(this.schema);
    setImmediate(() => this.emit('ready'));
  }
}

class SteadyBackend extends PostgresQueueBackend {
  override async moveToActive(token: string, name?: string): ReturnType<PostgresQueueBackend['moveToActive']> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      // BullMQ asks again at once after most errors; once a second is enough.
      await wait(RETRY_MS);
      throw error;
    }
  }

  override async waitForJob(blockTimeout: number): ReturnType<PostgresQueueBackend['waitForJob']> {
    const connection = this.connection as unknown as SteadyConnection;
    // What to listen by is found out first: nothing would end a longer wait.
    if (!connection.isDeaf) await connection.getListenClient();
    return super.waitForJob(connection.isDeaf ? Math.min(blockTimeout, POLL_S) : blockTimeout);
  }
}
