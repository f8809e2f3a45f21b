import { setTimeout as pause } from 'node:timers/promises';
import type { Deps } from '../src/deps.ts';
import { workOnJob } from '../src/operations/jobs/work-on-jobs.ts';
import type { Chore } from './sweep.ts';

/** Until what a page asked to be settled is looked at again, where another process settles it. */
const IN_FLIGHT_MS = 100;

/** What a person asked to be done with many objects goes on here page by page, whoever began it. */
export function workOnJobsChore(deps: Pick<Deps, 'db' | 'queues' | 'clock' | 'log'>): Chore {
  return {
    name: 'jobs',
    everyMs: 1_000,
    async run() {
      const step = await workOnJob(deps);
      if (step && !step.moved) await pause(IN_FLIGHT_MS);
      return step !== null;
    },
  };
}
