import type { Deps } from '../src/deps.ts';
import {
  buildStatistics,
  rollUpBalances,
  rollUpConversionTotals,
  rollUpStatistics,
  vacuumDeltas,
} from '../src/statistics/rollups.ts';
import type { Chore } from './sweep.ts';

const DELTAS_PER_STEP = 5_000;
const FOLDED_BEFORE_VACUUM = 20_000;

/** Keeps reading fast: folds what was counted into the rollups, soon after and in bounded steps. */
export function rollupChores({ db }: Pick<Deps, 'db'>): Chore[] {
  let folded = 0;
  const fold = async (step: (limit: number) => Promise<number>): Promise<boolean> => {
    const count = await step(DELTAS_PER_STEP);
    folded += count;
    if (folded >= FOLDED_BEFORE_VACUUM) {
      folded = 0;
      await vacuumDeltas(db);
    }
    return count === DELTAS_PER_STEP;
  };
  return [
    {
      name: 'statistics to be built',
      everyMs: 1_000,
      run: async () => (await buildStatistics(db)) > 0,
    },
    {
      name: 'statistics to be rolled up',
      everyMs: 1_000,
      run: () => fold((limit) => rollUpStatistics(db, limit)),
    },
    {
      name: 'balances to be rolled up',
      everyMs: 1_000,
      run: () => fold((limit) => rollUpBalances(db, limit)),
    },
    {
      name: 'totals of conversions to be rolled up',
      everyMs: 1_000,
      run: () => fold((limit) => rollUpConversionTotals(db, limit)),
    },
  ];
}
