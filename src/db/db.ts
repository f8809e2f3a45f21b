import type { Knex } from 'knex';
import type { Client, QueryResult } from 'pg';
import { inTime } from '../process/in-time.ts';
import { isAborted } from './pg-errors.ts';
import { discard, submit, withConnection, type BoundClient } from './connection.ts';

/** The pool or a transaction. What only reads, or writes in a single statement, takes either. */
export type Db = Knex;

declare const opened: unique symbol;

/**
 * An open transaction. What must hold a lock beyond one statement, or writes in more than one, takes it, so that it is done
 * as a whole or not at all.
 */
export type Trx = Knex.Transaction & { readonly [opened]: true };

/** One moment of the whole database, for what reads it in several statements. */
export const snapshot: Knex.TransactionConfig = { isolationLevel: 'repeatable read', readOnly: true };

/** How long a transaction that failed may take to be rolled back before its connection is given up. */
const ROLLBACK_TIMEOUT_MS = 5_000;

/**
 * Runs `work` in a transaction (within another one, in a savepoint): commits when it resolves, rolls back and throws when it
 * rejects. The beginning waits for no answer of its own, nor the commit for those of statements that were passed to `later`.
 */
export async function inTransaction<T>(
  db: Db,
  work: (trx: Trx) => Promise<T>,
  config: Knex.TransactionConfig = {},
): Promise<T> {
  const { begin, commit, rollback } = db.isTransaction ? nested : { ...outermost, begin: beginning(config) };
  return withConnection(db, async (connection) => {
    const transaction = new OpenTransaction(db, connection);
    transaction.later(submit(connection, { text: begin }));
    try {
      const result = await work(transaction as unknown as Trx);
      await transaction.commit(commit);
      return result;
    } catch (error) {
      await rollBack(connection, rollback);
      throw isAborted(error) ? ((await transaction.firstFailure()) ?? error) : error;
    } finally {
      transaction.end();
    }
  });
}

const outermost = { commit: { text: 'commit', command: 'COMMIT' }, rollback: 'rollback' };

// A savepoint hides an older one of its name until it is released.
const nested = {
  begin: 'savepoint nested',
  commit: { text: 'release savepoint nested', command: 'RELEASE' },
  rollback: 'rollback to savepoint nested; release savepoint nested',
};

/**
 * Lets a statement of this transaction go ahead without waiting for its answer: the commit waits, and where it failed the
 * transaction fails with its error. For what writes, and whose result nothing here depends on.
 */
export function later(trx: Trx, statement: Promise<unknown>): void {
  (trx as unknown as OpenTransaction).later(statement);
}

/** Runs `read` in the transaction that `db` is, else in a snapshot of its own. */
export function readSnapshot<T>(db: Db, read: (trx: Trx) => Promise<T>): Promise<T> {
  return db.isTransaction ? read(db as Trx) : inTransaction(db, read, snapshot);
}

/** What stands for a transaction wherever statements are run: runSql and COPY ask only for its connection. */
class OpenTransaction {
  readonly isTransaction = true;
  readonly userParams: Db['userParams'];
  readonly client: BoundClient;
  readonly #db: Db;
  readonly #connection: Client;
  readonly #pending: Promise<unknown>[] = [];
  #ended = false;

  constructor(db: Db, connection: Client) {
    this.#db = db;
    this.#connection = connection;
    this.userParams = db.userParams;
    const connectionOf = (): Client => {
      if (this.#ended) throw new Error('the transaction is over');
      return connection;
    };
    this.client = {
      get connection() {
        return connectionOf();
      },
      acquireConnection: async () => connectionOf(),
      releaseConnection: async () => undefined,
      config: (db.client as Knex.Client).config,
    };
  }

  /** knex's own statements, as tests write them. */
  raw(text: string, bindings: readonly Knex.RawBinding[] = []): Knex.Raw {
    return this.#db.raw(text, bindings).connection(this.client.connection);
  }

  later(statement: Promise<unknown>): void {
    statement.catch(() => undefined); // `commit` tells of it.
    this.#pending.push(statement);
  }

  /** What the first statement that went ahead and failed failed for. */
  async firstFailure(): Promise<unknown> {
    for (const one of await Promise.allSettled(this.#pending)) if (one.status === 'rejected') return one.reason;
    return null;
  }

  async commit(by: { text: string; command: string }): Promise<void> {
    const committed = submit(this.#connection, { text: by.text });
    committed.catch(() => undefined);
    // In the order in which they were sent: what follows a failure fails for being in an aborted transaction.
    for (const statement of this.#pending) await statement;
    const { command }: QueryResult = await committed;
    if (command !== by.command) throw new Error(`the transaction was not committed: ${command}`);
  }

  end(): void {
    this.#ended = true;
  }
}

function beginning({ isolationLevel, readOnly }: Knex.TransactionConfig): string {
  return ['begin', isolationLevel ? `isolation level ${isolationLevel}` : '', readOnly ? 'read only' : '']
    .filter(Boolean)
    .join(' ');
}

/** A connection that cannot be rolled back is not used again. */
async function rollBack(connection: Client, text: string): Promise<void> {
  try {
    await inTime(ROLLBACK_TIMEOUT_MS, submit(connection, { text }), 'the transaction could not be rolled back in time');
  } catch (error) {
    discard(connection, error as Error);
  }
}
