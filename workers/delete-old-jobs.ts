import type { Deps } from '../src/deps.ts';
import { deleteOldJobs } from '../src/operations/jobs/job-rows.ts';
import type { Chore } from './sweep.ts';

const KEPT_MS = 90 * 86_400_000;
const JOBS_PER_STEP = 100;

/** Finished jobs only report what was done; what they did is told by the inbox and the audit log. */
export function deleteOldJobsChore({ db, clock }: Pick<Deps, 'db' | 'clock'>): Chore {
  return {
    name: 'job retention',
    everyMs: 3_600_000,
    run: async () =>
      (await deleteOldJobs(db, new Date(clock.now().getTime() - KEPT_MS), JOBS_PER_STEP)) === JOBS_PER_STEP,
  };
}
