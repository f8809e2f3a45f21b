import type { QueryResult } from 'pg';
import type { Db } from './db.ts';
import { lost } from './outage.ts';
import type { Session } from './session.ts';

/** Asks the database something on a connection of its own, so that a busy pool neither delays nor feels it. */
export interface Probe {
  /**
   * Runs statements, which bind nothing, one after the other and in one round trip, and gives the rows of each. Throws where
   * the answers are not there within the bound; the connection is then given up, and the next run makes another one. One run
   * at a time.
   */
  run(statements: readonly string[]): Promise<Record<string, unknown>[][]>;
  /** Whether a transaction pooler stands between: it shares sessions, so that what is held by one says nothing. */
  readonly isPooled: boolean;
  /** Leaves the server that it is connected to: the next run connects to the one that is there by then. */
  leave(): void;
  close(): void;
}

export function openProbe(db: Db, boundMs: number): Probe {
  let session: Session | null = null;
  let closed = false;

  async function connect(): Promise<Session> {
    const opened = (await db.client.acquireRawConnection()) as Session;
    const forget = (): void => {
      if (session === opened) session = null;
    };
    opened.on('error', forget);
    opened.on('end', forget);
    return opened;
  }

  function giveUp(given: Session | null): void {
    if (session === given) session = null;
    // What the probe gives up says nothing of the pool's sessions.
    given?.abandon(lost('was given up by the probe'));
  }

  return {
    async run(statements) {
      let used = session;
      let late = false;
      const timeout = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        late = true;
        const seconds = boundMs / 1_000;
        timeout.reject(Object.assign(new Error(`no answer within ${seconds} s`), { code: 'ETIMEDOUT' }));
      }, boundMs);
      const work = async (): Promise<Record<string, unknown>[][]> => {
        used ??= await connect();
        if (late || closed) {
          giveUp(used);
          return [];
        }
        session = used;
        // The server must not go on with what nobody waits for, such as a table that is locked: each run would leave it one
        // more. A transaction pooler would give settings of the session to others.
        const begin = ['begin', `set local statement_timeout = ${Math.floor(boundMs * 0.9)}`];
        const text = [...begin, ...statements, 'commit'].join('; ');
        const answers = (await used.query(text)) as unknown as QueryResult<Record<string, unknown>>[];
        return answers.slice(begin.length, -1).map(({ rows }) => rows);
      };
      const answers = work();
      answers.catch(() => undefined);
      try {
        return await Promise.race([answers, timeout.promise]);
      } catch (error) {
        giveUp(used);
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    get isPooled() {
      return session?.isPooled ?? false;
    },
    leave() {
      giveUp(session);
    },
    close() {
      closed = true;
      giveUp(session);
    },
  };
}
