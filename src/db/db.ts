import type { Knex } from 'knex';

/** The pool, or a transaction: what reads, or is a transaction by itself in one statement, takes either. */
export type Db = Knex;

declare const opened: unique symbol;

/** An open transaction. What locks, or writes more than one statement can, takes it, so that none of it is done by halves. */
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
