import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { createDatabase } from '../../src/db/database.ts';
import type { Db } from '../../src/db/db.ts';
import { listPendingMigrations, migrateDatabase } from '../../src/db/migrate.ts';
import { listKnownMigrations } from '../../src/db/schema-state.ts';
import { restoreArchive } from '../support/archive.ts';
import { runAsAdmin } from '../support/database.ts';
import { runSql } from '../support/sql.ts';

/** What every migration leaves alone: the messages, and what is owed and was paid. */
const moneyOf = (db: Db) =>
  runSql(
    db,
    `select 'entries' as what, program_id, affiliate_id, currency, sum(amount_minor)::text as sum, count(*)::text as count
     from ledger_entries group by 2, 3, 4
     union all select 'payouts', program_id, affiliate_id, currency, sum(amount_minor)::text, count(*)::text from payouts group by 2, 3, 4
     union all select 'messages', program_id, '', '', '', count(*)::text from inbox_events group by 2
     order by 1, 2, 3, 4`,
  );

/** Every object of the schema with its definition, and which migrations are recorded. */
const shapeOf = (db: Db) =>
  runSql<{ what: string }>(
    db,
    `select what from (
       select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull as what
       from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace and a.attnum > 0
       union all select indexdef from pg_indexes where schemaname = 'public'
       union all select conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
       union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
       union all select md5(pg_get_functiondef(oid)) from pg_proc where pronamespace = 'public'::regnamespace and proname <> 'die_at_the_record'
       union all select name from schema_migrations) as shapes order by 1`,
  );

test('a migration that is killed when all its work is done leaves nothing of it, and the next run goes on: for each one', async () => {
  const database = await restoreArchive('4f642b4');
  const db = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
  try {
    const money = await moneyOf(db);
    assert.ok(money.length > 20);
    const known = await listKnownMigrations();
    const pending = await listPendingMigrations(db);
    // The record of a migration is the last that its transaction writes: the connection ends there, as by a kill of the
    // process or of the server.
    await runAsAdmin(
      `create function die_at_the_record() returns trigger language plpgsql as $$
       begin
         if new.name = current_setting('tests.dies_at', true) then perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10); end if;
         return new;
       end $$;
       create trigger dies before insert on schema_migrations for each row execute function die_at_the_record()`,
      database.url,
    );
    const migrate = () => migrateDatabase({ databaseUrl: database.url, queueInDatabase: false });
    const shape = await shapeOf(db);
    for (const name of pending) {
      await diesAt(database.url, `${name}.ts`);
      await assert.rejects(migrate(), /terminat|connection/i, name);
      // All that are pending are applied in one transaction, so what was done before it is gone, too.
      assert.deepEqual(await listPendingMigrations(db), pending, name);
      assert.deepEqual(await shapeOf(db), shape, name);
      assert.deepEqual(await moneyOf(db), money, name);
    }
    await diesAt(database.url, 'none');
    assert.deepEqual(await migrate(), pending);
    assert.deepEqual(await listPendingMigrations(db), []);
    await runAsAdmin('drop function die_at_the_record() cascade', database.url);
    const upgraded = await shapeOf(db);
    assert.deepEqual(await moneyOf(db), money);
    assert.deepEqual((await verifyLedger(db)).differences, []);

    // The same tables as by an upgrade that nothing disturbed.
    const straight = await restoreArchive('4f642b4');
    const other = createDatabase({ url: straight.url, role: 'test', poolSize: 1 });
    try {
      await migrateDatabase({ databaseUrl: straight.url, queueInDatabase: false });
      assert.deepEqual(upgraded, await shapeOf(other));
      assert.equal(known.length, (await runSql(other, 'select 1 from schema_migrations')).length);
    } finally {
      await other.destroy();
      await straight.drop();
    }
  } finally {
    await db.destroy();
    await database.drop();
  }
});

/** For every session that connects from now on. */
function diesAt(url: string, name: string): Promise<void> {
  return runAsAdmin(`alter database ${new URL(url).pathname.slice(1)} set tests.dies_at = '${name}'`);
}
