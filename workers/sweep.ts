import type { Logger } from 'pino';
import { isOutage } from '../src/db/outage.ts';
import type { Metrics } from '../src/process/metrics.ts';
import type { Consumer } from '../src/queue/queues.ts';

/**
 * Something that is done again and again by looking for it in the tables, in bounded steps. So a lost job is harmless:
 * the rows say what is due.
 */
export interface Chore {
  /** What the log and the metrics call it. */
  name: string;
  everyMs: number;
  /** One step; tells whether there may be more to do at once. */
  run(): Promise<boolean>;
}

/** Runs chores by timer, each by itself: one that fails or is slow holds up no other. */
export function startSweep(
  { log, metrics }: { log: Logger; metrics: Pick<Metrics, 'sweepSteps' | 'sweepSucceededAt'> },
  chores: readonly Chore[],
): Consumer {
  const stopping = new AbortController();
  const pauses = new Set<() => void>();
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        pauses.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      pauses.add(finish);
    });
  const loops = chores.map(async (chore) => {
    while (!stopping.signal.aborted) {
      let more = false;
      try {
        more = await chore.run();
        metrics.sweepSteps.inc({ chore: chore.name, result: 'done' });
        metrics.sweepSucceededAt.set({ chore: chore.name }, Date.now() / 1_000);
      } catch (error) {
        metrics.sweepSteps.inc({ chore: chore.name, result: 'failed' });
        log[isOutage(error) ? 'warn' : 'error']({ err: error, chore: chore.name }, 'sweep failed; it goes on');
      }
      if (!more && !stopping.signal.aborted) await pause(chore.everyMs);
    }
  });
  return {
    async close() {
      stopping.abort();
      for (const finish of pauses) finish();
      await Promise.all(loops);
    },
  };
}
