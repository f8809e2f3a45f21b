import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { verifyLedger } from '../../../src/audit/verify-ledger.ts';
import { writeBackup } from '../../../src/db/backup/backup.ts';
import { restoreBackup } from '../../../src/db/backup/restore.ts';
import { listTables } from '../../../src/db/backup/catalog.ts';
import { createDatabase } from '../../../src/db/database.ts';
import type { Db, Trx } from '../../../src/db/db.ts';
import { migrateDatabase } from '../../../src/db/migrate.ts';
import { listKnownMigrations } from '../../../src/db/schema-state.ts';
import { listLostSecrets, opensSecrets } from '../../../src/db/sealed-columns.ts';
import { createSecretBox } from '../../../src/db/secret-box.ts';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { ApiClient } from '../../api/api-client.ts';
import { cliEnvironment, runCli } from '../../cli/run-cli.ts';
import { refunded } from '../../journeys/stripe-events.ts';
import { restoreArchive, type RestoredDatabase } from '../../support/archive.ts';
import { startProcess } from '../../support/child-process.ts';
import { createEmptyDatabase, openTestDatabase, runAsAdmin, type CreatedDatabase } from '../../support/database.ts';
import { startHub } from '../../support/hub.ts';
import { runSql } from '../../support/sql.ts';
import { waitUntil } from '../../support/wait-until.ts';

// A hub of everyday kinds of rows, payouts and sealed secrets among them, written by an older version.
let original: RestoredDatabase;
let folder: string;
/** Of the older version's schema. */
let oldFile: string;
/** Where the older one was restored and migrated, and what a hub on it wrote while it worked. */
let restored: CreatedDatabase;
let newFile: string;
let encryptionKey: string;

before(async () => {
  original = await restoreArchive('4f642b4');
  encryptionKey = original.expected.secrets.encryptionKey;
  folder = await mkdtemp(join(tmpdir(), 'tributary-backup-'));
  oldFile = join(folder, 'old.tar.gz');
  newFile = join(folder, 'new.tar.gz');
  restored = await createEmptyDatabase();
});
after(async () => {
  await restored.drop();
  await original.drop();
  await rm(folder, { recursive: true, force: true });
});

const environment = (url: string) => ({ ...cliEnvironment({ databaseUrl: url }), ENCRYPTION_KEY: encryptionKey });

async function withDb<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const db = createDatabase({ url, role: 'test' });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

/** Without a process of its own for it. */
async function restoreAndProve(url: string, file: string): Promise<string[]> {
  return withDb(url, async (db) => {
    const { leftOut } = await restoreBackup(db, { databaseUrl: url, file, beforeCommit: async () => undefined });
    await migrateDatabase({ databaseUrl: url, queueInDatabase: true });
    assert.deepEqual((await verifyLedger(db)).differences, []);
    return leftOut;
  });
}

async function countRows(db: Db): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name, qualified } of await listTables(db)) {
    const [row] = await runSql<{ count: number }>(db, `select count(*)::int as count from ${qualified}`);
    counts[name] = row?.count ?? 0;
  }
  return counts;
}

/** What the money is: every sum that somebody is shown or paid. */
const sumsOf = (db: Db) =>
  runSql(
    db,
    `select 'ledger' as what, program_id, affiliate_id, currency, sum(amount_minor)::text as sum from ledger_entries group by 2, 3, 4
     union all select 'payouts ' || status, program_id, affiliate_id, currency, sum(amount_minor)::text from payouts group by 1, 2, 3, 4
     order by 1, 2, 3, 4`,
  );

/** Keys, checks, indexes, triggers and whether they fire, views and functions. */
const shapeOf = (db: Db) =>
  runSql<{ what: string }>(
    db,
    `select what from (
       select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) as what from pg_constraint
       where connamespace = 'public'::regnamespace
       union all select indexdef from pg_indexes where schemaname = 'public'
       union all select tgenabled::text || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
       union all select viewname || definition from pg_views where schemaname = 'public'
       union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace) as shapes
     order by 1`,
  );

test('a backup of an older version is restored into a database without tables, migrated and proven', async () => {
  const made = await runCli(['backup', oldFile, '--json'], environment(original.url));
  assert.equal(made.code, 0, made.stderr);
  const told = JSON.parse(made.stdout) as {
    tables: Record<string, number>;
    migrations: string[];
    secretsIncluded: boolean;
  };
  const { schema_migrations_lock: _, ...rows } = original.expected.rows;
  assert.partialDeepStrictEqual(told.tables, rows);
  assert.deepEqual(told.migrations.length, 6);
  assert.equal(told.secretsIncluded, false);
  assert.equal((await stat(oldFile)).mode & 0o777, 0o600);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes('partial')),
    [],
  );

  const result = await runCli(['restore', oldFile, '--json'], environment(restored.url));
  assert.equal(result.code, 0, result.stderr + result.stdout);
  const report = JSON.parse(result.stdout) as { equal: boolean; migrated: string[]; leftOut: string[] };
  assert.equal(report.equal, true);
  assert.deepEqual(report.migrated, (await listKnownMigrations()).slice(6));
  assert.deepEqual(report.leftOut, []);
  await withDb(restored.url, async (db) => {
    const counts = await countRows(db);
    for (const table of ['ledger_entries', 'payouts', 'payout_entries', 'inbox_events', 'facts', 'programs'])
      assert.equal(counts[table], rows[table], table);
  });
});

test('a backup while messages come in is of one moment, and a hub on what was restored works on with it', async () => {
  const program = original.expected.programs.find(({ name }) => name === 'Stripe up to acacia');
  assert.ok(program);
  const hub = await startHub({ env: { DATABASE_URL: restored.url, ENCRYPTION_KEY: encryptionKey } });
  const db = createDatabase({ url: restored.url, role: 'cli' });
  const target = await createDatabaseOfItsOwnRole();
  try {
    const api = new ApiClient(hub.url, program.liveKey);
    const over = new AbortController();
    let taken = 0;
    const traffic = (async () => {
      for (; !over.signal.aborted; taken += 1) {
        const sold = await api.post('/conversions', { order_id: `during-${taken}`, amount: '9.00', currency: 'USD' });
        assert.ok(sold.status < 300, sold.text);
      }
    })();
    await waitUntil('some are taken', () => taken > 2);
    const before = await countRows(db);
    const { contents } = await writeBackup(db, { file: newFile, force: false, secrets: null, now: new Date() });
    const backedUp = Object.fromEntries(contents.tables.map(({ name, rows }) => [name, rows]));
    const soFar = taken;
    await waitUntil('others are taken after it', () => taken > soFar + 1);
    over.abort();
    await traffic;
    const later = await countRows(db);
    const events = [before, backedUp, later].map((counts) => counts['inbox_events'] ?? 0);
    assert.ok(events[0]! <= events[1]! && events[1]! < events[2]!, String(events));
    await hub.stop();

    // By a role that owns its database and nothing else.
    await restoreAndProve(target.url, newFile);
    await withDb(target.url, async (copy) => {
      assert.deepEqual(await shapeOf(copy), await shapeOf(db));
      const counts = await countRows(copy);
      assert.equal(counts['inbox_events'], backedUp['inbox_events']);
      const secrets = createSecretBox({ key: Buffer.from(encryptionKey, 'base64') });
      assert.deepEqual(await listLostSecrets(copy, secrets), []);
      const counted = await runSql<{ last: string }>(copy, `select last_value::text as last from inbox_watches_id_seq`);
      assert.ok(Number(counted[0]?.last) > 1);
    });

    const copy = await startHub({ env: { DATABASE_URL: target.url, ENCRYPTION_KEY: encryptionKey } });
    try {
      const copied = new ApiClient(copy.url, program.liveKey);
      const [source] = (await copied.get('/sources')).body.data as { id: string }[];
      const payment = { id: '3SbEfwTr1bFx7HubA0sRCvbO', currency: 'usd', paidAt: Math.floor(Date.now() / 1_000) };
      const body = JSON.stringify(refunded(payment, 'AfterTheRestore', 12_000, 0));
      const signature = signStripeBody(body, original.expected.secrets.stripeSigning);
      const answer = await fetch(`${copy.url}/in/stripe/${source?.id}`, {
        method: 'POST',
        headers: { 'stripe-signature': signature },
        body,
      });
      assert.equal(answer.status, 200, await answer.text());
      await waitUntil('the refund of an old payment is settled', async () => {
        const { body: found } = await copied.get(`/conversions?orderId=pi_${payment.id}`);
        return found.data[0]?.refundedMinor === 12_000;
      });
      const first = await copied.post('/conversions', { order_id: 'during-0', amount: '9.00', currency: 'USD' });
      assert.equal(first.body.data.reason, 'duplicate_order', first.text);
    } finally {
      await copy.stop();
    }
  } finally {
    await db.destroy();
    await target.drop();
  }
});

test('what was restored has the same sums as what was backed up, and one more backup of it the same rows', async () => {
  const target = await openTestDatabase();
  const again = join(folder, 'again.tar.gz');
  try {
    // Into a schema that is there already, as after a release that ran `migrate`.
    const result = await runCli(['restore', newFile], environment(target.url));
    assert.equal(result.code, 0, result.stderr + result.stdout);
    assert.match(result.stdout, /^Restored [\d,]+ rows of 2\d{3}-.+\n(.*\n)*equal: /);
    await withDb(target.url, (db) => writeBackup(db, { file: again, force: false, secrets: null, now: new Date() }));
    const sums = async (file: string) => {
      const contents = execFileSync('tar', ['-xzOf', file, 'contents.json'], { encoding: 'utf8' });
      const { tables } = JSON.parse(contents) as { tables: { name: string; sha256: string }[] };
      return Object.fromEntries(tables.map(({ name, sha256 }) => [name, sha256]));
    };
    assert.deepEqual(await sums(again), await sums(newFile));
    const source = await withDb(restored.url, sumsOf);
    assert.ok(source.length > 10);
    await assert.rejects(
      restoreAndProve(target.url, newFile),
      /This hub is not empty: it has programs or messages\. Restore into a new database/,
    );
    assert.deepEqual(await withDb(target.url, sumsOf), source);
  } finally {
    await target.close();
  }
});

test('every table that a migration makes is in a backup, and what somebody else keeps beside them is left out', async () => {
  const source = await openTestDatabase();
  const target = await openTestDatabase();
  const file = join(folder, 'tables.tar.gz');
  try {
    const tables = await runSql<{ name: string }>(
      source.db,
      `select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schema_migrations_lock' order by tablename collate "C"`,
    );
    await runSql(
      source.db,
      `create table "Some ""body's" ("a b" text, twice text generated always as ("a b" || "a b") stored)`,
    );
    await runSql(source.db, `insert into "Some ""body's" values (E'tab\\t, line\\n, back\\\\slash, \\\\N'), (null)`);
    await writeBackup(source.db, { file, force: false, secrets: null, now: new Date() });
    const listed = execFileSync('tar', ['-xzOf', file, 'manifest.json'], { encoding: 'utf8' });
    const names = (JSON.parse(listed) as { tables: { name: string }[] }).tables.map(({ name }) => name);
    assert.deepEqual(names, [`Some "body's`, ...tables.map(({ name }) => name)]);
    assert.ok(names.length > 40);
    assert.deepEqual(await restoreAndProve(target.url, file), [`Some "body's`]);
  } finally {
    await source.close();
    await target.close();
  }
});

test('a file is never overwritten unasked, and a damaged, cut off or newer one is refused and leaves nothing', async () => {
  const target = await createEmptyDatabase();
  try {
    const exists = await runCli(['backup', newFile], environment(restored.url));
    assert.equal(exists.code, 1);
    assert.match(exists.stderr, /new\.tar\.gz exists\. Give another name, or --force to replace it/);

    const cut = join(folder, 'cut.tar.gz');
    const whole = await readFile(newFile);
    await writeFile(cut, whole.subarray(0, whole.length - 2_000));
    const damaged = join(folder, 'damaged.tar.gz');
    await writeFile(damaged, gzipSync(flipALetter(gunzipSync(whole))));
    const newer = join(folder, 'newer.tar.gz');
    await copyFile(newFile, newer);
    await writeFile(newer, gzipSync(renameMigration(gunzipSync(whole))));
    const other = join(folder, 'other.txt');
    await writeFile(other, 'no archive');
    const wrongKey = createSecretBox({ key: new Uint8Array(32).fill(7) });
    await withDb(target.url, async (db) => {
      for (const [file, message] of [
        [cut, /cut\.tar\.gz is damaged or incomplete/],
        [damaged, /damaged\.tar\.gz is damaged: the rows of \w+ are not those that were written/],
        [newer, /newer\.tar\.gz was written by a newer version \(\w+ is not known to this one\)\. Restore it with/],
        [other, /other\.txt is no backup of Tributary/],
        [join(folder, 'none'), /There is no file .+none/],
        [newFile, /none of them opens/],
      ] as const) {
        const beforeCommit = async (trx: Trx): Promise<void> => {
          if (!(await opensSecrets(trx, wrongKey))) throw new Error('none of them opens');
        };
        await assert.rejects(restoreBackup(db, { databaseUrl: target.url, file, beforeCommit }), message);
      }
    });
    await withDb(target.url, async (db) => {
      const tables = await runSql<{ name: string }>(
        db,
        `select tablename as name from pg_tables where schemaname = 'public'`,
      );
      assert.deepEqual(tables.map(({ name }) => name).toSorted(), ['schema_migrations', 'schema_migrations_lock']);
    });
  } finally {
    await target.drop();
  }
});

/** Within a row of COPY text: the sums of gzip and tar are right, and the rows fit their columns. */
function flipALetter(tar: Buffer): Buffer {
  const at = tar.indexOf('conversion.created');
  assert.ok(at > 0);
  tar.write('C', at);
  return tar;
}

function renameMigration(tar: Buffer): Buffer {
  const at = tar.indexOf('"021_');
  assert.ok(at > 0);
  tar.write('"921_', at);
  return tar;
}

test('a restore that is killed in the middle leaves an empty hub, which the next one fills', async () => {
  const target = await createEmptyDatabase();
  await migrateDatabase({ databaseUrl: target.url, queueInDatabase: true });
  const db = createDatabase({ url: target.url, role: 'test' });
  try {
    // What is being changed about a sequence holds up the last step before the commit.
    const blocker = await db.transaction();
    await blocker.raw('alter sequence inbox_watches_id_seq cache 1');
    const killed = startProcess(['src/cli/tributary.ts', 'restore', newFile], environment(target.url));
    await waitUntil('the rows are in', async () => {
      const waiting = await runSql(
        db,
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%setval%'`,
      );
      return waiting.length > 0;
    });
    killed.kill('SIGKILL');
    assert.equal(await killed.exited, 'SIGKILL', killed.output());
    await blocker.rollback();
    assert.equal((await countRows(db))['programs'], 0);
    await restoreAndProve(target.url, newFile);
  } finally {
    await db.destroy();
    await target.drop();
  }
});

/** As managed services give them: no superuser, and nothing but this database is its own. */
async function createDatabaseOfItsOwnRole(): Promise<CreatedDatabase> {
  const { url, drop } = await createEmptyDatabase();
  const database = new URL(url).pathname.slice(1);
  const role = `role_${database}`;
  await runAsAdmin(`create role ${role} login nosuperuser nocreatedb nocreaterole password 'of-the-tests'`);
  await runAsAdmin(`alter database ${database} owner to ${role}`);
  const own = new URL(url);
  own.username = role;
  own.password = 'of-the-tests';
  return {
    url: own.href,
    async drop() {
      await drop();
      await runAsAdmin(`drop role ${role}`);
    },
  };
}
