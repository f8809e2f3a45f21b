import type { Deps } from '../src/deps.ts';
import { requestDueApprovals } from '../src/pipeline/work-items/find-overdue.ts';
import type { Chore } from './sweep.ts';

const APPROVALS_PER_STEP = 200;

/** Orders whose hold is over are settled again, which approves their commissions. */
export function requestDueApprovalsChore({ db, queues, clock }: Pick<Deps, 'db' | 'queues' | 'clock'>): Chore {
  return {
    name: 'due approvals',
    everyMs: 5_000,
    async run() {
      const resettlementIds = await requestDueApprovals(db, clock.now(), APPROVALS_PER_STEP);
      if (resettlementIds.length > 0) await queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
      return resettlementIds.length === APPROVALS_PER_STEP;
    },
  };
}
