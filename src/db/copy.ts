import { escapeLiteral, Query, type Connection } from 'pg';
import { submitOwn, withConnection } from './connection.ts';
import { refuseInexact, writeRows } from './copy-format.ts';
import type { Db, Trx } from './db.ts';
import { rowSource, type Column } from './rows.ts';
import { findUniqueViolation } from './pg-errors.ts';
import { FEW, nameFor, runSql, statementsSent } from './sql.ts';

/**
 * Appends rows that conflict with none: many by COPY, which fills whole pages at a time (measured for orders: a third less time
 * than `insert … select`). All of them are stored or none. The types of the columns must be exactly those of the table.
 */
export async function appendRows(
  db: Db,
  table: string,
  columns: readonly Column[],
  { insertUpTo = FEW, ...commit }: AppendOptions = {},
): Promise<void> {
  const rows = columns[0]?.values.length ?? 0;
  if (rows === 0) return;
  if (rows <= insertUpTo) return insertFew(db, table, columns, commit);
  const copy = statementOf(table, columns);
  if (statementsSent.hasSubscribers) statementsSent.publish({ name: `copy ${table}`, text: copy });
  const { announcement, flushLater } = commit;
  const statements = [
    ...(flushLater ? ['set local synchronous_commit = off'] : []),
    copy,
    ...(announcement ? [notifyOf(announcement)] : []),
  ];
  await runCopy(db, statements.join('; '), columns, rows);
}

/**
 * Of few rows by a prepared statement: COPY looks up the types and defaults of all columns each time (measured for an order:
 * 600 µs, of which the row itself is a third).
 */
async function insertFew(
  db: Db,
  table: string,
  columns: readonly Column[],
  { announcement, flushLater }: CommitOptions,
): Promise<void> {
  // PostgreSQL would take `tomorrow` for a time.
  refuseInexact(columns);
  const names = columns.map(({ name }) => name).join(', ');
  const { sql, bindings } = rowSource('r', columns);
  const insert = `insert into ${table} (${names}) select ${names} from ${sql}`;
  const effects = [
    ...(flushLater ? [`set_config('synchronous_commit', 'off', true)`] : []),
    ...(announcement ? ['pg_notify(:channel, :payload)'] : []),
  ];
  await runSql(
    db,
    nameFor('insertInto', table),
    effects.length > 0 ? `with stored as (${insert}) select ${effects.join(', ')}` : insert,
    announcement ? { ...bindings, ...announcement } : bindings,
  );
}

/** How rows are committed that are appended outside of a transaction. */
interface CommitOptions {
  announcement?: Announcement | undefined;
  /** The commit does not wait for the disk: `isOnDisk` (flush.ts) does, and so does every later commit that is waited for. */
  flushLater?: boolean;
}

export interface AppendOptions extends CommitOptions {
  /** So few rows are not copied. */
  insertUpTo?: number;
}

/** What those who listen to the channel are told once the rows are committed. */
export interface Announcement {
  /** A plain name: letters, digits and underscores. */
  channel: string;
  payload: string;
}

function notifyOf({ channel, payload }: Announcement): string {
  if (!/^[a-z0-9_]+$/.test(channel)) throw new Error(`not the name of a channel: ${channel}`);
  return `notify ${channel}, ${escapeLiteral(payload)}`;
}

function statementOf(table: string, columns: readonly Column[]): string {
  return `copy ${table} (${columns.map(({ name }) => name).join(', ')}) from stdin (format binary)`;
}

async function runCopy(db: Db, statement: string, columns: readonly Column[], rows: number): Promise<void> {
  await withConnection(db, (connection) => {
    const copy = new CopyIn(statement, (emit) => {
      writeRows(columns, rows, emit);
    });
    submitOwn(connection, copy);
    return copy.done;
  });
}

/**
 * A COPY as the driver runs queries (a subclass of its own, since its pipelining takes no other). It sends the rows along with
 * the statement, where pg-copy-streams waits for PostgreSQL's answer first: one round trip less (measured: intake stood idle a
 * quarter of the time instead of a third).
 * Where the statement fails, PostgreSQL skips the rows that follow it.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-COPY (read 2026-11)
 */
class CopyIn extends Query {
  readonly #statement: string;
  readonly #write: (emit: (chunk: Buffer) => void) => void;
  readonly #done = Promise.withResolvers<void>();
  #failure: unknown = null;

  constructor(statement: string, write: (emit: (chunk: Buffer) => void) => void) {
    super(statement);
    this.#statement = statement;
    this.#write = write;
  }

  /** Resolves once PostgreSQL is ready for the next statement. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  override submit = (connection: Connection): void => {
    const to = connection as Connection & CopyMessages;
    const { stream } = connection;
    // All of it goes to the kernel at once, and each chunk as it is: the driver would copy it behind its header.
    stream.cork();
    to.query(this.#statement);
    try {
      this.#write((chunk) => {
        if (!stream.writable) return; // The connection is lost, of which the driver tells.
        stream.write(copyDataHeader(chunk.length));
        stream.write(chunk);
      });
      to.endCopyFrom();
    } catch (error) {
      this.#failure = error;
      to.sendCopyFail('the rows cannot be written');
    }
    stream.uncork();
  };

  handleError(error: Error): void {
    this.#done.reject(this.#failure ?? error);
  }

  handleReadyForQuery(): void {
    this.#done.resolve();
  }

  handleCopyInResponse(): void {}

  handleCommandComplete(): void {}
}

/** Of a CopyData message: its kind, and its length without that. */
function copyDataHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(5);
  header.write('d', 'latin1');
  header.writeInt32BE(length + 4, 1);
  return header;
}

/** What the driver's connection can do for COPY and its types do not say. */
interface CopyMessages {
  query: (text: string) => void;
  endCopyFrom: () => void;
  sendCopyFail: (message: string) => void;
}

/**
 * `appendRows` of rows that another transaction may have stored meanwhile. True: they are stored. False: one of them was taken
 * (a unique constraint says so), and none is stored.
 */
export async function copyUnlessTaken(trx: Trx, table: string, columns: readonly Column[]): Promise<boolean> {
  const rows = columns[0]?.values.length ?? 0;
  if (rows === 0) return true;
  try {
    // Three statements, sent as one.
    const statement = `savepoint copied; ${statementOf(table, columns)}; release savepoint copied`;
    await runCopy(trx, statement, columns, rows);
    return true;
  } catch (error) {
    if (findUniqueViolation(error) === null) throw error;
    await runSql(trx, 'rollBackCopy', 'rollback to savepoint copied');
    return false;
  }
}
