import type { Clock } from '../domain/clock.ts';
import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import type { Queues } from '../queue/queues.ts';
import { settleSafely } from '../pipeline/settle-safely.ts';

/** More than this is left to the workers: a caller should not wait for it. */
const AT_ONCE = 500;

/**
 * Settles again what a change beside the orders asked for, so that whoever made the change sees its consequences at
 * once. What is too much, or fails here, the workers do: the requests are rows.
 */
export async function settleNow(
  deps: { db: Db; queues: Queues; clock: Clock; log: Logger },
  resettlementIds: readonly string[],
): Promise<void> {
  const now = resettlementIds.slice(0, AT_ONCE);
  const later = resettlementIds.slice(AT_ONCE);
  try {
    if (now.length > 0) {
      const result = await settleSafely(deps, { eventIds: [], resettlementIds: now });
      later.push(...result.resettlementIds);
      if (result.deliveryIds.length > 0) await deps.queues.enqueue('delivery', [{ deliveryIds: result.deliveryIds }]);
    }
  } catch (error) {
    deps.log.warn({ err: error }, 'settling at once failed; a worker will do it');
    later.unshift(...now);
  }
  if (later.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds: later }]);
}
