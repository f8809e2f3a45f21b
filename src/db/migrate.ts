import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runMigrations as migrateBullMq } from 'bullmq';
import knex, { type Knex } from 'knex';
import type { Trx } from './db.ts';
import { isUndefinedTable } from './pg-errors.ts';
import { DatabaseServers } from './servers.ts';
import { sessionDialect } from './session-dialect.ts';
import { Session } from './session.ts';
import { listKnownMigrations, migrationName, migrationsDirectory } from './schema-state.ts';
import { runSql } from './sql.ts';

/** Any number that nothing else locks by: it spells "trib". */
const ADVISORY_LOCK = 0x74726962;

export interface MigrateOptions {
  databaseUrl: string;
  /** BullMQ keeps its jobs in this database too, and so needs its schema. */
  queueInDatabase: boolean;
  /** Told once when another process is migrating and this one waits. */
  onWait?: () => void;
}

/**
 * Brings the schema up to date and returns the names of the migrations that were applied. Processes that start at once
 * take turns by an advisory lock, which PostgreSQL itself frees when its holder dies; a kill in the middle leaves
 * nothing half done, and the next run goes on. The lock is that of a transaction, which works by a transaction pooler, too.
 */
export async function migrateDatabase({ databaseUrl, queueInDatabase, onWait }: MigrateOptions): Promise<string[]> {
  const open = sessionsOf(databaseUrl);
  return withSession(open, async (holder) => {
    await holder.query(`begin; ${untimed}`);
    const { rows } = await holder.query<{ free: boolean }>(
      `select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as free`,
    );
    if (!rows[0]?.free) {
      onWait?.();
      await holder.query(`select pg_advisory_xact_lock(${ADVISORY_LOCK})`);
    }
    // BullMQ's first, so that all are complete when ours are (listPendingMigrations looks at ours alone).
    if (queueInDatabase) await withSession(open, (session) => migrateBullMq(session));
    return await applyMigrations(open);
  });
}

function sessionsOf(databaseUrl: string): () => Session {
  const servers = new DatabaseServers(databaseUrl);
  return () => new Session({ ...sessionConfig, servers });
}

/** A migration takes as long as it needs, whatever the role's or the database's own limits are. */
const sessionConfig = {
  application_name: 'tributary-migrate',
  pooler: 'auto',
  settings: { statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' },
  giveUpAfterMs: Infinity,
} as const;

/** Behind a pooler the settings of a session do not hold. */
const untimed = Object.entries(sessionConfig.settings)
  .map(([name, value]) => `set local ${name} = ${value}`)
  .join('; ');

async function withSession<T>(open: () => Session, work: (session: Session) => Promise<T>): Promise<T> {
  const session = open();
  // A connection that is lost between two queries is reported here; the next query fails by it.
  session.on('error', () => undefined);
  await session.connect();
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

async function applyMigrations(open: () => Session): Promise<string[]> {
  const db = openMigrator(open);
  try {
    await refuseNewerSchema(db);
    // Whoever held knex's own lock is dead: the advisory lock is ours.
    await db.migrate.forceFreeMigrationsLock();
    const [, applied] = (await db.migrate.latest()) as [number, string[]];
    return applied.map(migrationName);
  } finally {
    await db.destroy();
  }
}

function openMigrator(open: () => Session): Knex {
  return knex({
    client: sessionDialect(open),
    connection: {},
    pool: { min: 0, max: 1 },
    migrations: migrationSettings,
  });
}

/** Names of the migrations that the code has and the database does not; while there are any the hub is not ready. */
export async function listPendingMigrations(db: Knex): Promise<string[]> {
  const applied = new Set(await readApplied(db));
  return (await listKnownMigrations()).filter((name) => !applied.has(name));
}

/** The schema has migrations that this code does not know: it was brought up to date by a newer version. */
export class NewerSchemaError extends Error {
  constructor(unknown: readonly string[]) {
    super(
      `This database was migrated by a newer version (${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} not known to this one). ` +
        'Start that version again, or restore the backup that was made before the upgrade into an empty database (src/docs/upgrading.md).',
    );
  }
}

/** Throws a NewerSchemaError where the database has migrations that the code does not have. */
export async function refuseNewerSchema(db: Knex): Promise<void> {
  const known = new Set(await listKnownMigrations());
  const unknown = (await readApplied(db)).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new NewerSchemaError(unknown);
}

/** Applies what is pending within a transaction, for a look at what it would do: roll it back. Gives the names. */
export async function applyPendingWithin(trx: Trx): Promise<string[]> {
  const names = await listPendingMigrations(trx);
  await applyWithin(trx, names);
  return names;
}

/** Applies migrations within a transaction, and records none of them. */
export async function applyWithin(trx: Trx, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { up } = (await import(pathToFileURL(join(migrationsDirectory, `${name}.ts`)).href)) as {
      up: (knex: Knex) => Promise<void>;
    };
    await up(trx);
  }
}

/**
 * Takes the turn of `migrateDatabase` for the time of a transaction, and has the table in which migrations are recorded made, by
 * knex itself, where there is none.
 */
export async function takeTurnWithin(trx: Trx, databaseUrl: string): Promise<void> {
  await runSql(trx, 'takeMigrationTurn', 'select pg_advisory_xact_lock(:lock)', { lock: ADVISORY_LOCK });
  const db = openMigrator(sessionsOf(databaseUrl));
  try {
    await db.migrate.list();
  } finally {
    await db.destroy();
  }
}

/**
 * The migrations that were applied, in their order. knex's own `migrate.list` would create its tables where there are none,
 * which a health check must not do.
 */
export async function readApplied(db: Knex): Promise<string[]> {
  try {
    const rows = await runSql<{ name: string }>(db, 'readAppliedMigrations', `select name from ${TABLE} order by id`);
    return rows.map(({ name }) => migrationName(name));
  } catch (error) {
    if (isUndefinedTable(error)) return [];
    throw error;
  }
}

const TABLE = 'schema_migrations';

const migrationSettings: Knex.MigratorConfig = {
  directory: migrationsDirectory,
  loadExtensions: ['.ts'],
  tableName: TABLE,
};
