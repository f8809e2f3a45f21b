import type { Knex } from 'knex';
// @ts-expect-error -- knex documents this way to a dialect of one's own, and has no types for it.
import PostgresDialect from 'knex/lib/dialects/postgres/index.js';
import { lost } from './outage.ts';
import type { Session } from './session.ts';

/** So long what is under way may take when a pool is closed; then it fails. */
const CLOSE_WITHIN_MS = 4_000;

type Dialect = new (config: Knex.Config) => Knex.Client;

/** knex's PostgreSQL, over connections of ours. */
export function sessionDialect(open: () => Session): typeof Knex.Client {
  const sessions = new Set<Session>();
  class SessionDialect extends (PostgresDialect as Dialect) {
    async _acquireOnlyConnection(): Promise<Session> {
      const session = open();
      sessions.add(session);
      session.on('end', () => sessions.delete(session));
      try {
        return await session.connect();
      } catch (error) {
        sessions.delete(session);
        throw error;
      }
    }

    /** A database that hangs holds up nobody who stops. */
    override async destroy(callback?: (error?: unknown) => void): Promise<void> {
      const late = setTimeout(() => {
        for (const session of sessions) session.abandon(lost('did not answer before it was closed'));
      }, CLOSE_WITHIN_MS);
      try {
        await (super.destroy as (callback?: (error?: unknown) => void) => Promise<void>)(callback);
      } finally {
        clearTimeout(late);
      }
    }
  }
  return SessionDialect as unknown as typeof Knex.Client;
}
