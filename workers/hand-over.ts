import type { Deps } from '../src/deps.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import type { Intake } from './intake.ts';

/** Sees to it that what was found due is settled: resolves once it is settled here, or another worker may take it. */
export type HandOver = (jobs: IntakeJob[]) => Promise<void>;

/**
 * By the queue, since that shares work among the workers. What it does not take this worker settles, before it looks for
 * more: so no more waits in memory than one look finds.
 */
export function openHandOver({ queues, log }: Pick<Deps, 'queues' | 'log'>, intake: Pick<Intake, 'settle'>): HandOver {
  return async (jobs) => {
    if (jobs.length === 0 || (await queues.enqueue('intake', jobs))) return;
    const settled = await Promise.allSettled(jobs.map((job) => intake.settle(job)));
    for (const result of settled) {
      if (result.status === 'rejected') log.warn({ err: result.reason as unknown }, 'not settled; its rows stay due');
    }
  };
}
