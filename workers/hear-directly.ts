import { setTimeout as wait } from 'node:timers/promises';
import type { Deps } from '../src/deps.ts';
import { openListener } from '../src/db/listener.ts';
import { runSql } from '../src/db/sql.ts';
import { ANNOUNCED_EVERY_MS, channelOf, newWorkerId, WORKERS_CHANNEL } from '../src/queue/channels.ts';
import type { Consumer } from '../src/queue/queues.ts';

// What web processes still said before they heard that this worker stops comes within so much.
const HEARD_WITHIN_MS = 100;

/**
 * Lets web processes tell this worker of what they committed, without a job: it listens on a channel of its own and announces
 * itself while it does. Behind a transaction pooler nobody can listen, and all goes by the queue.
 */
export function hearDirectly(
  { db, log, config }: Pick<Deps, 'db' | 'log' | 'config'>,
  onEvents: (eventIds: string[]) => void,
): Consumer {
  if (config.databasePooler === 'transaction') return { close: () => Promise.resolve() };
  const workerId = newWorkerId();
  const listener = openListener(db, log, { [channelOf(workerId)]: (payload) => onEvents(payload.split(',')) });
  const announce = (what: string): Promise<unknown> =>
    runSql(db, 'announceWorker', `select pg_notify(:channel, :what)`, { channel: WORKERS_CHANNEL, what }).catch(
      (error: unknown) => log.debug({ err: error }, 'not announced'),
    );
  const beat = async (): Promise<void> => {
    await listener.ensure();
    if (listener.isListening) await announce(workerId);
  };
  void beat();
  const timer = setInterval(() => void beat(), ANNOUNCED_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      if (listener.isListening) {
        await announce(`:${workerId}`);
        await wait(HEARD_WITHIN_MS);
      }
      await listener.close();
    },
  };
}
