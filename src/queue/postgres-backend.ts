import { setTimeout as wait } from 'node:timers/promises';
import {
  assertSchemaCompatibility,
  PostgresConnection,
  PostgresQueueBackend,
  type BackendFactory,
  type PostgresConnectionOptions,
} from 'bullmq';

const RETRY_MS = 1_000;

/**
 * BullMQ's PostgreSQL backend, made to survive a database that is away while it starts. BullMQ 6.7 keeps the result of its
 * first attempt to connect, even a failure: its queues then never recovered, and its workers asked for jobs again without
 * pause, so that timers, signals and everything else in the process stood still.
 */
export const createSteadyPostgresBackend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (
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

  override waitUntilReady(): Promise<void> {
    this.#ready ??= this.#checkSchema().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #checkSchema(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await assertSchemaCompatibility(client, this.schema);
    } finally {
      client.release();
    }
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
}
