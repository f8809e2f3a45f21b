import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Knex } from 'knex';
import { Client } from 'pg';
import type { Expected } from '../../fixtures/databases/making/archive.ts';
import { createDatabase } from '../../src/db/database.ts';
import { inTransaction } from '../../src/db/db.ts';
import { createEmptyDatabase, type CreatedDatabase } from './database.ts';

export interface RestoredDatabase extends CreatedDatabase {
  /** What its archive says of it. */
  expected: Expected;
}

/**
 * The database of an archive in fixtures/databases, as it was in the field: the tables that the migrations of its time
 * made, which never change, and all its rows. BullMQ's schema is not there; migrating makes it.
 */
export async function restoreArchive(commit: string): Promise<RestoredDatabase> {
  const folder = new URL(`../../fixtures/databases/${commit}/`, import.meta.url);
  const expected = JSON.parse(await readFile(new URL('expected.json', folder), 'utf8')) as Expected;
  const rows = await promisify(gunzip)(await readFile(new URL('data.sql.gz', folder)));
  const database = await createEmptyDatabase();
  await makeTables(database.url, expected.migrations);
  await runScript(database.url, rows.toString('utf8'));
  return { ...database, expected };
}

/** Not by knex's migrator: that some of them were applied is among the rows. */
async function makeTables(url: string, migrations: readonly string[]): Promise<void> {
  const db = createDatabase({ url, role: 'test' });
  try {
    for (const file of migrations) {
      const { up } = (await import(`../../migrations/${file}`)) as { up: (knex: Knex) => Promise<void> };
      await inTransaction(db, up);
    }
  } finally {
    await db.destroy();
  }
}

async function runScript(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
