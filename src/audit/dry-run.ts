import { inTransaction, later, type Db, type Trx } from '../db/db.ts';
import { withinTime } from '../db/connection.ts';
import { isCanceled, isCollision, isLockTimeout } from '../db/pg-errors.ts';
import { runSql } from '../db/sql.ts';
import type { Clock } from '../domain/clock.ts';
import { AppError } from '../domain/errors.ts';
import { commissionIdOf } from '../domain/ids.ts';
import type { Normalized } from '../domain/facts.ts';
import type { DryOutcome, DryRun } from '../inbound/inbox/dry-run.ts';
import { storeMessages, type InboxMessage } from '../inbound/inbox/inbox.ts';
import { readOutcomes, type ReadOutcome } from '../inbound/inbox/read-outcomes.ts';
import { settleBatch } from '../pipeline/settle-batch.ts';

/** While one runs, workers wait for what it has locked: few at once, and none for long. */
const AT_ONCE = 2;
const MAX_WAITING = 50;
const LOCK_TIMEOUT_MS = 250;
const STATEMENT_TIMEOUT_MS = 1_000;
const WITHIN_MS = 2_000;
const TRIES = 3;

/**
 * Makes dry runs: the message is stored and settled by the production code in a transaction that is always rolled back, so
 * that nothing of it is left, no one is told, and no deferred effect happens. It waits for no lock longer than a quarter of a
 * second, and gives up after two seconds. A run throws CONFLICT where others have what it needs, RATE_LIMITED where too many
 * wait for their turn.
 */
export function createDryRun({ db, clock }: { db: Db; clock: Clock }): DryRun {
  const turns = new Turns(AT_ONCE, MAX_WAITING);
  return (message) =>
    turns.take(async () => {
      const { normalized } = message;
      if (normalized.kind !== 'facts') return { settled: settledAsItCame(normalized), newIds: new Set() };
      for (let tries = 1; ; tries += 1) {
        try {
          return await withinTime(db, WITHIN_MS, (session) => settleDry(session, message, clock.now()));
        } catch (error) {
          if (isCollision(error) && tries < TRIES) continue;
          throw isCollision(error) || isLockTimeout(error) || isCanceled(error) ? busy(error) : error;
        }
      }
    });
}

async function settleDry(db: Db, message: InboxMessage, now: Date): Promise<DryOutcome> {
  let settled: ReadOutcome | undefined;
  const rolledBack = new Error('rolled back on purpose');
  try {
    await inTransaction(db, async (trx) => {
      limitTime(trx);
      const eventIds = await storeMessages(trx, [message], now);
      await settleBatch(trx, { eventIds, resettlementIds: [] }, now);
      [settled] = (await readOutcomes(trx, eventIds)).values();
      throw rolledBack;
    });
  } catch (error) {
    if (error !== rolledBack) throw error;
  }
  if (settled === undefined) throw new Error('a dry run settled nothing');
  return { settled, newIds: await findNewIds(db, message.programId, settled) };
}

function limitTime(trx: Trx): void {
  later(
    trx,
    runSql(
      trx,
      'limitDryRun',
      `select set_config('lock_timeout', :lockMs, true), set_config('statement_timeout', :statementMs, true)`,
      { lockMs: String(LOCK_TIMEOUT_MS), statementMs: String(STATEMENT_TIMEOUT_MS) },
    ),
  );
}

/** Those that are gone with the transaction. */
async function findNewIds(db: Db, programId: string, { conversion }: ReadOutcome): Promise<Set<string>> {
  if (conversion === null) return new Set();
  const { id } = conversion;
  const known = await runSql(db, 'findKnownOrder', 'select 1 from orders where id = :id and program_id = :programId', {
    id,
    programId,
  });
  return known.length > 0 ? new Set() : new Set([id, commissionIdOf(id)]);
}

/** What is no facts is settled by how it is read. */
function settledAsItCame(normalized: Exclude<Normalized, { kind: 'facts' }>): ReadOutcome {
  return {
    outcome: normalized.kind,
    reason: normalized.kind === 'ignored' ? normalized.reason : null,
    error: normalized.kind === 'unprocessable' ? normalized.error : null,
    conversion: null,
  };
}

function busy(cause: unknown): AppError {
  return new AppError('CONFLICT', 'What this is about is being settled just now. Ask again in a second.', {
    retryAfterS: 1,
    cause,
  });
}

/** So many at a time, in the order in which they come. */
class Turns {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number, maxWaiting: number) {
    this.#free = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new AppError('RATE_LIMITED', 'Too many dry runs wait for their turn. Ask again shortly.', {
        retryAfterS: 1,
      });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }
}
