import type { Deps } from '../src/deps.ts';
import { requestDueApprovals } from '../src/pipeline/work-items/find-overdue.ts';
import type { HandOver } from './hand-over.ts';
import type { Chore } from './sweep.ts';

const APPROVALS_PER_STEP = 200;

/** Orders whose hold is over are settled again, which approves their commissions. */
export function requestDueApprovalsChore({ db, clock }: Pick<Deps, 'db' | 'clock'>, handOver: HandOver): Chore {
  return {
    name: 'due approvals',
    everyMs: 5_000,
    async run() {
      const resettlementIds = await requestDueApprovals(db, clock.now(), APPROVALS_PER_STEP);
      if (resettlementIds.length > 0) await handOver([{ eventIds: [], resettlementIds }]);
      return resettlementIds.length === APPROVALS_PER_STEP;
    },
  };
}
