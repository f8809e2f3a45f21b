import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { openEmbeddedServer, type EmbeddedServer } from '../../src/db/embedded.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';

let dataDir: string;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tributary-role-'));
  await chmod(dataDir, 0o755);
});
after(() => rm(dataDir, { recursive: true, force: true }));

async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function readState(): Promise<{ password: string; port: number; hubPassword?: string }> {
  return JSON.parse(await readFile(join(dataDir, 'embedded.json'), 'utf8')) as Awaited<ReturnType<typeof readState>>;
}

/** The owner's address, as a tool finds it in embedded.json. */
async function ownerUrl(): Promise<string> {
  const { port, password } = await readState();
  return `postgres://tributary:${password}@127.0.0.1:${port}/tributary?sslmode=disable`;
}

/** The server with every kind of object made by its owner, as before there was a role for the hub. */
async function makeOldServer(): Promise<void> {
  const server = await openEmbeddedServer(dataDir);
  await connected(await ownerUrl(), async (owner) => {
    await owner.query(`
      create table kept (id bigserial primary key, at timestamptz); insert into kept default values;
      create sequence counted; create type colour as enum ('red'); create domain word as text;
      create type pair as (a int, b int); create view seen as select * from kept;
      create materialized view seen_once as select * from kept;
      create function answer() returns int language sql as 'select 42';
      create procedure nothing() language sql as 'select 1';
      create schema queue; create table queue.jobs (id int, colour colour)`);
  });
  await server.close();
  const { hubPassword: _, ...old } = await readState();
  await writeFile(join(dataDir, 'embedded.json'), JSON.stringify(old), { mode: 0o600 });
}

test("the embedded hub's processes are no superuser, own what is theirs, and embedded.json names the owner for tools", async () => {
  await makeOldServer();
  const server: EmbeddedServer = await openEmbeddedServer(dataDir);
  try {
    await connected(server.databaseUrl, async (hub) => {
      const { rows } = await hub.query(
        `select rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles
         where rolname = current_user`,
      );
      assert.deepEqual(Object.values(rows[0] as object), ['tributary_hub', false, false, false, false, false]);
      await assert.rejects(hub.query(`copy (select 1) to program 'true'`), /permission denied/);
      await assert.rejects(hub.query(`select pg_read_file('PG_VERSION')`), /permission denied/);
      await assert.rejects(hub.query('set role tributary'), /permission denied/);
      // What the owner made is changed and dropped by the hub, as a migration would.
      await hub.query(`
        insert into kept default values; alter table kept add column note text; alter sequence counted restart;
        alter type colour add value 'blue'; drop view seen; drop materialized view seen_once;
        drop function answer(); drop procedure nothing(); alter table queue.jobs add column note text;
        drop type pair; drop domain word; drop schema queue cascade`);
    });
    const applied = await migrateDatabase({ databaseUrl: server.databaseUrl, queueInDatabase: true });
    assert.ok(applied.length > 5);
    const sessions = await connected(await ownerUrl(), (owner) =>
      owner.query<{ usename: string }>(
        `select usename from pg_stat_activity where application_name like 'tributary-%' and datname = 'tributary'`,
      ),
    );
    assert.deepEqual(
      sessions.rows.map(({ usename }) => usename),
      ['tributary_hub'],
      'the one session is ours',
    );
    assert.equal((await stat(join(dataDir, 'embedded.json'))).mode & 0o777, 0o600);
  } finally {
    await server.close();
  }
});

test('a tool that works as the owner keeps the server running, as another process of the hub does', async () => {
  const server = await openEmbeddedServer(dataDir);
  await connected(await ownerUrl(), async (tool) => {
    await server.close();
    assert.equal((await tool.query('select 1 as one')).rowCount, 1);
  });
  const again = await openEmbeddedServer(dataDir);
  assert.equal(again.how, 'adopted');
  await again.close();
});
