import type { Knex } from 'knex';

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

/** Runs `work` in a transaction: commits when it resolves, rolls back and throws when it rejects. */
export function inTransaction<T>(db: Db, work: (trx: Trx) => Promise<T>, config?: Knex.TransactionConfig): Promise<T> {
  return db.transaction((trx) => work(trx as Trx), config);
}

/** Runs `read` in the transaction that `db` is, else in a snapshot of its own. */
export function readSnapshot<T>(db: Db, read: (trx: Trx) => Promise<T>): Promise<T> {
  return db.isTransaction ? read(db as Trx) : inTransaction(db, read, snapshot);
}
