import knex, { type Knex } from 'knex';
import { types } from 'pg';
import type { Logger } from 'pino';
import { DatabaseServers } from './servers.ts';
import { sessionDialect } from './session-dialect.ts';
import { Session, type Pooler } from './session.ts';

/**
 * How many connections a process takes at most. PostgreSQL allows 100 by default. A web process takes 10, and 2 for its
 * queues; a worker 10, and 8 for each of its two queues: that leaves room for two of each and for people.
 */
const poolSizes = { web: 10, worker: 10, cli: 4, test: 6 } as const;
export type ProcessRole = keyof typeof poolSizes;

/** How long a caller waits for a free connection before it is told to try again. */
const ACQUIRE_TIMEOUT_MS = 2_000;

/**
 * How long one statement may take; zero: as long as it needs, as replay, import and backup do. For a web process as long as a
 * request may take to arrive: nobody waits for longer. A worker's chores go through whole tables.
 */
const statementTimeoutsS = { web: 30, worker: 600, cli: 0, test: 0 } as const satisfies Record<ProcessRole, number>;

/** What a server that goes on with a statement gets beyond its timeout, before it counts as lost. */
const GRACE_MS = 5_000;

/**
 * A worker looks up by keys, whatever is bound: planning its statements anew took a fifth of what they cost. A plan of when the
 * tables were empty must stay good once they are not, so it reads no table from end to end (measured: 2 ms a statement after a
 * few thousand events, until the next `analyze`).
 */
const plannedForGood = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' };

export interface DatabaseOptions {
  /** Of one server or several (readDatabaseAddress). */
  url: string;
  /** Where a pooler stands at `url`: PostgreSQL itself, for what only a connection of one's own can do, which is LISTEN. */
  directUrl?: string | null;
  role: ProcessRole;
  /** Auto unless said. */
  pooler?: Pooler;
  /** False: statements go unnamed and are planned each time, as always behind a transaction pooler. True unless said, but for commands. */
  prepared?: boolean;
  /** Overrides the role's pool size. */
  poolSize?: number;
  log?: Logger;
}

/**
 * Opens a pool; connects when first used. int8 (also `count(*)`) comes back as bigint, timestamptz as Date, date and
 * numeric as text, json parsed. Throws where the URL cannot be understood.
 */
export function createDatabase(options: DatabaseOptions): Knex {
  const { url, directUrl, role, pooler = 'auto', prepared = role !== 'cli', poolSize, log } = options;
  const servers = new DatabaseServers(url);
  const timeoutS = statementTimeoutsS[role];
  const config = {
    application_name: `tributary-${role}`,
    pooler,
    settings: {
      idle_in_transaction_session_timeout: '60s',
      ...(timeoutS > 0 && { statement_timeout: `${timeoutS}s` }),
      ...(prepared && role === 'worker' && plannedForGood),
    },
    giveUpAfterMs: timeoutS > 0 ? timeoutS * 1_000 + GRACE_MS : Infinity,
    types: { getTypeParser },
  };
  const listening = directUrl
    ? { servers: new DatabaseServers(directUrl), pooler: 'none' as const }
    : { servers, pooler };
  return knex({
    client: sessionDialect(() => new Session({ ...config, servers })),
    // What the sessions connect to they know themselves; knex asks for the name.
    connection: { database: servers.address.database ?? '' },
    // An error then quotes its statement with placeholders: values may be personal or secret, and errors are logged.
    compileSqlOnError: false,
    pool: {
      min: 0,
      max: poolSize ?? poolSizes[role],
      acquireTimeoutMillis: ACQUIRE_TIMEOUT_MS,
      validate: (session: Session) => session.isCurrent,
    },
    // knex warns of each connection that it could not get, which the caller's error says already.
    log: {
      warn: (message) => log?.debug({ knex: message }, 'knex'),
      error: (message) => log?.error({ knex: message }),
    },
  }).withUserParams({
    preparesStatements: prepared,
    openListeningSession: () => new Session({ ...config, ...listening, giveUpAfterMs: GRACE_MS }).connect(),
  } satisfies DatabaseParams);
}

/** What a database made here has for `userParams`. */
export interface DatabaseParams {
  preparesStatements: boolean;
  /** Connects beside the pool. */
  openListeningSession: () => Promise<Session>;
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
