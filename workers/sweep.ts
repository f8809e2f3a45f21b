import { isOutage } from '../src/db/outage.ts';
import type { Deps } from '../src/deps.ts';
import { findOverdueResettlements, requestDueApprovals, takeOverdueEvents } from '../src/pipeline/work/find-overdue.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import type { Consumer } from '../src/queue/queues.ts';

type SweepDeps = Pick<Deps, 'db' | 'queues' | 'clock' | 'log'>;

const WATCHES_PER_STEP = 50;
const EVENTS_PER_JOB = 500;
const RESETTLEMENTS_PER_STEP = 200;
const RESETTLEMENT_OVERDUE_S = 10;

/** One chore of the sweep; says whether there may be more to do at once. */
export interface Chore {
  name: string;
  everyMs: number;
  run(): Promise<boolean>;
}

/** What keeps lost jobs harmless: rows that are due but not done are enqueued again, in bounded steps. */
export function settlingChores(deps: SweepDeps): Chore[] {
  return [
    {
      name: 'overdue inbox events',
      everyMs: 1_000,
      async run() {
        const { eventIds, more } = await takeOverdueEvents(deps.db, WATCHES_PER_STEP);
        if (eventIds.length > 0) await deps.queues.enqueue('intake', jobsOf(eventIds));
        return more;
      },
    },
    {
      name: 'overdue resettlements',
      everyMs: 10_000,
      async run() {
        const resettlementIds = await findOverdueResettlements(deps.db, RESETTLEMENT_OVERDUE_S, RESETTLEMENTS_PER_STEP);
        if (resettlementIds.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
        return false;
      },
    },
    {
      name: 'due approvals',
      everyMs: 5_000,
      async run() {
        const resettlementIds = await requestDueApprovals(deps.db, deps.clock.now(), RESETTLEMENTS_PER_STEP);
        if (resettlementIds.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
        return resettlementIds.length === RESETTLEMENTS_PER_STEP;
      },
    },
  ];
}

function jobsOf(eventIds: string[]): IntakeJob[] {
  const jobs: IntakeJob[] = [];
  for (let start = 0; start < eventIds.length; start += EVENTS_PER_JOB) {
    jobs.push({ eventIds: eventIds.slice(start, start + EVENTS_PER_JOB), resettlementIds: [] });
  }
  return jobs;
}

/** Runs chores by timer, each by itself: one that fails or is slow holds up no other. */
export function startSweep(deps: Pick<Deps, 'log'>, chores: Chore[]): Consumer {
  const stopping = new AbortController();
  const wakes = new Set<() => void>();
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        wakes.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      wakes.add(finish);
    });
  const loops = chores.map(async (chore) => {
    while (!stopping.signal.aborted) {
      let more = false;
      try {
        more = await chore.run();
      } catch (error) {
        deps.log[isOutage(error) ? 'warn' : 'error']({ err: error, chore: chore.name }, 'sweep failed; it goes on');
      }
      if (!more && !stopping.signal.aborted) await pause(chore.everyMs);
    }
  });
  return {
    async close() {
      stopping.abort();
      for (const wake of wakes) wake();
      await Promise.all(loops);
    },
  };
}
