import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import { settleSafely } from '../pipeline/settle-safely.ts';

/** What exceeds this is left to the workers, so that no caller waits long. */
const AT_ONCE = 500;

/**
 * Settles the orders that a change (a payout, say) asked to settle again, so that its caller sees the consequences at once.
 * What is too much, or fails here, is left to the workers: the requests are rows.
 */
export async function settleNow(
  deps: { db: Db; queues: Pick<Queues, 'enqueue'>; clock: Clock; log: Logger },
  requestedIds: readonly string[],
): Promise<void> {
  const now = requestedIds.slice(0, AT_ONCE);
  const later = requestedIds.slice(AT_ONCE);
  try {
    if (now.length > 0) {
      const { written, resettlementIds } = await settleSafely(deps, { eventIds: [], resettlementIds: now });
      later.push(...resettlementIds);
      const { deliveryIds } = written;
      if (deliveryIds.length > 0) await deps.queues.enqueue('delivery', [{ deliveryIds }]);
    }
  } catch (error) {
    deps.log.warn({ err: error }, 'settling at once failed; a worker will do it');
    later.unshift(...now);
  }
  if (later.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds: later }]);
}
