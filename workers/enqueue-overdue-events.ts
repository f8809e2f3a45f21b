import type { Deps } from '../src/deps.ts';
import { takeOverdueEvents } from '../src/pipeline/work-items/find-overdue.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import type { HandOver } from './hand-over.ts';
import type { Chore } from './sweep.ts';

const WATCHES_PER_STEP = 50;
const EVENTS_PER_JOB = 500;

// A message that nobody was told of is found ten seconds after it was stored (FIRST_SWEEP_AFTER_MS), and where that job is
// lost, too, so long after that: in all within the half minute that operations.md promises.
const AGAIN_AFTER_S = 15;

// Of so many nobody lost the jobs: workers have not come so far yet. To enqueue them four times a minute would keep the
// workers from them.
const BACKLOG = 5_000;
const AGAIN_IN_BACKLOG_S = 60;

/** Inbox events that wait for too long, because their job was lost or failed, are enqueued again. */
export function enqueueOverdueEventsChore({ db }: Pick<Deps, 'db'>, handOver: HandOver): Chore {
  let taken = 0;
  let countedSince = performance.now();
  return {
    name: 'overdue inbox events',
    everyMs: 1_000,
    async run() {
      if (performance.now() - countedSince > AGAIN_AFTER_S * 1_000) [taken, countedSince] = [0, performance.now()];
      const againAfterS = taken >= BACKLOG ? AGAIN_IN_BACKLOG_S : AGAIN_AFTER_S;
      const { eventIds, more } = await takeOverdueEvents(db, WATCHES_PER_STEP, againAfterS);
      taken += eventIds.length;
      await handOver(jobsOf(eventIds));
      return more;
    },
  };
}

// Less than the time after which what was taken is found again, so that this comes to an end.
const LOOKS_AHEAD_MS = (AGAIN_AFTER_S - 1) * 1_000;

/** The same at once for all that a worker may have been told of without hearing it. */
export async function enqueueUnheardEvents({ db }: Pick<Deps, 'db'>, handOver: HandOver): Promise<void> {
  const dueBefore = new Date(Date.now() + LOOKS_AHEAD_MS);
  for (let more = true; more;) {
    const step = await takeOverdueEvents(db, WATCHES_PER_STEP, AGAIN_AFTER_S, dueBefore);
    await handOver(jobsOf(step.eventIds));
    // A watch of what failed keeps its turn, and so is found again.
    more = step.more && step.eventIds.length > 0;
  }
}

function jobsOf(eventIds: string[]): IntakeJob[] {
  const jobs: IntakeJob[] = [];
  for (let start = 0; start < eventIds.length; start += EVENTS_PER_JOB) {
    jobs.push({ eventIds: eventIds.slice(start, start + EVENTS_PER_JOB), resettlementIds: [] });
  }
  return jobs;
}
