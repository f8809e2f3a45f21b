import type { Deps } from '../src/deps.ts';
import { continueRecovery } from '../src/outbound/recovery/recoveries.ts';
import type { Chore } from './sweep.ts';

/** A recovery is long, so it goes on here page by page, whoever began it. */
export function continueRecoveriesChore(deps: Pick<Deps, 'db' | 'queues' | 'clock'>): Chore {
  return {
    name: 'recoveries',
    everyMs: 1_000,
    run: async () => (await continueRecovery(deps, deps.clock.now())) !== null,
  };
}
