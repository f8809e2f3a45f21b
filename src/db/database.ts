import knex, { type Knex } from 'knex';
import { types } from 'pg';
import type { Logger } from 'pino';

/**
 * How many connections a process takes at most. PostgreSQL allows 100 by default. A web process takes 10, and 2 for its
 * queues; a worker 10, and 8 for each of its two queues: that leaves room for two of each and for people.
 */
const poolSizes = { web: 10, worker: 10, cli: 4, test: 6 } as const;
export type ProcessRole = keyof typeof poolSizes;

/** How long a caller waits for a free connection before it is told to try again. */
const ACQUIRE_TIMEOUT_MS = 2_000;

/**
 * A worker looks up by keys, whatever is bound: planning its statements anew took a fifth of what they cost. A plan of when the
 * tables were empty must stay good once they are not, so it reads no table from end to end (measured: 2 ms a statement after a
 * few thousand events, until the next `analyze`).
 */
const PLANNED_FOR_GOOD = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';

export interface DatabaseOptions {
  url: string;
  role: ProcessRole;
  /** False: statements go unnamed and are planned each time, as a transaction pooler needs it. True unless said, but for commands. */
  prepared?: boolean;
  /** Overrides the role's pool size. */
  poolSize?: number;
  log?: Logger;
}

/**
 * Opens a pool; connects when first used. int8 (also `count(*)`) comes back as bigint, timestamptz as Date, date and
 * numeric as text, json parsed.
 */
export function createDatabase({ url, role, prepared = role !== 'cli', poolSize, log }: DatabaseOptions): Knex {
  return knex({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: `tributary-${role}`,
      connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
      types: { getTypeParser },
      ...(prepared && role === 'worker' ? { options: PLANNED_FOR_GOOD } : {}),
      // Statements of a transaction that wait for nothing of each other are sent without waiting for the answers.
      pipeline: true,
    } as Knex.PgConnectionConfig,
    // An error then quotes its statement with placeholders: values may be personal or secret, and errors are logged.
    compileSqlOnError: false,
    pool: { min: 0, max: poolSize ?? poolSizes[role], acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS },
    // knex warns of each connection that it could not get, which the caller's error says already.
    log: {
      warn: (message) => log?.debug({ knex: message }, 'knex'),
      error: (message) => log?.error({ knex: message }),
    },
  }).withUserParams({ preparesStatements: prepared });
}

const oids = { int8: 20, int8Array: 1016, date: 1082 };

// pg declares an enum that lists only some of the numbers it takes.
const findBuiltInParser = types.getTypeParser as (oid: number, format: string) => unknown;

function getTypeParser(oid: number, format: 'text' | 'binary' = 'text'): unknown {
  if (oid === oids.int8) return BigInt;
  if (oid === oids.int8Array) return parseInt8Array;
  if (oid === oids.date) return String;
  return findBuiltInParser(oid, format);
}

function parseInt8Array(value: string): (bigint | null)[] {
  const items = value.slice(1, -1);
  return items === '' ? [] : items.split(',').map((item) => (item === 'NULL' ? null : BigInt(item)));
}
