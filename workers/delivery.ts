import type { Deps } from '../src/deps.ts';
import { openSender } from '../src/outbound/delivery/sender.ts';
import type { Leased, SenderAtHand } from '../src/outbound/messages/leased.ts';
import { parseDeliveryId } from '../src/outbound/wire/delivery-id.ts';
import { consumeQueue, type Consumer } from '../src/queue/queues.ts';
import { sendDueDeliveriesChore } from './send-due-deliveries.ts';
import { startSweep } from './sweep.ts';

// A job only wakes the sender and ends once it has leased what it has room for, so a few at a time are plenty.
const JOBS_AT_ONCE = 4;

export interface Delivery extends Consumer {
  /** Sends these, which a batch of this process made due, without a job. False: it has enough to do, others may help. */
  takes(deliveryIds: readonly string[]): boolean;
  /** The same where nobody else can be asked: what there is no room for stays due. */
  wake(deliveryIds: readonly string[]): void;
  /** To lease to as deliveries are written. What was leased is sent by `send`. */
  sender: SenderAtHand;
  send(leased: Leased): void;
  /** Sends what a dead worker had leased. */
  takeOver(): Promise<void>;
}

/** Consumes the queue `delivery` and sweeps what is due. Closing finishes the attempts under way. */
export function startDelivery(deps: Deps, holder: () => number | null): Delivery {
  const sender = openSender({ ...deps, holder });
  const consumer = consumeQueue(deps.config, 'delivery', JOBS_AT_ONCE, deps.log, (job) => {
    const { origin, deliveryIds } = job;
    if (origin !== undefined) {
      const messageIds = deliveryIds.map((id) => parseDeliveryId(id).messageId);
      deps.tracing?.expectDeliveriesOf(origin, messageIds);
    }
    return sender.wake(deliveryIds);
  });
  const sweep = startSweep(deps, [sendDueDeliveriesChore(sender)]);
  function wake(deliveryIds: readonly string[]): void {
    sender
      .wake(deliveryIds)
      .catch((error: unknown) => deps.log.warn({ err: error }, 'deliveries not begun; the sweep finds them'));
  }
  return {
    takes(deliveryIds) {
      if (deliveryIds.length > sender.room()) return false;
      wake(deliveryIds);
      return true;
    },
    wake,
    sender,
    send(leased) {
      sender
        .send(leased)
        .catch((error: unknown) => deps.log.warn({ err: error }, 'deliveries not begun; their leases run out'));
    },
    takeOver: () => sender.takeOver(),
    async close() {
      await Promise.all([consumer.close(), sweep.close()]);
      await sender.close();
    },
  };
}
