import type { Deps } from '../src/deps.ts';
import { takeOverdueEvents } from '../src/pipeline/work-items/find-overdue.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import type { Chore } from './sweep.ts';

const WATCHES_PER_STEP = 50;
const EVENTS_PER_JOB = 500;

/** Inbox events that wait for too long, because their job was lost or failed, are enqueued again. */
export function enqueueOverdueEventsChore({ db, queues }: Pick<Deps, 'db' | 'queues'>): Chore {
  return {
    name: 'overdue inbox events',
    everyMs: 1_000,
    async run() {
      const { eventIds, more } = await takeOverdueEvents(db, WATCHES_PER_STEP);
      await queues.enqueue('intake', jobsOf(eventIds));
      return more;
    },
  };
}

function jobsOf(eventIds: string[]): IntakeJob[] {
  const jobs: IntakeJob[] = [];
  for (let start = 0; start < eventIds.length; start += EVENTS_PER_JOB) {
    jobs.push({ eventIds: eventIds.slice(start, start + EVENTS_PER_JOB), resettlementIds: [] });
  }
  return jobs;
}
