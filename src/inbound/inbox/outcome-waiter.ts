import type { Logger } from 'pino';
import type { Db } from '../../db/db.ts';
import { openListener } from '../../db/listener.ts';
import { OUTCOME_CHANNEL, WORKERS_CHANNEL } from '../../queue/channels.ts';
import { readNotice } from '../../queue/outcome-notices.ts';
import { ofNotice, readOutcomes, type ReadOutcome } from './read-outcomes.ts';

export interface OutcomeWaiter {
  /** Listens from now on, where it does not yet. */
  listen(): void;
  /** Hears of an inbox event from now on. */
  expect(inboxId: string): ExpectedOutcome;
  /** Nobody waits any longer. */
  endWaits(): void;
  close(): Promise<void>;
}

export interface ExpectedOutcome {
  /** What became of the event; null where that is not known in time. */
  wait(timeoutMs: number): Promise<ReadOutcome | null>;
  /** It was not stored after all. */
  forget(): void;
}

export interface OutcomeWaiterEvents {
  /** A worker announced itself. */
  onWorker: (announcement: string) => void;
  /** Of these nothing was heard for so long that whoever was told of them may be dead. */
  onSilence: (inboxIds: string[]) => void;
}

// Where notifications do not reach us (a transaction pooler, a connection just lost), polling answers instead.
const POLL_MS = 250;

// What is announced within so much longer is not asked for.
const SILENT_AFTER_MS = 1_000;

interface Waiting {
  since: number;
  asked: boolean;
  finish: (settled: ReadOutcome | null) => void;
}

/**
 * Serves all who wait in this process by one LISTEN connection, which hears outcomes whole; what it hears only ids of is read
 * in one query. While the connection hears what is announced, only those are polled for who have waited for long.
 */
export function openOutcomeWaiter(db: Db, log: Logger, events: OutcomeWaiterEvents): OutcomeWaiter {
  const waiters = new Map<string, Waiting>();
  const listener = openListener(db, log, {
    [OUTCOME_CHANNEL]: hear,
    [WORKERS_CHANNEL]: events.onWorker,
  });
  let announced: string[] = [];
  let reading = false;
  let poll: NodeJS.Timeout | null = null;
  let ended = false;

  function hear(payload: string): void {
    const unknown: string[] = [];
    for (const noticed of readNotice(payload)) {
      if (typeof noticed === 'string') unknown.push(noticed);
      else waiters.get(noticed.id)?.finish(ofNotice(noticed));
    }
    if (unknown.length > 0) readLater(unknown);
  }

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
        for (const [id, settled] of await readOutcomes(db, ids)) waiters.get(id)?.finish(settled);
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
      const heard = listener.isListening;
      void listener.ensure();
      const late = performance.now() - SILENT_AFTER_MS;
      const silent = [...waiters].filter(([, { since }]) => since < late);
      readLater(heard ? silent.map(([id]) => id) : waiters.keys());
      const unasked = silent.filter(([, { asked }]) => !asked);
      for (const [, waiting] of unasked) waiting.asked = true;
      if (unasked.length > 0) events.onSilence(unasked.map(([id]) => id));
    }, POLL_MS);
  }

  return {
    listen: () => void listener.ensure(),
    expect(inboxId) {
      void listener.ensure();
      const { promise, resolve } = Promise.withResolvers<ReadOutcome | null>();
      const finish = (settled: ReadOutcome | null): void => {
        waiters.delete(inboxId);
        resolve(settled);
      };
      waiters.set(inboxId, { since: performance.now(), asked: false, finish });
      return {
        async wait(timeoutMs) {
          ensurePolling();
          const timer = setTimeout(() => finish(null), ended ? 0 : timeoutMs);
          const settled = await promise;
          clearTimeout(timer);
          return settled;
        },
        forget: () => finish(null),
      };
    },
    endWaits() {
      ended = true;
      for (const { finish } of waiters.values()) finish(null);
    },
    async close() {
      stopPolling();
      for (const { finish } of waiters.values()) finish(null);
      await listener.close();
    },
  };
}
