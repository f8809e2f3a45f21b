import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runMigrations as migrateBullMq } from 'bullmq';
import knex, { type Knex } from 'knex';
import type { Trx } from './db.ts';
import { isUndefinedTable } from './pg-errors.ts';
import { DatabaseServers } from './servers.ts';
import { sessionDialect } from './session-dialect.ts';
import { Session } from './session.ts';
import { runSql } from './sql.ts';

/** Any number that nothing else locks by: it spells "trib". */
const ADVISORY_LOCK = 0x74726962;

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

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
  const servers = new DatabaseServers(databaseUrl);
  const open = (): Session => new Session({ ...sessionConfig, servers });
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
  const db = knex({
    client: sessionDialect(open),
    connection: {},
    pool: { min: 0, max: 1 },
    migrations: migrationSettings,
  });
  try {
    // Whoever held knex's own lock is dead: the advisory lock is ours.
    await db.migrate.forceFreeMigrationsLock();
    const [, applied] = (await db.migrate.latest()) as [number, string[]];
    return applied.map(withoutExtension);
  } finally {
    await db.destroy();
  }
}

/** Names of the migrations that the code has and the database does not; while there are any the hub is not ready. */
export async function listPendingMigrations(db: Knex): Promise<string[]> {
  const files = (await readdir(migrationsDirectory)).filter((file) => file.endsWith('.ts')).toSorted();
  const applied = await readApplied(db);
  return files.filter((file) => !applied.has(file)).map(withoutExtension);
}

/** Applies what is pending within a transaction, for a look at what it would do: roll it back. Gives the names. */
export async function applyPendingWithin(trx: Trx): Promise<string[]> {
  const names = await listPendingMigrations(trx);
  for (const name of names) {
    const { up } = (await import(pathToFileURL(join(migrationsDirectory, `${name}.ts`)).href)) as {
      up: (knex: Knex) => Promise<void>;
    };
    await up(trx);
  }
  return names;
}

/** knex's own `migrate.list` would create its tables where there are none, which a health check must not do. */
async function readApplied(db: Knex): Promise<Set<string>> {
  try {
    const rows = await runSql<{ name: string }>(db, 'readAppliedMigrations', `select name from ${TABLE}`);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (isUndefinedTable(error)) return new Set();
    throw error;
  }
}

const TABLE = 'schema_migrations';

function withoutExtension(file: string): string {
  return file.replace(/\.ts$/, '');
}

const migrationSettings: Knex.MigratorConfig = {
  directory: migrationsDirectory,
  loadExtensions: ['.ts'],
  tableName: TABLE,
};
