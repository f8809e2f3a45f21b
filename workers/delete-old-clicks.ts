import type { Deps } from '../src/deps.ts';
import { deleteOldClicks } from '../src/program/click-retention.ts';
import type { Chore } from './sweep.ts';

// Small enough that nobody waits for its locks.
const CLICKS_PER_STEP = 1_000;

/** Clicks that no order names go when they are past every window of their program and its `clickRetentionDays`. */
export function deleteOldClicksChore({ db, clock }: Pick<Deps, 'db' | 'clock'>): Chore {
  let after: string | null = null;
  return {
    name: 'click retention',
    everyMs: 3_600_000,
    async run() {
      // Those that stay are passed over until the next round, which begins with the oldest again.
      const step = await deleteOldClicks(db, clock.now(), after, CLICKS_PER_STEP);
      after = step.last;
      return step.last !== null;
    },
  };
}
