import type { Knex } from 'knex';
import type { Client, QueryConfig, QueryResult, QueryResultRow, Submittable } from 'pg';

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

/**
 * Sends a statement before this returns, so that statements of a transaction that do not wait for each other leave
 * together, in the order in which they were called.
 */
export function submit<Row extends QueryResultRow>(
  connection: Client,
  query: QueryConfig & { name?: string },
): Promise<QueryResult<Row>> {
  corkForThisTurn(connection);
  return connection.query<Row>(query);
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

/** Has the pool replace a connection whose state is not known. */
export function discard(connection: Client, why: unknown): void {
  // knex asks for this mark before it gives a connection out again.
  (connection as Client & { __knex__disposed?: unknown }).__knex__disposed = why;
}
