import type { Deps } from '../src/deps.ts';
import { deleteOldRefusals } from '../src/inbound/refusals/rows.ts';
import type { Chore } from './sweep.ts';

const ROWS_PER_STEP = 1_000;

/** So long what sources turned away is known. */
export const REFUSALS_KEPT_MS = 30 * 86_400_000;

export function deleteOldRefusalsChore({ db, clock }: Pick<Deps, 'db' | 'clock'>): Chore {
  return {
    name: 'old refusals',
    everyMs: 3_600_000,
    async run() {
      const before = new Date(clock.now().getTime() - REFUSALS_KEPT_MS);
      return (await deleteOldRefusals(db, before, ROWS_PER_STEP)) >= ROWS_PER_STEP;
    },
  };
}
