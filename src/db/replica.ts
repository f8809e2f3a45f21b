import type { Logger } from 'pino';
import { AppError } from '../domain/errors.ts';
import { inTime } from '../process/in-time.ts';
import { createDatabase, type ProcessRole } from './database.ts';
import type { Db } from './db.ts';
import type { Pooler } from './session.ts';

/** Where lists and statistics are read: what they show may be a moment old. */
export interface Replica {
  /** Runs `read`, which must not write, on the replica; on the primary where there is none, or it does not answer. */
  read<T>(read: (db: Db) => Promise<T>): Promise<T>;
  /** Its pool; null where there is none. */
  readonly db: Db | null;
  close: () => Promise<void>;
}

export interface ReplicaOptions {
  primary: Db;
  /** Null: there is none. */
  url: string | null;
  role: ProcessRole;
  pooler: Pooler;
  log: Logger;
}

/** How long a replica that failed is left alone; then one read at a time tries it. */
const LEFT_ALONE_MS = 5_000;

/** A replica that takes longer counts as away, though it may only be slow: somebody waits for the answer. */
const MAX_READ_MS = 10_000;
const TOO_LATE = `the replica gave no answer within ${MAX_READ_MS / 1_000} s`;

export function openReplica({ primary, url, role, pooler, log }: ReplicaOptions): Replica {
  if (url === null) return { db: null, read: (read) => read(primary), close: async () => undefined };
  const replica = createDatabase({ url, role, pooler, log });
  const breaker = new Breaker(log);
  return {
    db: replica,
    async read(read) {
      if (!breaker.lets()) return await read(primary);
      let failure: unknown;
      try {
        const result = await inTime(MAX_READ_MS, read(replica), TOO_LATE);
        breaker.succeeded();
        return result;
      } catch (error) {
        failure = error;
      }
      // An error is never its last word: it may not have heard yet of what the caller names. Where the primary fails in the
      // same way the caller is wrong, or everything is away, and this says nothing about the replica.
      try {
        const result = await read(primary);
        breaker.failed(failure);
        return result;
      } catch (error) {
        breaker.undecided();
        throw error;
      }
    },
    close: () => replica.destroy(),
  };
}

/** Of many failures one line is logged, and one when it is over. */
class Breaker {
  readonly #log: Logger;
  #closedUntilMs: number | null = null;
  #isTrying = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  lets(): boolean {
    if (this.#closedUntilMs === null) return true;
    if (this.#isTrying || performance.now() < this.#closedUntilMs) return false;
    this.#isTrying = true;
    return true;
  }

  succeeded(): void {
    if (this.#closedUntilMs !== null) this.#log.info('the replica answers again: lists and statistics come from it');
    this.#closedUntilMs = null;
    this.#isTrying = false;
  }

  failed(error: unknown): void {
    if (isAnswer(error)) {
      this.succeeded();
      return;
    }
    if (this.#closedUntilMs === null) {
      this.#log.warn(
        { err: error },
        'the replica does not answer: lists and statistics come from the primary meanwhile',
      );
    }
    this.#closedUntilMs = performance.now() + LEFT_ALONE_MS;
    this.#isTrying = false;
  }

  undecided(): void {
    this.#isTrying = false;
  }
}

/** It answered, and was behind. */
function isAnswer(error: unknown): boolean {
  return error instanceof AppError;
}
