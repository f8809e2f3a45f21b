import type { Deps } from '../src/deps.ts';
import { compactVersions } from '../src/db/versioned-cache.ts';
import type { Chore } from './sweep.ts';

/** Keeps what tells that a program's configuration changed as small as it is read often. */
export function compactVersionsChore({ db }: Pick<Deps, 'db'>): Chore {
  return {
    name: 'marks of changed configuration',
    everyMs: 5_000,
    async run() {
      await compactVersions(db);
      return false;
    },
  };
}
