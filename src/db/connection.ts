import type { Knex } from 'knex';
import { Query, type Client, type QueryResult, type QueryResultRow, type Submittable } from 'pg';
import { lost } from './outage.ts';

/** What a transaction has for `client`: its one connection, given at once. */
export interface BoundClient {
  readonly connection: Client;
  acquireConnection: () => Promise<Client>;
  releaseConnection: () => Promise<void>;
  readonly config: unknown;
}

/** Runs `use` with the connection of the transaction that `db` is, else with one of the pool. */
export async function withConnection<T>(db: Knex, use: (connection: Client) => Promise<T>): Promise<T> {
  const client = db.client as Knex.Client & Partial<BoundClient>;
  if (client.connection) return use(client.connection);
  const connection = (await client.acquireConnection()) as Client;
  try {
    return await use(connection);
  } finally {
    await client.releaseConnection(connection);
  }
}

/** A statement for the driver: `values` for its $1, $2, …, and a name where it is prepared. */
export interface Statement {
  text: string;
  values?: unknown[];
  name?: string | undefined;
}

/**
 * Sends a statement before this returns, so that statements of a transaction that do not wait for each other leave
 * together, in the order in which they were called.
 *
 * The driver is given its own kind of query: a plain object it would copy, which costs as much as all its other work on it.
 */
export async function submit<Row extends QueryResultRow>(
  connection: Client,
  { text, values, name }: Statement,
): Promise<QueryResult<Row>> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult<Row>>();
  const query = new Query(text) as Query & QueryFields<Row>;
  if (values !== undefined) query.values = values;
  if (name !== undefined) query.name = name;
  query.callback = (error, result) => {
    if (error) reject(error);
    else resolve(result);
  };
  submitOwn(connection, query);
  try {
    return await promise;
  } catch (error) {
    // It comes from the socket: its stack would not say who sent the statement.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

/** What the driver's query has and its types do not say. */
interface QueryFields<Row extends QueryResultRow> {
  values: unknown[];
  name: string;
  callback: (error: Error | null, result: QueryResult<Row>) => void;
}

/** The same for what speaks the protocol by itself. */
export function submitOwn(connection: Client, query: Submittable): void {
  corkForThisTurn(connection);
  connection.query(query);
}

/** What is sent in one turn of the event loop leaves as one write. */
function corkForThisTurn(connection: Client): void {
  const { stream } = connection.connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Ends a connection whose state is not known; the pool makes another one. What is under way on it fails. */
export function discard(connection: Client, why: Error): void {
  // knex asks for this mark before it gives a connection out again.
  (connection as Client & { __knex__disposed?: unknown }).__knex__disposed = why;
  connection.connection.stream.destroy(why);
}

const READ_FIRST_MS = 50;

/**
 * Runs `work` on one connection, which is ended where it has not done so within `ms`, or is not to be had by then: what
 * hangs fails as an outage. Whether it was done is then not known.
 */
export async function withinTime<T>(db: Knex, ms: number, work: (db: Knex) => Promise<T>): Promise<T> {
  const deadline = performance.now() + ms;
  const client = db.client as Knex.Client;
  const connection = await acquireWithin(client, ms);
  // A process that was stopped meanwhile, or had no turn, reads what has arrived before it blames the database.
  let timer = setTimeout(
    () => {
      timer = setTimeout(() => discard(connection, lost(`has not done its work within ${ms} ms`)), READ_FIRST_MS);
    },
    Math.max(deadline - performance.now(), 0),
  );
  try {
    return await work(bind(db, connection));
  } finally {
    clearTimeout(timer);
    await client.releaseConnection(connection);
  }
}

/** One that comes too late goes back to its pool. */
async function acquireWithin(client: Knex.Client, ms: number): Promise<Client> {
  const acquired = client.acquireConnection() as Promise<Client>;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    acquired.then(
      (connection) => client.releaseConnection(connection),
      () => undefined,
    );
    reject(lost(`gave no connection within ${ms} ms`));
  }, ms);
  try {
    return await Promise.race([acquired, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What runs statements on this connection alone, outside of a transaction. */
function bind(db: Knex, connection: Client): Knex {
  const client: BoundClient = {
    connection,
    acquireConnection: async () => connection,
    releaseConnection: async () => undefined,
    config: (db.client as Knex.Client).config,
  };
  return { isTransaction: false, userParams: db.userParams, client } as unknown as Knex;
}
