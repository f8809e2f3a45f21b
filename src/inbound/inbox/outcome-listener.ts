import type { Logger } from 'pino';
import type { Db } from '../../db/db.ts';
import { OUTCOME_CHANNEL } from '../../queue/outcome-channel.ts';

export interface OutcomeListener {
  /** Connects where it has no connection: at first, and after one was lost. */
  ensure(): void;
  close(): Promise<void>;
}

/** The one LISTEN connection of a process: `onSettled` is told the ids of the inbox events that workers announce. */
export function createOutcomeListener(db: Db, log: Logger, onSettled: (inboxIds: string[]) => void): OutcomeListener {
  let connection: { release(): Promise<void> } | null = null;
  let opening: Promise<void> | null = null;
  let closed = false;

  async function listen(): Promise<void> {
    const client = (await db.client.acquireRawConnection()) as ListenConnection;
    const forget = (): void => {
      connection = null;
      opening = null;
    };
    client.on('notification', ({ payload }) => {
      if (payload) onSettled(payload.split(','));
    });
    client.on('error', forget);
    client.on('end', forget);
    await client.query(`listen ${OUTCOME_CHANNEL}`);
    connection = { release: () => client.end() };
  }

  return {
    ensure() {
      if (connection || opening || closed) return;
      opening = listen().catch((error: unknown) => {
        opening = null;
        log.warn({ err: error }, 'cannot listen for outcomes; polling instead');
      });
    },
    async close() {
      closed = true;
      await opening;
      await connection?.release();
    },
  };
}

interface ListenConnection {
  on(event: 'notification', listener: (message: { payload?: string }) => void): void;
  on(event: 'error' | 'end', listener: () => void): void;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}
