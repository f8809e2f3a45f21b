/** How often a session that waits for an answer is looked at. */
const TICK_MS = 500;

/** So long nothing may come from a server before it is asked whether it is at work at all. */
export const SILENT_AFTER_MS = 2_500;

export interface SilenceOptions {
  /** How many bytes were received so far. */
  received: () => number;
  /** Whether the server is known to work on what was sent, or may do. Never rejects. */
  isAtWork: () => Promise<boolean>;
  /** After so much silence it counts as lost, even if it may be at work. Infinity: never. */
  giveUpAfterMs: number;
  onLost: (silentMs: number) => void;
}

/**
 * Notices a server that is lost without a word: no FIN, no RST, nothing that TCP tells of within a quarter of an hour. What
 * is merely slow is left alone. For each statement that costs an assignment: a timer looks at the session while it is used,
 * and counts its ticks, not the time, so that a process that was stopped itself does not blame the server.
 */
export class SilenceWatch {
  readonly #options: SilenceOptions;
  #timer: NodeJS.Timeout | null = null;
  #isWaiting = false;
  #received = 0;
  #silentTicks = 0;
  #askedAtTick = 0;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Something was sent that will be answered. */
  sent(): void {
    this.#isWaiting = true;
    this.#timer ??= this.#start();
  }

  /** All that was sent is answered. */
  answered(): void {
    this.#isWaiting = false;
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #start(): NodeJS.Timeout {
    this.#silentTicks = 0;
    this.#received = this.#options.received();
    return setInterval(() => this.#look(), TICK_MS).unref();
  }

  #look(): void {
    if (!this.#isWaiting) {
      this.stop();
      return;
    }
    if (this.#hasHeard()) return;
    this.#silentTicks += 1;
    const silentMs = this.#silentTicks * TICK_MS;
    if (silentMs >= this.#options.giveUpAfterMs) this.#options.onLost(silentMs);
    else if (silentMs - this.#askedAtTick * TICK_MS >= SILENT_AFTER_MS) void this.#ask(silentMs);
  }

  #hasHeard(): boolean {
    const received = this.#options.received();
    if (received === this.#received) return false;
    this.#received = received;
    this.#silentTicks = 0;
    this.#askedAtTick = 0;
    return true;
  }

  async #ask(silentMs: number): Promise<void> {
    this.#askedAtTick = this.#silentTicks;
    const isAtWork = await this.#options.isAtWork();
    // The answer may have come meanwhile, or the session ended.
    if (isAtWork || !this.#timer || !this.#isWaiting || this.#hasHeard()) return;
    this.#options.onLost(silentMs);
  }
}
