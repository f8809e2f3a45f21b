import type { Logger } from 'pino';
import type { Db } from './db.ts';

/** What is done with the payloads of each channel. */
export type Channels = Readonly<Record<string, (payload: string) => void>>;

/** An advisory lock that is held while the connection stands. */
export interface SharedLock {
  class: number;
  id: number;
}

export interface Listener {
  /** Connects where it has no connection: at first, and after one was lost. Resolves once that is tried. Never throws. */
  ensure(): Promise<void>;
  /** Whether what is announced now is heard. */
  readonly isListening: boolean;
  close(): Promise<void>;
}

/** One LISTEN connection beside the pool, which hears what other processes announce by NOTIFY. */
export function openListener(db: Db, log: Logger, channels: Channels, lock?: SharedLock): Listener {
  let connection: ListenConnection | null = null;
  let opening: Promise<void> | null = null;
  let closed = false;

  async function listen(): Promise<void> {
    const client = (await db.client.acquireRawConnection()) as ListenConnection;
    const forget = (): void => {
      connection = null;
      opening = null;
    };
    client.on('notification', ({ channel, payload }) => {
      if (payload) channels[channel]?.(payload);
    });
    client.on('error', forget);
    client.on('end', forget);
    const statements = Object.keys(channels).map((channel) => `listen ${channel}`);
    if (lock) statements.push(`select pg_advisory_lock_shared(${lock.class}, ${lock.id})`);
    await client.query(statements.join('; '));
    connection = client;
  }

  return {
    async ensure() {
      if (connection || closed) return;
      opening ??= listen().catch((error: unknown) => {
        opening = null;
        log.warn({ err: error }, 'cannot listen to the database; what is announced is looked for instead');
      });
      await opening;
    },
    get isListening() {
      return connection !== null;
    },
    async close() {
      closed = true;
      await opening;
      await connection?.end();
    },
  };
}

interface ListenConnection {
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): void;
  on(event: 'error' | 'end', listener: () => void): void;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}
