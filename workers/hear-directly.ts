import { setTimeout as wait } from 'node:timers/promises';
import type { Deps } from '../src/deps.ts';
import { openListener } from '../src/db/listener.ts';
import { runSql } from '../src/db/sql.ts';
import { ANNOUNCED_EVERY_MS, channelOf, newWorkerId, WORKER_LOCKS, WORKERS_CHANNEL } from '../src/queue/channels.ts';
import { KnownWorkers } from '../src/queue/known-workers.ts';
import type { Consumer } from '../src/queue/queues.ts';

// What web processes still said before they heard that this worker stops comes within so much.
const HEARD_WITHIN_MS = 100;

export interface Heard extends Consumer {
  /** By which this worker's leases are known while others can tell that it lives; else null. */
  readonly holder: number | null;
  /**
   * Calls when workers may have been told of what nobody heard: when one falls silent, when this one listens again after it
   * could not, and once at the beginning, for those who died before.
   */
  onUnheard(call: () => Promise<void>): void;
}

/**
 * Lets web processes tell this worker of what they committed, without a job: it listens on a channel of its own and announces
 * itself while it does. It hears of the other workers, too, and so of their death. Behind a transaction pooler nobody can
 * listen, unless PostgreSQL has a direct URL: all goes by the queue, and the leases of the dead run out.
 */
export function hearDirectly({ db, log }: Pick<Deps, 'db' | 'log'>, onEvents: (eventIds: string[]) => void): Heard {
  const workerId = newWorkerId();
  const others = new KnownWorkers();
  let onUnheard: (() => Promise<void>) | null = null;
  const channels = {
    [channelOf(workerId)]: (payload: string) => onEvents(payload.split(',')),
    [WORKERS_CHANNEL]: (announcement: string) => {
      if (announcement !== String(workerId)) others.hear(announcement);
    },
  };
  const listener = openListener(db, log, channels, {
    lock: { class: WORKER_LOCKS, id: workerId },
    onAgain: () => void takeUnheard(),
  });
  const announce = (what: string): Promise<unknown> =>
    runSql(db, 'announceWorker', `select pg_notify(:channel, :what)`, { channel: WORKERS_CHANNEL, what }).catch(
      (error: unknown) => log.debug({ err: error }, 'not announced'),
    );
  const takeUnheard = async (): Promise<void> => {
    await onUnheard?.().catch((error: unknown) => log.warn({ err: error }, 'what nobody heard is left to the sweep'));
  };
  const beat = async (): Promise<void> => {
    await listener.ensure();
    if (listener.isListening) await announce(String(workerId));
    // They may be dead, or only away; the lock says whether they are (channels.ts).
    if (others.forgetSilent().length > 0) await takeUnheard();
  };
  void beat();
  const timer = setInterval(() => void beat(), ANNOUNCED_EVERY_MS);
  return {
    get holder() {
      return listener.isListening ? workerId : null;
    },
    onUnheard(call) {
      onUnheard = call;
      void takeUnheard();
    },
    async close() {
      clearInterval(timer);
      onUnheard = null;
      if (listener.isListening) {
        await announce(`:${workerId}`);
        await wait(HEARD_WITHIN_MS);
      }
      await listener.close();
    },
  };
}
