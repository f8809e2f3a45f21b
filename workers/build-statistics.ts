import type { Deps } from '../src/deps.ts';
import { buildStatistics } from '../src/statistics/rollups.ts';
import type { Chore } from './sweep.ts';

/** The statistics of a program that has none yet, or whose time zone changed, are counted from its rows. */
export function buildStatisticsChore({ db }: Pick<Deps, 'db'>): Chore {
  return {
    name: 'statistics to be built',
    everyMs: 1_000,
    run: async () => (await buildStatistics(db)) > 0,
  };
}
