import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createEmptyDatabase, openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const environment = () => cliEnvironment({ databaseUrl: database.url });

test('a program is made with what was said, and listed with all others, newest first', async () => {
  const made = await runCli(
    [
      'program',
      'create',
      '--name',
      'Acme',
      '--currency',
      'eur',
      '--timezone',
      'Europe/Berlin',
      '--auto-approve',
      '--json',
    ],
    environment(),
  );
  assert.equal(made.code, 0, made.stderr);
  const program = JSON.parse(made.stdout) as Record<string, unknown>;
  assert.equal(program['name'], 'Acme');
  assert.equal(program['currency'], 'EUR');
  assert.equal(program['timezone'], 'Europe/Berlin');
  assert.equal(program['autoApprove'], true);
  const second = await runCli(['program', 'create', '--name', 'Second'], environment());
  assert.match(second.stdout, /^Program prg_[0-9a-f]{32} \(Second\) created\.\n/);

  const list = await runCli(['program', 'list', '--json'], environment());
  const programs = JSON.parse(list.stdout) as { id: string; name: string }[];
  assert.deepEqual(
    programs.map(({ name }) => name),
    ['Second', 'Acme'],
  );
  assert.equal(programs[1]?.id, program['id']);
  const table = await runCli(['program', 'list'], environment());
  assert.match(table.stdout, /^ID +Name +Currency +Time zone +Created\n/);
  assert.match(table.stdout, new RegExp(`${String(program['id'])} +Acme +EUR +Europe/Berlin`));
});

test('every mistake is named by its option, without a stack, and exits 1', async () => {
  const result = await runCli(
    ['program', 'create', '--name', ' ', '--currency', 'ZZZ', '--timezone', 'Mars'],
    environment(),
  );
  assert.equal(result.code, 1);
  assert.equal(result.stdout, '');
  assert.match(result.stderr, /^--name must not be empty$/m);
  assert.match(result.stderr, /^--currency must be an ISO 4217 currency/m);
  assert.match(result.stderr, /^--timezone must be an IANA time zone/m);
  assert.doesNotMatch(result.stderr, /^ +at /m);
});

test('a missing option, an unknown option and an unknown command exit 1 and say which', async () => {
  for (const [args, words] of [
    [['program', 'create'], /required option '--name <name>'/],
    [['program', 'list', '--colour'], /unknown option '--colour'/],
    [['programme'], /unknown command 'programme'/],
  ] as const) {
    const result = await runCli(args, environment());
    assert.equal(result.code, 1);
    assert.match(result.stderr, words);
    assert.doesNotMatch(result.stderr, /^ +at /m);
  }
});

test('a database that is away is named, without its password', async () => {
  const result = await runCli(['program', 'list'], {
    ...environment(),
    DATABASE_URL: 'postgres://hub:secret@127.0.0.1:1/tributary',
  });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^The database at 127\.0\.0\.1:1 cannot be reached/);
  assert.doesNotMatch(result.stderr, /secret|^ +at /m);
});

test('a database without the schema is left as it is: the release migrates', async () => {
  const empty = await createEmptyDatabase();
  try {
    const result = await runCli(['program', 'list'], cliEnvironment({ databaseUrl: empty.url }));
    assert.equal(result.code, 1);
    assert.match(result.stderr, /Run `tributary migrate` first/);
  } finally {
    await empty.drop();
  }
});

test('mistakes in the environment come out all at once', async () => {
  const result = await runCli(['program', 'list'], { ...environment(), PORT: 'x', RATE_LIMITS: 'maybe' });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /PORT: .*\n.*RATE_LIMITS: /);
  assert.doesNotMatch(result.stderr, /^ +at /m);
});
