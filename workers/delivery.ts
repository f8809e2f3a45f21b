import type { Deps } from '../src/deps.ts';
import { continueRecovery } from '../src/outbound/recovery/recoveries.ts';
import { deleteOldMessages, deleteOldRecoveries } from '../src/outbound/messages/retention.ts';
import { openSender, type Sender } from '../src/outbound/delivery/sender.ts';
import { consumeQueue, type Consumer } from '../src/queue/queues.ts';
import { startSweep, type Chore } from './sweep.ts';

// A job only wakes the sender and ends once it has claimed what it has room for, so a few at a time are plenty.
const JOBS_AT_ONCE = 4;

// Small enough that nobody waits for its locks.
const MESSAGES_PER_STEP = 500;
const DAY_MS = 86_400_000;

/** Consumes the queue `delivery` and sweeps what is due. Closing finishes the attempts under way. */
export function startDelivery(deps: Deps): Consumer {
  const sender = openSender(deps);
  const consumer = consumeQueue(deps.config, 'delivery', JOBS_AT_ONCE, deps.log, (job) => sender.wake(job.deliveryIds));
  const sweep = startSweep(deps, deliveryChores(deps, sender));
  return {
    async close() {
      await Promise.all([consumer.close(), sweep.close()]);
      await sender.close();
    },
  };
}

/** Retries come due, jobs get lost, recoveries are long and messages grow old: all of that is found by looking. */
function deliveryChores(deps: Deps, sender: Sender): Chore[] {
  const { db, clock, config } = deps;
  return [
    {
      name: 'due deliveries',
      everyMs: 1_000,
      async run() {
        await sender.sweep();
        return false;
      },
    },
    {
      name: 'recoveries',
      everyMs: 1_000,
      async run() {
        return (await continueRecovery(deps, clock.now())) !== null;
      },
    },
    {
      name: 'message retention',
      everyMs: 60_000,
      async run() {
        const before = new Date(clock.now().getTime() - config.messageRetentionDays * DAY_MS);
        await deleteOldRecoveries(db, before);
        return (await deleteOldMessages(db, before, MESSAGES_PER_STEP)) === MESSAGES_PER_STEP;
      },
    },
  ];
}
