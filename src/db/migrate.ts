import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runMigrations as migrateBullMq } from 'bullmq';
import knex, { type Knex } from 'knex';
import { Client } from 'pg';
import type { Trx } from './db.ts';
import { isUndefinedTable } from './pg-errors.ts';
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
 * nothing half done, and the next run goes on.
 */
export async function migrateDatabase({ databaseUrl, queueInDatabase, onWait }: MigrateOptions): Promise<string[]> {
  const holder = new Client({
    connectionString: databaseUrl,
    application_name: 'tributary-migrate',
    keepAlive: true,
  });
  // A connection that is lost between two queries is reported here; the next query fails by it.
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    const { rows } = await holder.query<{ free: boolean }>('select pg_try_advisory_lock($1) as free', [ADVISORY_LOCK]);
    if (!rows[0]?.free) {
      onWait?.();
      await holder.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
    }
    // BullMQ's first, so that all are complete when ours are (listPendingMigrations looks at ours alone).
    if (queueInDatabase) await migrateBullMq(holder);
    return await applyMigrations(databaseUrl);
  } finally {
    await holder.end();
  }
}

async function applyMigrations(databaseUrl: string): Promise<string[]> {
  const db = knex({
    client: 'pg',
    connection: { connectionString: databaseUrl, application_name: 'tributary-migrate' },
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
