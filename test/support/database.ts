import { randomBytes } from 'node:crypto';
import type { Db } from '../../src/db/db.ts';
import { Client } from 'pg';
import { createDatabase } from '../../src/db/database.ts';
import { testServices } from './services.ts';

export interface TestDatabase {
  db: Db;
  url: string;
  /** Closes the pool and drops the database. */
  close(): Promise<void>;
}

export interface CreatedDatabase {
  url: string;
  drop: () => Promise<void>;
}

/** A migrated database of this test file's own, cloned from the template. */
export async function openTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const { url, drop } = await createTestDatabase(testServices().template);
  const db = createDatabase({ url, role: 'test', ...options });
  return {
    db,
    url,
    async close() {
      await db.destroy();
      await drop();
    },
  };
}

/** A database without any table, for tests of the migrations themselves. */
export function createEmptyDatabase(): Promise<CreatedDatabase> {
  return createTestDatabase('template1');
}

async function createTestDatabase(template: string): Promise<CreatedDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runAsAdmin(`create database ${name} template ${template}`);
  const url = new URL(testServices().adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runAsAdmin(`drop database if exists ${name} with (force)`) };
}

/** A statement of the tests' superuser, in the database `postgres` unless another is named by its URL. */
export async function runAsAdmin(statement: string, url = testServices().adminUrl): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
