import { inTime } from '../process/in-time.ts';
import type { OutageLog } from '../process/outage-log.ts';

export interface BreakerState {
  ok: boolean;
  /** When it stopped taking calls; null while it takes them. */
  since: Date | null;
  /** What went wrong last; null while it takes calls. */
  error: string | null;
}

export interface BreakerOptions {
  /** How long a call is waited for. */
  boundMs: number;
  /** Whether calls would be taken again: rejects, or does not settle, where they would not. */
  probe: () => Promise<unknown>;
  /** Told of each failure and of the end of an outage. */
  outage: OutageLog;
  /** The least time between probes. */
  probeEveryMs?: number;
}

const PROBE_EVERY_MS = 500;
const MOST_PROBE_EVERY_MS = 4_000;
/** Who fails again so soon after a probe succeeded is probed less often: the probe does not see what is wrong. */
const RELAPSE_WITHIN_MS = 10_000;
/** A probe may take longer than a call, since nobody waits for it. */
const PROBE_BOUND_MS = 1_000;
const TICKS_PER_BOUND = 5;

interface Waiting {
  since: number;
  giveUp: () => void;
}

/**
 * Keeps callers from waiting for a store that is away. A call that fails, or gets no answer in time, opens the breaker: all
 * calls under way are given up, and until a probe succeeds no call is made.
 *
 * Thousands of calls a second go through here, so none has a timer of its own: one for all of them counts ticks while
 * calls are under way. Ticks and not times, since a process that is too busy to read answers counts none.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #waiting = new Set<Waiting>();
  #tick = 0;
  #watchdog: NodeJS.Timeout | null = null;
  #probeTimer: NodeJS.Timeout | null = null;
  #probing: Promise<void> | null = null;
  #open = false;
  #recoveredAt = -Infinity;
  #pauseMs = 0;
  #closed = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get state(): BreakerState {
    const { since, lastError } = this.#options.outage;
    return { ok: !this.#open, since, error: lastError };
  }

  /** What the call resolves with, or null where it failed, was given up or not made. Never rejects. */
  run<T extends object>(call: () => Promise<T>): Promise<T | null> {
    if (this.#open || this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const waiting: Waiting = { since: this.#tick, giveUp: () => resolve(null) };
      this.#waiting.add(waiting);
      this.#watchdog ??= this.#watch();
      void this.#make(call, waiting, resolve);
    });
  }

  async #make<T>(call: () => Promise<T>, waiting: Waiting, resolve: (value: T | null) => void): Promise<void> {
    try {
      resolve(await call());
      this.#waiting.delete(waiting);
    } catch (error) {
      // What was given up before says nothing of now.
      if (this.#waiting.delete(waiting)) this.trip(error as Error);
      resolve(null);
    }
  }

  /** Opens it: something else than a call showed that the store is away. */
  trip(error: Error): void {
    if (this.#closed) return;
    this.#options.outage.failed(error);
    if (!this.#open) {
      this.#open = true;
      const relapsed = performance.now() - this.#recoveredAt < RELAPSE_WITHIN_MS;
      this.#pauseMs = relapsed ? this.#longerPause() : 0;
    }
    for (const { giveUp } of this.#waiting) giveUp();
    this.#waiting.clear();
    this.#probeTimer ??= this.#probeIn(this.#pauseMs);
  }

  /** Probes now, unless a probe is under way; resolves with whether calls are taken. */
  async probe(): Promise<boolean> {
    if (this.#probeTimer) clearTimeout(this.#probeTimer);
    this.#probeTimer = null;
    this.#probing ??= this.#runProbe().finally(() => (this.#probing = null));
    await this.#probing;
    return !this.#open;
  }

  close(): void {
    this.#closed = true;
    for (const timer of [this.#watchdog, this.#probeTimer]) if (timer) clearTimeout(timer);
    for (const { giveUp } of this.#waiting) giveUp();
    this.#waiting.clear();
  }

  async #runProbe(): Promise<void> {
    try {
      await inTime(PROBE_BOUND_MS, this.#options.probe(), `no answer within ${PROBE_BOUND_MS} ms`);
      this.#recover();
    } catch (error) {
      this.#pauseMs = Math.max(this.#pauseMs, this.#options.probeEveryMs ?? PROBE_EVERY_MS);
      this.trip(error as Error);
    }
  }

  #recover(): void {
    if (!this.#open || this.#closed) return;
    this.#open = false;
    this.#recoveredAt = performance.now();
    this.#options.outage.succeeded();
  }

  #longerPause(): number {
    const least = this.#options.probeEveryMs ?? PROBE_EVERY_MS;
    return Math.min(Math.max(this.#pauseMs * 2, least), MOST_PROBE_EVERY_MS);
  }

  #probeIn(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#probeTimer = null;
      if (!this.#closed) void this.probe();
    }, ms);
    return timer.unref();
  }

  /** Runs while calls are under way; they stand in the order in which they began. */
  #watch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#watchdog = null;
      this.#tick += 1;
      const [oldest] = this.#waiting;
      if (oldest === undefined) return;
      this.#watchdog = this.#watch();
      if (this.#tick - oldest.since >= TICKS_PER_BOUND) {
        this.trip(new Error(`no answer within ${this.#options.boundMs} ms`));
      }
    }, this.#options.boundMs / TICKS_PER_BOUND);
  }
}
