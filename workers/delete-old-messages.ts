import type { Deps } from '../src/deps.ts';
import { deleteOldMessages, deleteOldRecoveries } from '../src/outbound/messages/retention.ts';
import type { Chore } from './sweep.ts';

// Small enough that nobody waits for its locks.
const MESSAGES_PER_STEP = 500;
const DAY_MS = 86_400_000;

/** Messages past MESSAGE_RETENTION_DAYS go, with their deliveries and attempts and with recoveries as old. */
export function deleteOldMessagesChore({ db, clock, config }: Pick<Deps, 'db' | 'clock' | 'config'>): Chore {
  return {
    name: 'message retention',
    everyMs: 60_000,
    async run() {
      const before = new Date(clock.now().getTime() - config.messageRetentionDays * DAY_MS);
      await deleteOldRecoveries(db, before);
      return (await deleteOldMessages(db, before, MESSAGES_PER_STEP)) === MESSAGES_PER_STEP;
    },
  };
}
