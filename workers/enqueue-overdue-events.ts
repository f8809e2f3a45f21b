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

// Less than the minute after which what was taken is found again.
const LOOKS_AHEAD_MS = 50_000;

/** The same at once for all that whoever died may have been told of. */
export async function enqueueWhatTheDeadLeft({ db, queues }: Pick<Deps, 'db' | 'queues'>): Promise<void> {
  const dueBefore = new Date(Date.now() + LOOKS_AHEAD_MS);
  for (let more = true; more;) {
    const step = await takeOverdueEvents(db, WATCHES_PER_STEP, dueBefore);
    await queues.enqueue('intake', jobsOf(step.eventIds));
    more = step.more;
  }
}

function jobsOf(eventIds: string[]): IntakeJob[] {
  const jobs: IntakeJob[] = [];
  for (let start = 0; start < eventIds.length; start += EVENTS_PER_JOB) {
    jobs.push({ eventIds: eventIds.slice(start, start + EVENTS_PER_JOB), resettlementIds: [] });
  }
  return jobs;
}
