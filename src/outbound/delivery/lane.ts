import type { Lease } from '../wire/lease.ts';
import type { Destination } from './destinations.ts';
import { Pace } from './pace.ts';
import type { AttemptRecord } from './records.ts';
import { TOTAL_TIMEOUT_MS } from './send.ts';
import { SLOT_TOLERANCE_MS, type MissedSlots, type Slot } from './throttle.ts';

export interface LaneEvents {
  /** The slot that the lane waited for begins: `next` has something to start. */
  onSlot: (lane: Lane) => void;
  /** A retry is due, and the lane has more due. */
  onRetryDue: (lane: Lane) => void;
}

/** A delivery to send, and how. */
export interface Sending {
  lease: Lease;
  destination: Destination;
}

/** Retries that are due later than this are left to the sweep. */
const MAX_RETRY_TIMER_MS = 10_000;

/**
 * One endpoint's share of a sender. A lease comes in by `add`, is started by `next`, ends by `finish` and leaves when its
 * attempt is stored (`noteRecorded`). The lane keeps the queue, the counters and the timers; what is leased, sent and
 * stored is up to the sender.
 */
export class Lane {
  readonly endpointId: string;
  /** There is, or may be, more that is due. */
  hasMoreDue = false;
  readonly #events: LaneEvents;
  readonly #pace = new Pace();
  /** In time order, not yet started. */
  readonly #queue: Slot[] = [];
  #underWay = 0;
  /** Queued, under way, or waiting to be recorded. */
  #leased = 0;
  /** As it was when deliveries were last leased: what is sent next is signed and addressed by it. */
  #destination: Destination | null = null;
  #failing = false;
  /** The breaker lets one delivery at a time through. */
  #halfOpen = false;
  /** The sender reserves other slots in place of those that `takeMissedSlots` gave. */
  #reservingSlots = false;
  #slotTimer: NodeJS.Timeout | null = null;
  /** For the first of the retries that are due soon. */
  #retryTimer: NodeJS.Timeout | null = null;

  constructor(endpointId: string, events: LaneEvents) {
    this.endpointId = endpointId;
    this.#events = events;
  }

  get leased(): number {
    return this.#leased;
  }

  /** Undefined where nothing was leased yet. */
  get programId(): string | undefined {
    return this.#destination?.programId;
  }

  /** It failed lately, so its next success must be written to its health. */
  get isFailing(): boolean {
    return this.#failing;
  }

  /** So many are begun at once: nothing waits, nothing failed lately, and there is room. */
  isFreeFor(count: number): boolean {
    return !this.hasMoreDue && !this.#failing && this.#leased + count <= this.#pace.most / 2;
  }

  get isIdle(): boolean {
    return this.#leased === 0 && !this.hasMoreDue && this.#retryTimer === null;
  }

  /** How many more may be leased, with `share` as the bound that is fair to the other lanes. */
  wants(share: number): number {
    const limit = this.#limit(share);
    // A small refill costs as much as a large one, so half of the limit must be free.
    return this.hasMoreDue && this.#leased <= limit / 2 ? limit - this.#leased : 0;
  }

  #limit(share: number): number {
    if (this.#halfOpen) return 1;
    const inOneSecond = this.#destination?.rateLimitPerSecond ?? Infinity;
    return Math.max(1, Math.min(this.#pace.most, inOneSecond, share));
  }

  add(destination: Destination, slots: readonly Slot[]): void {
    this.#destination = destination;
    this.#failing ||= destination.failing;
    this.#halfOpen = destination.halfOpen;
    this.#queue.push(...slots);
    this.#leased += slots.length;
  }

  /** If as many were leased as the room and the rate limit allow, more may be due. */
  noteLeased(count: number, room: number): void {
    if (count === Math.min(room, this.#destination?.rateLimitPerSecond ?? room)) this.hasMoreDue = true;
  }

  /**
   * What to send now; null where there is nothing, or enough is under way. Where the next slot is still to come a timer
   * waits for it.
   */
  next(now: Date): Sending | null {
    const destination = this.#destination;
    if (!destination) return null;
    for (let head = this.#head(); head; head = this.#head()) {
      const waitMs = head.notBefore - now.getTime();
      if (waitMs > 0) {
        this.#waitForSlot(waitMs);
        return null;
      }
      this.#queue.shift();
      if (lastsForAttempt(head.lease, now)) {
        this.#underWay += 1;
        return { lease: head.lease, destination };
      }
      this.#leased -= 1;
      this.hasMoreDue = true;
    }
    return null;
  }

  /** The first of the queue, where there is room for another request. */
  #head(): Slot | undefined {
    return this.#underWay < this.#pace.width && !this.#reservingSlots ? this.#queue[0] : undefined;
  }

  #waitForSlot(waitMs: number): void {
    this.#slotTimer ??= setTimeout(() => {
      this.#slotTimer = null;
      this.#events.onSlot(this);
    }, waitMs);
  }

  /**
   * The queue of a throttled endpoint whose next slot has passed, because this process was held up; else null. Nothing
   * is started until `putBack` brings other slots.
   */
  takeMissedSlots(now: Date): MissedSlots | null {
    const head = this.#head();
    const rate = this.#destination?.rateLimitPerSecond ?? null;
    if (!head || rate === null) return null;
    const lateMs = now.getTime() - head.notBefore;
    if (lateMs <= SLOT_TOLERANCE_MS) return null;
    this.#reservingSlots = true;
    return { endpointId: this.endpointId, rate, slots: this.#queue.splice(0), lateMs };
  }

  /** Later slots for those that were missed; none: they could not be reserved, and the leases run out. */
  putBack(missed: MissedSlots, later: readonly Slot[]): void {
    this.#reservingSlots = false;
    this.#leased -= missed.slots.length - later.length;
    this.#queue.push(...later);
    this.#queue.sort((a, b) => a.notBefore - b.notBefore);
  }

  /** An attempt ended: its record is still to be stored. Null: there is nothing to store, and the lease runs out. */
  finish(record: AttemptRecord | null): void {
    this.#underWay -= 1;
    if (record === null) {
      this.#leased -= 1;
      return;
    }
    this.#pace.note(record);
    if (!record.succeeded) this.#failing = true;
  }

  noteRecorded({ succeeded }: AttemptRecord): void {
    this.#leased -= 1;
    if (!succeeded) return;
    this.#failing = false;
    this.#halfOpen = false;
  }

  /** A retry that is due soon is not left to the sweep. */
  retryLater(at: Date, now: Date): void {
    const delayMs = at.getTime() - now.getTime();
    if (this.#retryTimer || delayMs > MAX_RETRY_TIMER_MS) return;
    this.#retryTimer = setTimeout(
      () => {
        this.#retryTimer = null;
        this.hasMoreDue = true;
        this.#events.onRetryDue(this);
      },
      Math.max(delayMs, 0) + 1,
    );
  }

  /** Empties the queue. What is under way stays. */
  release(): Lease[] {
    const leases = this.#queue.splice(0).map((slot) => slot.lease);
    this.#leased -= leases.length;
    return leases;
  }

  /** Looks for nothing more and stops the timers. */
  close(): void {
    this.hasMoreDue = false;
    clearTimeout(this.#slotTimer ?? undefined);
    clearTimeout(this.#retryTimer ?? undefined);
    this.#slotTimer = null;
    this.#retryTimer = null;
  }
}

/** Whether the lease outlasts an attempt; if not, another sender could lease the delivery meanwhile. */
function lastsForAttempt({ lockedUntil }: Lease, now: Date): boolean {
  return now.getTime() + TOTAL_TIMEOUT_MS <= lockedUntil.getTime();
}
