import { GroupCommit } from '../../db/group-commit.ts';
import { isOutage } from '../../db/outage.ts';

const MAX_GROUP_ROWS = 500;
const MAX_WAITING_ROWS = 20_000;

/** Lets concurrent calls share one statement: `run` is given those that came while the one before was under way. */
export function openSharedStatement<Call>(run: (calls: readonly Call[]) => Promise<void>): GroupCommit<Call> {
  return new GroupCommit<Call>({
    write: run,
    sizeOf: () => 1,
    maxRows: MAX_GROUP_ROWS,
    maxBytes: MAX_GROUP_ROWS,
    maxWaitingRows: MAX_WAITING_ROWS,
    maxWaitingBytes: MAX_WAITING_ROWS,
    isOutage,
  });
}
