import type { Deps } from '../src/deps.ts';
import { deleteOldKeys } from '../src/http/idempotency-keys.ts';
import type { Chore } from './sweep.ts';

const KEYS_PER_STEP = 1_000;

export function deleteOldIdempotencyKeysChore({ db }: Pick<Deps, 'db'>): Chore {
  return {
    name: 'old idempotency keys',
    everyMs: 60_000,
    run: async () => (await deleteOldKeys(db, KEYS_PER_STEP)) === KEYS_PER_STEP,
  };
}
