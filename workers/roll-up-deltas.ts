import type { Deps } from '../src/deps.ts';
import { rollUpBalances, rollUpConversionTotals, rollUpStatistics, vacuumDeltas } from '../src/statistics/rollups.ts';
import type { Chore } from './sweep.ts';

const DELTAS_PER_STEP = 5_000;
const ROLLED_UP_BEFORE_VACUUM = 20_000;

/** What was counted goes into the rollups soon after, in bounded steps, so that reading stays fast. */
export function rollUpChores({ db }: Pick<Deps, 'db'>): Chore[] {
  let sinceVacuum = 0;
  const rollUp = async (step: (limit: number) => Promise<number>): Promise<boolean> => {
    const count = await step(DELTAS_PER_STEP);
    sinceVacuum += count;
    if (sinceVacuum >= ROLLED_UP_BEFORE_VACUUM) {
      sinceVacuum = 0;
      await vacuumDeltas(db);
    }
    return count === DELTAS_PER_STEP;
  };
  return [
    {
      name: 'statistics to be rolled up',
      everyMs: 1_000,
      run: () => rollUp((limit) => rollUpStatistics(db, limit)),
    },
    {
      name: 'balances to be rolled up',
      everyMs: 1_000,
      run: () => rollUp((limit) => rollUpBalances(db, limit)),
    },
    {
      name: 'totals of conversions to be rolled up',
      everyMs: 1_000,
      run: () => rollUp((limit) => rollUpConversionTotals(db, limit)),
    },
  ];
}
