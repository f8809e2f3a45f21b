import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Db } from '../../src/db/db.ts';
import { createDatabase } from '../../src/db/database.ts';
import { listPendingMigrations, migrateDatabase } from '../../src/db/migrate.ts';
import { runSql } from '../support/sql.ts';
import { startProcess } from '../support/child-process.ts';
import { createEmptyDatabase, openTestDatabase } from '../support/database.ts';
import { waitUntil } from '../support/wait-until.ts';

async function withEmptyDatabase(work: (db: Db, url: string) => Promise<void>): Promise<void> {
  const { url, drop } = await createEmptyDatabase();
  const db = createDatabase({ url, role: 'test' });
  try {
    await work(db, url);
  } finally {
    await db.destroy();
    await drop();
  }
}

function migrateInProcess(databaseUrl: string) {
  return startProcess(['src/cli/tributary.ts', 'migrate'], {
    DATABASE_URL: databaseUrl,
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  });
}

test('a cloned database has all migrations', async () => {
  const t = await openTestDatabase();
  try {
    assert.deepEqual(await listPendingMigrations(t.db), []);
  } finally {
    await t.close();
  }
});

test('asking what is pending makes no tables', () =>
  withEmptyDatabase(async (db) => {
    assert.ok((await listPendingMigrations(db)).includes('001_programs'));
    assert.deepEqual(await runSql(db, `select 1 from pg_tables where schemaname = 'public'`), []);
  }));

test('two processes that migrate at once apply each migration once', () =>
  withEmptyDatabase(async (db, url) => {
    const [one, two] = [migrateInProcess(url), migrateInProcess(url)];
    assert.deepEqual(await Promise.all([one.exited, two.exited]), [0, 0], one.output() + two.output());
    const applied = [one, two].filter((each) => each.output().includes('001_programs'));
    assert.equal(applied.length, 1);
    assert.deepEqual(await listPendingMigrations(db), []);
    const names = await runSql<{ name: string }>(db, 'select name from schema_migrations');
    assert.equal(new Set(names.map(({ name }) => name)).size, names.length);
  }));

test('a migration killed in the middle leaves nothing half done, and the next run goes on', () =>
  withEmptyDatabase(async (db, url) => {
    // A table of that name, not committed yet, holds up the second migration.
    const blocker = await db.transaction();
    await blocker.raw('create table inbox_events (id text)');
    const killed = migrateInProcess(url);
    await waitUntil('the migration waits for the table', async () => {
      const waiting = await runSql(
        db,
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and query like '%create table inbox_events%'`,
      );
      return waiting.length > 0;
    });
    killed.kill('SIGKILL');
    assert.equal(await killed.exited, 'SIGKILL');
    await blocker.rollback();
    const applied = await migrateDatabase({ databaseUrl: url, queueInDatabase: true });
    assert.ok(applied.includes('001_programs'), 'the killed run has committed nothing');
    assert.deepEqual(await listPendingMigrations(db), []);
    assert.deepEqual(await migrateDatabase({ databaseUrl: url, queueInDatabase: true }), []);
  }));

test('a lock that knex left behind does not stop the next migration', () =>
  withEmptyDatabase(async (db, url) => {
    await migrateDatabase({ databaseUrl: url, queueInDatabase: true });
    await runSql(db, 'update schema_migrations_lock set is_locked = 1');
    assert.deepEqual(await migrateDatabase({ databaseUrl: url, queueInDatabase: true }), []);
    await runSql(db, 'update schema_migrations_lock set is_locked = 1');
    await runSql(db, `delete from schema_migrations where name like '003%'`);
    await runSql(db, 'drop schema public cascade');
    await runSql(db, 'create schema public');
    assert.ok((await migrateDatabase({ databaseUrl: url, queueInDatabase: true })).length > 1);
  }));
