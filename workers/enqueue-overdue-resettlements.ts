import type { Deps } from '../src/deps.ts';
import { findOverdueResettlements } from '../src/pipeline/work-items/find-overdue.ts';
import type { HandOver } from './hand-over.ts';
import type { Chore } from './sweep.ts';

const RESETTLEMENTS_PER_STEP = 200;
const OVERDUE_AFTER_S = 10;

/** Resettlements that wait for longer than a job takes, because theirs was lost or failed, are enqueued again. */
export function enqueueOverdueResettlementsChore({ db }: Pick<Deps, 'db'>, handOver: HandOver): Chore {
  return {
    name: 'overdue resettlements',
    everyMs: 10_000,
    async run() {
      const resettlementIds = await findOverdueResettlements(db, OVERDUE_AFTER_S, RESETTLEMENTS_PER_STEP);
      if (resettlementIds.length > 0) await handOver([{ eventIds: [], resettlementIds }]);
      return false;
    },
  };
}
