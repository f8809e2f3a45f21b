import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import type { IntakeJob } from '../queue/jobs.ts';
import { settleSafely } from '../pipeline/settle-safely.ts';

/** What exceeds this is left to the workers, so that no caller waits long. */
const AT_ONCE = 500;

interface SettleNowDeps {
  db: Db;
  queues: Pick<Queues, 'enqueue'>;
  clock: Clock;
  log: Logger;
}

/**
 * Settles the orders that a change (a payout, say) asked to settle again, so that its caller sees the consequences at once.
 * What is too much, or fails here, is left to the workers: the requests are rows.
 */
export async function settleNow(deps: SettleNowDeps, requestedIds: readonly string[]): Promise<void> {
  const later = requestedIds.slice(AT_ONCE);
  await settleHere(deps, { eventIds: [], resettlementIds: requestedIds.slice(0, AT_ONCE) });
  if (later.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds: later }]);
}

/** Settles inbox events that are stored, no more than one batch of a worker has. What fails here is left to the workers. */
export function settleEventsNow(deps: SettleNowDeps, eventIds: readonly string[]): Promise<void> {
  return settleHere(deps, { eventIds: [...eventIds], resettlementIds: [] });
}

async function settleHere(deps: SettleNowDeps, job: IntakeJob): Promise<void> {
  if (job.eventIds.length + job.resettlementIds.length === 0) return;
  try {
    const { written, resettlementIds } = await settleSafely(deps, job);
    const { deliveryIds } = written;
    if (deliveryIds.length > 0) await deps.queues.enqueue('delivery', [{ deliveryIds }]);
    if (resettlementIds.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
  } catch (error) {
    deps.log.warn({ err: error }, 'settling at once failed; a worker will do it');
    await deps.queues.enqueue('intake', [job]);
  }
}
