import type { Destination } from './destinations.ts';
import type { Slot } from './throttle.ts';

/**
 * One endpoint's share of a sender. What an endpoint may have in memory grows while it answers and shrinks while it does
 * not, so that a fast one is fed in large batches and a dead one holds hardly anything.
 */
export class Lane {
  readonly endpointId: string;
  /** Claimed, in time order, not yet begun. */
  readonly queue: Slot[] = [];
  /** Requests under way. */
  active = 0;
  /** Claimed and not yet recorded: queued, under way, or waiting for the record. */
  claimed = 0;
  /** There is, or may be, more that is due. */
  hungry = false;
  /** The breaker lets one delivery at a time through. */
  halfOpen = false;
  /** It failed lately: its next success must be written down. */
  failing = false;
  /** As it was when deliveries were last claimed: what is sent next is signed and addressed by it. */
  destination: Destination | null = null;
  /** Its places in the throttle were missed and others are being reserved. */
  replacing = false;
  /** For the next free place of a throttled endpoint. */
  slotTimer: NodeJS.Timeout | null = null;
  /** For the first of the retries that are due soon. */
  retryTimer: NodeJS.Timeout | null = null;
  #quota = FIRST_QUOTA;
  #successes = 0;
  #averageMs = 0;

  constructor(endpointId: string) {
    this.endpointId = endpointId;
  }

  /** How many may be claimed at most, with `share` as the bound that is fair to the other lanes. */
  limit(share: number): number {
    if (this.halfOpen) return 1;
    // More than two seconds' worth would wait in memory while other processes might send it.
    const inTwoSeconds = this.#averageMs > 0 ? Math.floor((MAX_WIDTH * 2_000) / this.#averageMs) : MAX_QUOTA;
    const inOneSlotSecond = this.destination?.rateLimitPerSecond ?? MAX_QUOTA;
    return Math.max(1, Math.min(this.#quota, Math.max(MAX_WIDTH, inTwoSeconds), inOneSlotSecond, share));
  }

  /**
   * Requests to this endpoint that may be under way at once. One that answers within a few milliseconds is fed as fast
   * by a few connections, and each costs less (measured: 25 us of CPU a request over 16 connections, 45 over 64).
   */
  get width(): number {
    return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, Math.round(this.#averageMs * 6)));
  }

  /** Small refills cost as much as large ones, so half of the limit must be free. */
  wants(share: number): number {
    const limit = this.limit(share);
    return this.hungry && this.claimed <= limit / 2 ? limit - this.claimed : 0;
  }

  noteAnswer(durationMs: number, succeeded: boolean): void {
    this.#averageMs = this.#averageMs === 0 ? durationMs : this.#averageMs * 0.9 + durationMs * 0.1;
    if (!succeeded) return;
    this.#successes += 1;
    if (this.#successes < this.#quota) return;
    this.#successes = 0;
    this.#quota = Math.min(MAX_QUOTA, this.#quota * 2);
  }

  noteSilence(): void {
    this.#successes = 0;
    this.#quota = Math.max(1, this.#quota >> 1);
  }

  get isIdle(): boolean {
    return this.claimed === 0 && !this.hungry && this.retryTimer === null;
  }

  stopTimers(): void {
    clearTimeout(this.slotTimer ?? undefined);
    clearTimeout(this.retryTimer ?? undefined);
    this.slotTimer = null;
    this.retryTimer = null;
  }
}

const MIN_WIDTH = 16;
const MAX_WIDTH = 64;

const FIRST_QUOTA = 16;
// A hundred milliseconds' worth of the fastest endpoint: with half of it the lane ran dry while more was claimed.
const MAX_QUOTA = 1_024;

/**
 * How many deliveries each lane may claim now, out of `total`: first the programs share evenly, then the lanes of each
 * program (those that are new count as one); what one does not want goes to the others. `share` bounds what one lane may hold in all.
 */
export function shareRoom(lanes: readonly Lane[], total: number, share: number): Map<Lane, number> {
  const programs = [...Map.groupBy(lanes, (lane) => lane.destination?.programId).values()];
  const wants = programs.map((members) => members.map((lane) => lane.wants(share)));
  const shares = divideFairly(
    wants.map((each) => each.reduce((sum, want) => sum + want, 0)),
    total,
  );
  const rooms = new Map<Lane, number>();
  for (const [index, members] of programs.entries()) {
    const rations = divideFairly(wants[index] ?? [], shares[index] ?? 0);
    for (const [place, lane] of members.entries()) {
      const room = rations[place] ?? 0;
      if (room > 0) rooms.set(lane, room);
    }
  }
  return rooms;
}

/** Max-min fair: nobody gets more than they want, and whoever gets less than they want gets no less than the others. */
export function divideFairly(wants: readonly number[], total: number): number[] {
  const given = wants.map(() => 0);
  let left = total;
  const order = wants.map((_, index) => index).sort((a, b) => (wants[a] ?? 0) - (wants[b] ?? 0));
  for (const [place, index] of order.entries()) {
    const fair = Math.floor(left / (order.length - place));
    given[index] = Math.min(wants[index] ?? 0, fair);
    left -= given[index];
  }
  return given;
}
