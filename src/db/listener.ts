import type { Logger } from 'pino';
import type { DatabaseParams } from './database.ts';
import type { Db } from './db.ts';
import { lost } from './outage.ts';
import type { Session } from './session.ts';

/** What is done with the payloads of each channel. */
export type Channels = Readonly<Record<string, (payload: string) => void>>;

export interface ListenerOptions {
  /** Held while it listens. */
  lock?: SharedLock;
  /** Called when it listens again after it did not for a while: what was announced meanwhile was not heard. */
  onAgain?: () => void;
}

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

/**
 * One LISTEN connection beside the pool, which hears what other processes announce by NOTIFY. Behind a transaction pooler
 * there can be none, unless the database has a direct URL: then it stays deaf, and says so once.
 */
export function openListener(
  db: Db,
  log: Logger,
  channels: Channels,
  { lock, onAgain }: ListenerOptions = {},
): Listener {
  let connection: Session | null = null;
  let opening: Promise<void> | null = null;
  let isDeaf = false;
  let hasListened = false;
  let closed = false;

  async function listen(): Promise<void> {
    const session = await (db.userParams as DatabaseParams).openListeningSession();
    if (session.isPooled) {
      isDeaf = true;
      log.info(
        'a transaction pooler stands before the database: what is announced is looked for (DATABASE_DIRECT_URL)',
      );
      await session.end();
      return;
    }
    const forget = (): void => {
      if (connection !== null && connection !== session) return;
      connection = null;
      opening = null;
    };
    session.on('notification', ({ channel, payload }) => {
      if (payload) channels[channel]?.(payload);
    });
    session.on('error', forget);
    session.on('end', forget);
    const statements = Object.keys(channels).map((channel) => `listen ${channel}`);
    if (lock) statements.push(`select pg_advisory_lock_shared(${lock.class}, ${lock.id})`);
    await session.query(statements.join('; '));
    session.keepAsking();
    connection = session;
    if (hasListened) onAgain?.();
    hasListened = true;
  }

  return {
    async ensure() {
      // The pool's sessions saw that their server is gone, or no longer the one: this one may still be connected to it.
      if (connection && !connection.isCurrent) {
        connection.abandon(lost('is no longer the server of the pool'));
        connection = opening = null;
      }
      if (connection || closed || isDeaf) return;
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
