import type { WaitingMessage } from '../queue/settling-facts.ts';

/** A message is settled by then, whatever was lost on its way: the sweep finds it (src/docs/operations.md). */
export const SETTLED_WITHIN_S = 30;

/** While older ones wait something has to be settled within so much, or settling stands still. */
const PROGRESS_WITHIN_MS = 5_000;

export interface SettlingState {
  /** For how long the oldest message has waited; null: none for ten seconds or more. */
  oldestS: number | null;
  /** Workers that hold their lock; null: not known. */
  workers: number | null;
  /** Old messages wait, and none is settled. */
  standsStill: boolean;
  error: string | null;
}

/** Tells a backlog that is worked off from settling that stands still, by what the database shows from one look to the next. */
export class SettlingWatch {
  readonly #now: () => number;
  #oldest: WaitingMessage[] = [];
  #progressAt: number;
  #state: SettlingState = { oldestS: null, workers: null, standsStill: false, error: null };

  constructor(now: () => number) {
    this.#now = now;
    this.#progressAt = now();
  }

  /** The ids to look at again. */
  get known(): string[] {
    return this.#oldest.map(({ id }) => id);
  }

  get state(): SettlingState {
    return this.#state;
  }

  /** `isSettled`: whether any of the messages that came lately is settled; it is asked only while old ones wait. */
  async note(
    oldest: WaitingMessage[],
    workers: number | null,
    isSettled: () => Promise<boolean>,
  ): Promise<SettlingState> {
    const waiting = new Set(oldest.map(({ id }) => id));
    const oldestS = oldest.length === 0 ? null : Math.max(...oldest.map(({ waitsS }) => waitsS));
    const isLate = oldestS !== null && oldestS > SETTLED_WITHIN_S;
    // Whoever looks after a pause does not know what happened meanwhile.
    const hasLeft = this.#oldest.some(({ id }) => !waiting.has(id));
    if (!isLate || hasLeft || (await isSettled())) this.#progressAt = this.#now();
    this.#oldest = oldest;
    const standsStill = isLate && this.#now() - this.#progressAt >= PROGRESS_WITHIN_MS;
    const error = explain(oldestS, workers, standsStill);
    this.#state = { oldestS: oldestS === null ? null : Math.round(oldestS * 10) / 10, workers, standsStill, error };
    return this.#state;
  }
}

function explain(oldestS: number | null, workers: number | null, standsStill: boolean): string | null {
  if (oldestS === null) return null;
  const waits = `a message has waited for ${Math.round(oldestS)} s`;
  if (workers === 0) return `${waits} and no worker is connected: start one (workers/main.ts)`;
  return standsStill ? `${waits} and none is settled: see the log of the worker` : null;
}
