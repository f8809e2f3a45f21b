import { inTransaction, type Db, type Trx } from '../../db/db.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Queues } from '../../queue/queues.ts';
import { deliveryJobs } from '../wire/delivery-id.ts';
import { writeMessages, type MessageDraft } from './write-messages.ts';

/**
 * Runs a change and writes the messages about it in one transaction; wakes the senders after the commit. `change`
 * returns its result and the drafts of the messages.
 */
export async function commitAndAnnounce<T>(
  deps: { db: Db; queues: Pick<Queues, 'enqueue'>; clock: Clock },
  change: (trx: Trx) => Promise<{ result: T; drafts: MessageDraft[] }>,
): Promise<T> {
  const { result, deliveryIds } = await inTransaction(deps.db, async (trx) => {
    const { result, drafts } = await change(trx);
    return { result, deliveryIds: await writeMessages(trx, drafts, deps.clock.now()) };
  });
  void deps.queues.enqueue('delivery', deliveryJobs(deliveryIds));
  return result;
}
