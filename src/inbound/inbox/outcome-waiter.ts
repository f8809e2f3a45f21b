import type { Logger } from 'pino';
import type { Db } from '../../db/db.ts';
import { createOutcomeListener } from './outcome-listener.ts';
import { readOutcomes, type ReadOutcome } from './read-outcomes.ts';

export interface OutcomeWaiter {
  /** What became of an inbox event; null where that is not known in time. */
  wait(inboxId: string, timeoutMs: number): Promise<ReadOutcome | null>;
  close(): Promise<void>;
}

// Where notifications do not reach us (a transaction pooler, a connection just lost), polling answers instead.
const POLL_MS = 250;

/**
 * Serves all who wait in this process by one LISTEN connection, opened with the first wait; what was announced meanwhile is
 * read in one query.
 */
export function openOutcomeWaiter(db: Db, log: Logger): OutcomeWaiter {
  const waiters = new Map<string, (settled: ReadOutcome | null) => void>();
  const listener = createOutcomeListener(db, log, readLater);
  let announced: string[] = [];
  let reading = false;
  let poll: NodeJS.Timeout | null = null;

  function readLater(inboxIds: Iterable<string>): void {
    announced.push(...inboxIds);
    void readAnnounced();
  }

  async function readAnnounced(): Promise<void> {
    if (reading) return;
    reading = true;
    try {
      while (announced.length > 0) {
        const ids = announced.filter((id) => waiters.has(id));
        announced = [];
        if (ids.length === 0) continue;
        for (const [id, settled] of await readOutcomes(db, ids)) waiters.get(id)?.(settled);
      }
    } catch (error) {
      log.warn({ err: error }, 'reading outcomes failed; polling goes on');
    } finally {
      reading = false;
    }
  }

  function stopPolling(): void {
    if (poll) clearInterval(poll);
    poll = null;
  }

  function ensurePolling(): void {
    poll ??= setInterval(() => {
      if (waiters.size === 0) return stopPolling();
      listener.ensure();
      readLater(waiters.keys());
    }, POLL_MS);
  }

  return {
    wait(inboxId, timeoutMs) {
      listener.ensure();
      ensurePolling();
      return new Promise((resolve) => {
        const finish = (settled: ReadOutcome | null): void => {
          clearTimeout(timer);
          waiters.delete(inboxId);
          resolve(settled);
        };
        const timer = setTimeout(() => finish(null), timeoutMs);
        waiters.set(inboxId, finish);
      });
    },
    async close() {
      stopPolling();
      for (const finish of waiters.values()) finish(null);
      await listener.close();
    },
  };
}
