import { randomInt } from 'node:crypto';

// What processes tell each other by NOTIFY. It is never the only way: rows say what is due, and whoever misses an
// announcement finds it there.

/** Workers announce settled events that somebody awaits on this channel, with what became of them (outcome-notices.ts). */
export const OUTCOME_CHANNEL = 'tributary_settled';

/** Workers announce themselves on this channel, every `ANNOUNCED_EVERY_MS`: their id, and `:` before it when they stop. */
export const WORKERS_CHANNEL = 'tributary_workers';
export const ANNOUNCED_EVERY_MS = 1_000;

/** On its own channel a worker is told what was committed for it to settle: comma-separated inbox ids. */
export function channelOf(workerId: number | string): string {
  return `tributary_worker_${workerId}`;
}

/**
 * While its listening connection stands, a worker holds the advisory lock of this class and its id. PostgreSQL ends the lock
 * with the connection, so whoever holds none is dead, or away from the database.
 */
export const WORKER_LOCKS = 7_447;

/** An id that PostgreSQL's integer holds. */
export function newWorkerId(): number {
  return randomInt(1, 2 ** 31);
}

/** PostgreSQL takes payloads of less than 8 000 bytes; an id has 36. */
export const IDS_PER_NOTICE = 200;
