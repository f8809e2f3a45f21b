import type { Sender } from '../src/outbound/delivery/sender.ts';
import type { Chore } from './sweep.ts';

/** Retries come due and jobs get lost: both are found by looking. */
export function sendDueDeliveriesChore(sender: Sender): Chore {
  return {
    name: 'due deliveries',
    everyMs: 1_000,
    async run() {
      await sender.sweep();
      return false;
    },
  };
}
