import type { AttemptRecord } from './records.ts';

/**
 * How much an endpoint can take, learnt from its answers: a fast one is fed in large batches, one that does not answer
 * holds hardly anything.
 */
export class Pace {
  #quota = FIRST_QUOTA;
  /** Since the quota last changed. */
  #successes = 0;
  #averageMs = 0;

  /**
   * Deliveries that may be in memory at once. No more than the endpoint answers in two seconds: the rest can wait in the
   * table, where another process may send it.
   */
  get most(): number {
    const inTwoSeconds = this.#averageMs > 0 ? Math.floor((MAX_WIDTH * 2_000) / this.#averageMs) : MAX_QUOTA;
    return Math.min(this.#quota, Math.max(MAX_WIDTH, inTwoSeconds));
  }

  /**
   * Requests that may be under way at once. One that answers within a few milliseconds is fed as fast by a few
   * connections, and each costs less (measured: 25 us of CPU a request over 16 connections, 45 over 64).
   */
  get width(): number {
    return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, Math.round(this.#averageMs * 6)));
  }

  /** Learns from an attempt: a round of successes doubles the quota, each attempt without an answer halves it. */
  note({ responseStatus, durationMs, succeeded }: Pick<AttemptRecord, 'responseStatus' | 'durationMs' | 'succeeded'>) {
    if (responseStatus === null) {
      this.#successes = 0;
      this.#quota = Math.max(1, this.#quota >> 1);
      return;
    }
    this.#averageMs = this.#averageMs === 0 ? durationMs : this.#averageMs * 0.9 + durationMs * 0.1;
    if (!succeeded) return;
    this.#successes += 1;
    if (this.#successes < this.#quota) return;
    this.#successes = 0;
    this.#quota = Math.min(MAX_QUOTA, this.#quota * 2);
  }
}

const MIN_WIDTH = 16;
const MAX_WIDTH = 64;

const FIRST_QUOTA = 16;
// A hundred milliseconds' worth of the fastest endpoint: with half of it the lane ran dry while more was leased.
const MAX_QUOTA = 1_024;
