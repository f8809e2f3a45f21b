import { setTimeout as wait } from 'node:timers/promises';
import { withinTime } from '../db/connection.ts';
import type { Db } from '../db/db.ts';
import type { Logger } from 'pino';
import { isOutage } from '../db/outage.ts';
import { GroupCommit } from '../db/group-commit.ts';
import { AppError } from '../domain/errors.ts';
import { insertClicks, maskClick, type Click } from './clicks.ts';

/** Writes clicks durably, many in one insert. */
export interface ClickRecorder {
  /** Resolves once the click is committed. Throws UNAVAILABLE when the database is away. */
  record(click: Click): Promise<void>;
  /**
   * For visitors, who must not wait for a database that is away: resolves once the click is committed, or within a second
   * or so where it cannot be. Then it is kept in memory and written when the database is back. Never throws.
   */
  recordForVisitor(click: Click): Promise<void>;
  /** Writes what can be written and logs how many clicks are lost. */
  close(): Promise<void>;
}

const MAX_GROUP_ROWS = 500;
/** A click takes about half a kilobyte, so the clicks of an outage take some tens of megabytes at most. */
const MAX_LATE_CLICKS = 50_000;
/** How long a redirect waits for a database that neither answers nor fails. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 500;
/** How long the clicks of an outage may take to be written before a new connection is tried. */
const LATE_WITHIN_MS = 4_000;

export function openClickRecorder(db: Db, log: Logger): ClickRecorder {
  const group = new GroupCommit<Click>({
    write: (clicks, { withinMs }) => withinTime(db, withinMs, (session) => insertClicks(session, clicks)),
    // Clicks that are there already are left as they are.
    writesAgain: true,
    sizeOf: () => 1,
    maxRows: MAX_GROUP_ROWS,
    maxBytes: MAX_GROUP_ROWS,
    maxWaitingRows: 20_000,
    maxWaitingBytes: 20_000,
    isOutage,
  });
  const late = new LateClicks(db, log);
  return {
    async record(given) {
      const click = maskClick(given);
      try {
        await group.add(click);
      } catch (error) {
        throw isOutage(error) ? storeUnavailable(error) : error;
      }
    },
    async recordForVisitor(given) {
      const click = maskClick(given);
      if (late.isAway()) {
        late.keep(click);
        return;
      }
      const written = group.add(click).catch((error: unknown) => {
        late.keepUnlessRefused(click, error);
      });
      const patience = new AbortController();
      const waited = wait(PATIENCE_MS, true, { signal: patience.signal }).catch(() => false);
      if (await Promise.race([written.then(() => false), waited])) late.suspect();
      patience.abort();
    },
    async close() {
      await group.flush();
      await late.close();
    },
  };
}

/** The clicks of an outage. While there are any, later ones wait behind them and do not ask the database themselves. */
class LateClicks {
  readonly #db: Db;
  readonly #log: Logger;
  #waiting: Click[] = [];
  #dropped = 0;
  #retrying: Promise<void> | null = null;
  #closed = false;

  constructor(db: Db, log: Logger) {
    this.#db = db;
    this.#log = log;
  }

  isAway(): boolean {
    return this.#retrying !== null;
  }

  /** Says that the database does not answer: until it does, no visitor waits for it. */
  suspect(): void {
    this.#retrying ??= this.#retry();
  }

  keep(click: Click): void {
    if (this.#waiting.length >= MAX_LATE_CLICKS) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(click);
    this.suspect();
  }

  keepUnlessRefused(click: Click, error: unknown): void {
    // An AppError says that too many clicks wait to be written, which is how an outage begins.
    if (isOutage(error) || error instanceof AppError) this.keep(click);
    else this.#log.error({ err: error, clickId: click.id }, 'click cannot be stored');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#retrying;
    const lost = this.#waiting.length + this.#dropped;
    if (lost > 0) this.#log.error({ clicks: lost }, 'clicks lost: the database did not come back in time');
  }

  async #retry(): Promise<void> {
    do {
      const batch = this.#waiting.slice(0, MAX_GROUP_ROWS);
      try {
        await withinTime(this.#db, LATE_WITHIN_MS, (session) => insertClicks(session, batch));
        this.#waiting.splice(0, batch.length);
      } catch (error) {
        if (this.#closed) break;
        if (!isOutage(error)) await this.#writeOneByOne(batch);
        await wait(RETRY_MS);
      }
    } while (this.#waiting.length > 0);
    this.#retrying = null;
    if (this.#dropped > 0 && !this.#closed) {
      this.#log.error({ clicks: this.#dropped }, 'clicks dropped: too many came while the database was away');
      this.#dropped = 0;
    }
  }

  /** A click that the database refuses must not hold up the others. */
  async #writeOneByOne(batch: readonly Click[]): Promise<void> {
    for (const click of batch) {
      try {
        await withinTime(this.#db, LATE_WITHIN_MS, (session) => insertClicks(session, [click]));
      } catch (error) {
        if (isOutage(error)) return;
        this.#log.error({ err: error, clickId: click.id }, 'click cannot be stored');
      }
      this.#waiting.shift();
    }
  }
}

function storeUnavailable(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'The hub cannot store clicks at the moment. Send it again shortly.', {
    retryAfterS: 5,
    cause,
  });
}
