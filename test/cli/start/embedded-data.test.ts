import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { findFreePort } from '../../../src/db/postgres-server.ts';
import { openEmbeddedServer } from '../../../src/db/embedded.ts';
import { runCli, type CliResult } from '../run-cli.ts';

// The embedded default's DATA_DIR: copied, without its secrets, backed up and restored.
let home: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'tributary-data-'));
  await chmod(home, 0o755);
});
after(() => rm(home, { recursive: true, force: true }));

const inHome = (name: string): string => join(home, name);

async function run(dataDir: string, ...args: string[]): Promise<CliResult> {
  const result = await runCli(args, { DATA_DIR: inHome(dataDir) });
  assert.equal(result.code, 0, result.stderr);
  return result;
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<object>(statement);
    return rows.flatMap((row) => Object.values(row) as unknown[]);
  } finally {
    await client.end();
  }
}

test('a hub is backed up with its secrets while its server runs, and restored elsewhere; without them no new key is made', async () => {
  const server = await openEmbeddedServer(inHome('original'));
  try {
    await run('original', 'program', 'create', '--name', 'First');
    await run('original', 'source', 'create', '--kind', 'stripe', '--signing-secrets', 'whsec_example');
    const file = inHome('hub.tar.gz');
    await run('original', 'backup', file, '--include-secrets');

    const other = { DATA_DIR: inHome('restored'), ENCRYPTION_KEY: 'fedcba9876543210'.repeat(4) };
    const stranger = await runCli(['restore', file], other);
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /were sealed with another key\. Set the ENCRYPTION_KEY of then/);
    const restored = await run('restored', 'restore', file);
    assert.match(restored.stdout, /^equal: /m);
    const secretsOf = (dataDir: string) => readFile(join(inHome(dataDir), 'secrets.env'), 'utf8');
    assert.equal(await secretsOf('restored'), await secretsOf('original'));
    assert.equal((await stat(join(inHome('restored'), 'secrets.env'))).mode & 0o777, 0o600);

    const secretsFile = join(inHome('original'), 'secrets.env');
    await rename(secretsFile, `${secretsFile}.away`);
    const refused = await runCli(['start'], { DATA_DIR: inHome('original'), PORT: String(await findFreePort()) });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /secrets\.env is missing or has no ENCRYPTION_KEY, and the database holds secrets/);
    await assert.rejects(stat(secretsFile), 'no key is made over what is sealed');
    assert.match((await run('original', 'secrets', 'forget', '--yes')).stdout, /^Replaced 1 secret/);
  } finally {
    await server.close();
  }
});

test('a copied DATA_DIR beside the original has a server, a port and a database of its own', async () => {
  const before = await openEmbeddedServer(inHome('first'));
  await ask(before.databaseUrl, `create table mine as select 'original' as whose`);
  await before.close();
  execFileSync('cp', ['-a', inHome('first'), inHome('second')]);
  const original = await openEmbeddedServer(inHome('first'));
  try {
    // As of a copy that was made while the server ran.
    execFileSync('cp', ['-a', join(inHome('first'), 'postgres', 'postmaster.pid'), join(inHome('second'), 'postgres')]);
    const copy = await openEmbeddedServer(inHome('second'));
    try {
      assert.equal(copy.how, 'started');
      assert.notEqual(new URL(copy.databaseUrl).port, new URL(original.databaseUrl).port);
      await ask(copy.databaseUrl, `update mine set whose = 'copy'`);
      assert.deepEqual(await ask(original.databaseUrl, 'select whose from mine'), ['original']);
    } finally {
      await copy.close();
    }
    assert.deepEqual(await ask(original.databaseUrl, 'select whose from mine'), ['original']);
  } finally {
    await original.close();
  }
});
