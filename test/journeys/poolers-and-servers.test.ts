import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { ApiClient } from '../api/api-client.ts';
import { createEmptyDatabase, type CreatedDatabase } from '../support/database.ts';
import { forEachBackend } from '../support/both-backends.ts';
import { startHub } from '../support/hub.ts';
import { startTestPgBouncer, type TestPgBouncer } from '../support/pgbouncer.ts';
import { startPostgres15, type OldServer } from '../support/postgres-15.ts';
import { make } from '../api/api-program.ts';
import { openHttpProgram } from './http-program.ts';

/** A sale that comes in by the API is settled, and its caller told, on a hub with this environment. */
async function sells(env: Record<string, string>, backend: 'postgres' | 'redis'): Promise<void> {
  const hub = await startHub({ backend, env });
  try {
    const admin = new ApiClient(hub.url, hub.adminToken);
    const program = await openHttpProgram({ ...hub, db: hub.deps.db });
    const sell = (orderId: string) =>
      program.api.post('/conversions', {
        order_id: orderId,
        amount: '10.00',
        currency: 'USD',
        referralCode: 'partner-one',
      });
    for (const answer of await Promise.all(Array.from({ length: 20 }, (_, index) => sell(`S-${index}`)))) {
      assert.deepEqual([answer.status, answer.body.data?.status], [201, 'pending'], answer.text);
    }
    assert.ok(await make(admin, '/programs', { name: 'Another' }));
  } finally {
    await hub.stop();
  }
}

describe('behind PgBouncer, with pool_mode=transaction and nothing else', () => {
  let database: CreatedDatabase;
  let pooler: TestPgBouncer;
  before(async () => {
    database = await createEmptyDatabase();
    pooler = await startTestPgBouncer(database.url);
  });
  after(async () => {
    await pooler?.stop();
    await database?.drop();
  });

  test('migrations run, two processes at once as well', async () => {
    const run = () => migrateDatabase({ databaseUrl: pooler.url, queueInDatabase: true });
    const applied = await Promise.all([run(), run()]);
    assert.equal(applied.filter((names) => names.length > 0).length, 1);
  });

  forEachBackend((backend) => {
    test('it is noticed, and what comes in is settled', async () => {
      await sells({ DATABASE_URL: pooler.url }, backend);
    });
  });

  test('with the direct URL everything is told as without a pooler', async () => {
    await sells({ DATABASE_URL: pooler.url, DATABASE_DIRECT_URL: database.url }, 'postgres');
  });

  test('the pooler had nothing to refuse', async () => {
    assert.doesNotMatch(await pooler.log(), /unsupported startup parameter|prepared statement|ERROR/);
  });
});

describe('on PostgreSQL 15, by a role that is neither superuser nor may create databases', () => {
  let server: OldServer;
  before(async () => {
    server = await startPostgres15();
    const admin = new Client({ connectionString: server.adminUrl });
    await admin.connect();
    await admin.query(`create role hub login password 'of-the-hub' nosuperuser nocreatedb nocreaterole`);
    await admin.query('create database "my-hub-db" owner hub');
    await admin.end();
  });
  after(() => server?.stop());

  test('migrations run, and what comes in is settled', async () => {
    const url = server.urlOf('my-hub-db', 'hub', 'of-the-hub');
    await migrateDatabase({ databaseUrl: url, queueInDatabase: true });
    await sells({ DATABASE_URL: url }, 'postgres');
  });
});
