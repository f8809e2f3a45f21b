import { setTimeout as wait } from 'node:timers/promises';
import { inTransaction, type Db } from '../../db/db.ts';
import type { Logger } from 'pino';
import { isCollision } from '../../db/pg-errors.ts';
import { isOutage } from '../../db/outage.ts';
import type { Clock } from '../../domain/clock.ts';
import { applyHealth, summarizeHealth, type HealthChange } from './endpoint-health.ts';
import { announceExhausted, announceStopped } from './operational-events.ts';
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
  /** `deliveryIds` are the due deliveries of operational events that were written with the records. */
  onRecorded: (records: readonly AttemptRecord[], deliveryIds: readonly string[]) => void;
}

const MAX_BATCH = 500;

/** A batch of this size says that the sender is busy: a short wait then makes the next batch much larger. */
const BUSY_BATCH = 20;
const GATHER_MS = 8;

/**
 * Stores the results of attempts. While one batch is written the next gathers, so a busy sender writes large batches
 * and an idle one writes at once. While the database is away it tries again until the leases run out. Then another
 * sender leases the deliveries: the one way in which a delivered message can be sent a second time.
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
    return first !== undefined && first.lease.lockedUntil > this.#deps.clock.now();
  }

  /** A batch that cannot be stored is stored one by one, so that a bad record is lost alone. */
  async #giveUp(error: unknown, records: AttemptRecord[]): Promise<void> {
    if (records.length > 1) {
      for (const record of records) await this.#write([record]);
      return;
    }
    this.#deps.log.error({ err: error, messageId: records[0]?.lease.messageId }, 'an attempt could not be recorded');
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
      const told = await announceStopped(trx, stopped, now);
      return [...told, ...(await announceExhausted(trx, exhausted, now))];
    });
  }
}

/** Its last attempt failed. A 410 is not counted: `endpoint.disabled` tells of it. */
function isExhausted(record: AttemptRecord): boolean {
  const { trigger, aside } = record.lease;
  return !record.succeeded && record.nextAttemptAt === null && !isGone(record) && trigger !== 'test' && !aside;
}
