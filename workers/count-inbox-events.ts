import type { Deps } from '../src/deps.ts';
import { countNextEvents, countSettledSince } from '../src/inbound/inbox/inbox-counts.ts';
import type { Chore } from './sweep.ts';

const EVENTS_PER_STEP = 5_000;

/** Messages are counted from their rows, some seconds after they came: first those that came, then those that were not settled then. */
export function countInboxEventsChore({ db }: Pick<Deps, 'db'>): Chore {
  let after = '';
  return {
    name: 'messages to be counted',
    everyMs: 2_000,
    async run() {
      if ((await countNextEvents(db, EVENTS_PER_STEP)) === EVENTS_PER_STEP) return true;
      after = (await countSettledSince(db, after, EVENTS_PER_STEP)) ?? '';
      return after !== '';
    },
  };
}
