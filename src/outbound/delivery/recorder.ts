import { setTimeout as wait } from 'node:timers/promises';
import { inTransaction, type Db } from '../../db/db.ts';
import type { Logger } from 'pino';
import { isCollision } from '../../db/pg-errors.ts';
import { isOutage } from '../../db/outage.ts';
import type { Clock } from '../../domain/clock.ts';
import { applyHealth, summarizeHealth, type HealthChange } from './endpoint-health.ts';
import { tellExhausted, tellStopped } from './operational-events.ts';
import { recordAttempts, type AttemptRecord } from './records.ts';
import { isGone } from '../wire/schedule.ts';

export interface RecorderDeps {
  db: Db;
  clock: Clock;
  log: Logger;
  retryScheduleS: readonly number[];
}

export interface RecorderEvents {
  isFailing: (endpointId: string) => boolean;
  /** `deliveryIds` are due deliveries of operational events that the records led to. */
  onRecorded: (records: readonly AttemptRecord[], deliveryIds: readonly string[]) => void;
}

const MAX_BATCH = 500;

/** After a batch of this size there is so much going on that a moment's wait makes the next one much larger. */
const BUSY_BATCH = 20;
const GATHER_MS = 8;

/**
 * Stores what attempts came to. While one batch is written the next gathers, so a busy sender writes in large batches and
 * an idle one at once. With the database away it keeps trying for as long as the claims last: past that another sender
 * takes the deliveries, which is the one way in which a message that was delivered can be sent again.
 */
export class Recorder {
  readonly #deps: RecorderDeps;
  readonly #events: RecorderEvents;
  #waiting: AttemptRecord[] = [];
  #writing = false;

  constructor(deps: RecorderDeps, events: RecorderEvents) {
    this.#deps = deps;
    this.#events = events;
  }

  add(record: AttemptRecord): void {
    this.#waiting.push(record);
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      await this.#write(batch);
      if (batch.length >= BUSY_BATCH) await wait(GATHER_MS);
    }
    this.#writing = false;
  }

  async #write(records: AttemptRecord[]): Promise<void> {
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      try {
        const deliveryIds = await this.#store(records);
        this.#events.onRecorded(records, deliveryIds);
        return;
      } catch (error) {
        if (!this.#mayRetry(error, records)) return this.#giveUp(error, records);
        await wait(pauseMs);
      }
    }
  }

  #mayRetry(error: unknown, records: readonly AttemptRecord[]): boolean {
    const [first] = records;
    if (!isOutage(error) && !isCollision(error)) return false;
    return first !== undefined && first.claim.lockedUntil > this.#deps.clock.now();
  }

  /** A batch that cannot be stored is stored one by one, so that a bad record is lost alone. */
  async #giveUp(error: unknown, records: AttemptRecord[]): Promise<void> {
    if (records.length > 1) {
      for (const record of records) await this.#write([record]);
      return;
    }
    this.#deps.log.error({ err: error, messageId: records[0]?.claim.messageId }, 'an attempt could not be recorded');
    this.#events.onRecorded(records, []);
  }

  async #store(records: readonly AttemptRecord[]): Promise<string[]> {
    const changes = summarizeHealth(records, this.#events.isFailing);
    const exhausted = records.filter(isExhausted);
    if (changes.length > 0 || exhausted.length > 0) return this.#storeWithHealth(records, changes, exhausted);
    await recordAttempts(this.#deps.db, records);
    return [];
  }

  async #storeWithHealth(
    records: readonly AttemptRecord[],
    changes: readonly HealthChange[],
    exhausted: readonly AttemptRecord[],
  ): Promise<string[]> {
    const { db, clock, retryScheduleS } = this.#deps;
    const now = clock.now();
    return inTransaction(db, async (trx) => {
      await recordAttempts(trx, records);
      const stopped = await applyHealth(trx, changes, retryScheduleS, now);
      const told = await tellStopped(trx, stopped, records, now);
      return [...told, ...(await tellExhausted(trx, exhausted, now))];
    });
  }
}

/** The schedule is used up. Who is gone has been told of by another event. */
function isExhausted(record: AttemptRecord): boolean {
  return !record.succeeded && record.nextAttemptAt === null && !isGone(record) && record.claim.trigger !== 'test';
}
