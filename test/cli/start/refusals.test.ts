import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSource } from '../../../src/program/sources.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSecretBox } from '../../../src/db/secret-box.ts';
import { findFreePort } from '../../../src/db/postgres-server.ts';
import { startProcess } from '../../support/child-process.ts';
import { createEmptyDatabase, openTestDatabase, runAsAdmin, type TestDatabase } from '../../support/database.ts';
import { runSql } from '../../support/sql.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

// What must not start says why and what to do, and ends; it neither runs on nor repeats a library's sentence.

async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await openTestDatabase();
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

const [web, worker] = [['src/server.ts'], ['workers/main.ts']];
const [start, migrate] = ['start', 'migrate'].map((command) => ['src/cli/tributary.ts', command]);

/** What each process says, and that it ends with 1. */
async function assertAllRefuse(
  processes: (string[] | undefined)[],
  env: Record<string, string | undefined>,
  message: RegExp,
): Promise<void> {
  const port = String(await findFreePort());
  await Promise.all(
    processes.map(async (args = []) => {
      const started = startProcess(args, { ...env, PORT: port, LOG_LEVEL: 'silent' });
      const tooLong = setTimeout(() => started.kill('SIGKILL'), 60_000);
      assert.equal(await started.exited, 1, `${args.join(' ')}: ${started.output()}`);
      clearTimeout(tooLong);
      assert.match(started.output(), message, args.join(' '));
      assert.equal(started.output().trim().split('\n').length, 1, started.output());
    }),
  );
}

test('nothing starts on a schema of a newer version, and every command says so', () =>
  withDatabase(async ({ db, url }) => {
    await runSql(db, `insert into schema_migrations (name, batch, migration_time) values ('999_to_come.ts', 9, now())`);
    const env = cliEnvironment({ databaseUrl: url });
    await assertAllRefuse(
      [web, worker, start, migrate],
      env,
      /^This database was migrated by a newer version \(999_to_come is not known to this one\)/,
    );
    const list = await runCli(['program', 'list'], env);
    assert.deepEqual([list.code, list.stdout], [1, '']);
    assert.match(list.stderr, /^This database was migrated by a newer version/);
  }));

test('nothing starts with another ENCRYPTION_KEY than that of the stored secrets, unless the one of before is given, too', () =>
  withDatabase(async ({ db, url }) => {
    const env = cliEnvironment({ databaseUrl: url });
    const secrets = createSecretBox({ key: Buffer.from(env['ENCRYPTION_KEY'] ?? '', 'hex') });
    const { id } = await createProgram(db, { name: 'Sealed' });
    const source = await createSource(db, secrets, id, {
      kind: 'stripe',
      name: 'Shop',
      settings: {},
      secrets: { signingSecrets: ['whsec_example'] },
    });
    const other = { ...env, ENCRYPTION_KEY: 'fedcba9876543210'.repeat(4) };
    await assertAllRefuse(
      [web, worker, migrate],
      other,
      /^The secrets in this database were sealed with another key than ENCRYPTION_KEY/,
    );

    const named = await runCli(['secrets', 'forget'], other);
    assert.match(named.stdout, /does not open 1 secret\. With --yes/);
    assert.ok(
      named.stdout.includes(
        `signing secret of the source Shop (program ${id})\n    PATCH /api/v1/sources/${source.id} {`,
      ),
    );
    assert.match(named.stdout, /Nothing was changed/);
    const rotated = await runCli(['secrets', 'rotate'], { ...other, ENCRYPTION_KEY_PREVIOUS: env['ENCRYPTION_KEY'] });
    assert.equal(
      rotated.stdout,
      'Sealed 1 secret with the current key. ENCRYPTION_KEY_PREVIOUS is no longer needed.\n',
    );
    const forgotten = await runCli(['secrets', 'forget', '--yes', '--json'], env);
    assert.deepEqual(
      (JSON.parse(forgotten.stdout) as { secrets: { id: string }[] }).secrets.map((each) => each.id),
      [source.id],
    );
    assert.doesNotMatch(named.stdout + forgotten.stdout, /whsec_[A-Za-z0-9]/);
    const again = await runCli(['secrets', 'rotate'], env);
    assert.match(
      again.stdout,
      /^Sealed 1 secret with the current key\. ENCRYPTION_KEY_PREVIOUS is not set, so they had/,
    );
  }));

test('a database that is away, is not there, or gives the role no rights: the sentence says what to do', async () => {
  const away = await runCli(['migrate'], cliEnvironment({ databaseUrl: 'postgres://hub:x@127.0.0.1:1/hub' }));
  assert.deepEqual([away.code, away.stdout], [1, '']);
  assert.equal(
    away.stderr,
    'The database at 127.0.0.1:1 cannot be reached (ECONNREFUSED). Is it running, and is DATABASE_URL right?\n',
  );
  const { url, drop } = await createEmptyDatabase();
  const role = `poor-${new URL(url).pathname.slice(1)}`;
  await runAsAdmin(`create role "${role}" login password 'of-the-tests'`);
  try {
    const poor = new URL(url);
    [poor.username, poor.password] = [role, 'of-the-tests'];
    const forbidden = await runCli(['migrate'], cliEnvironment({ databaseUrl: poor.href }));
    assert.equal(forbidden.code, 1);
    assert.match(
      forbidden.stderr,
      new RegExp(`^The role "${role}" may not do what the hub needs \\(.*permission denied`),
    );
    const grants = forbidden.stderr.split('\n').filter((line) => line.startsWith('  grant'));
    for (const grant of grants) await runAsAdmin(grant, url);
    const allowed = await runCli(['migrate'], cliEnvironment({ databaseUrl: poor.href }));
    assert.equal(allowed.code, 0, allowed.stderr);
    poor.pathname += '_none';
    const none = await runCli(['migrate'], cliEnvironment({ databaseUrl: poor.href }));
    assert.match(none.stderr, /database "\w+_none" does not exist\. Make it first/);
  } finally {
    await drop();
    await runAsAdmin(`drop role "${role}"`);
  }
});

test('an id that nobody has is an error, not a program without rows', () =>
  withDatabase(async ({ url }) => {
    const env = cliEnvironment({ databaseUrl: url });
    for (const [args, message] of [
      [['verify', '--program', 'nope'], 'There is no program nope (tributary program list has all)\n'],
      [['replay', '--source', 'nope'], 'There is no source nope (tributary source list has those of a program)\n'],
    ] as const) {
      const refused = await runCli(args, env);
      assert.deepEqual([refused.code, refused.stdout, refused.stderr], [1, '', message]);
    }
  }));
