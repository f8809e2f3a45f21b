import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createProgram } from '../../../src/program/programs.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { cliEnvironment, runCli } from '../run-cli.ts';

let hub: TestHub;
let programId: string;
before(async () => {
  hub = await startHub({ worker: false });
  programId = (await createProgram(hub.db, { name: 'Acme' })).id;
});
after(() => hub.stop());

async function readMe(key: string): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${hub.url}/api/v1/me`, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, body: await answer.json() };
}

const create = (...args: string[]) => runCli(['key', 'create', ...args], cliEnvironment(hub));

test('a key that was made works at once, and is all that stdout has', async () => {
  const made = await create('--program', programId, '--name', 'backend', '--mode', 'test', '--access', 'read');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^sk_test_[0-9A-Za-z]{36}\n$/);
  assert.match(made.stderr, /not shown again/);
  const me = await readMe(made.stdout.trim());
  assert.deepEqual(me, {
    status: 200,
    body: { data: { program: { id: programId, name: 'Acme' }, mode: 'test', access: 'read' } },
  });
});

test("--import takes over a key's value, whatever its form, and only once", async () => {
  const value = 'rgk_from-another-system_1';
  const options = ['--program', programId, '--name', 'old', '--mode', 'live', '--access', 'write', '--import', value];
  const imported = await create(...options, '--json');
  assert.equal(imported.code, 0, imported.stderr);
  const key = JSON.parse(imported.stdout) as { key: string; mode: string; access: string; name: string };
  assert.deepEqual([key.key, key.mode, key.access, key.name], [value, 'live', 'write', 'old']);
  assert.equal((await readMe(value)).status, 200);
  const again = await create(...options);
  assert.equal(again.code, 1);
  assert.equal(again.stderr, 'This key is in use already\n');
});

test('--import-file takes the value from standard input', async () => {
  const args = ['key', 'create', '--program', programId, '--import-file', '-'];
  const imported = await runCli(args, cliEnvironment(hub), { input: 'rgk_from-standard-input_1\n' });
  assert.equal(imported.code, 0, imported.stderr);
  assert.equal((await readMe('rgk_from-standard-input_1')).status, 200);
});

test('--import alone is enough where there is one program', async () => {
  for (const [value, mode] of [
    ['sk_live_of_elsewhere', 'live'],
    ['sk_test_of_elsewhere', 'test'],
  ] as const) {
    const imported = await create('--import', value);
    assert.equal(imported.code, 0, imported.stderr);
    assert.equal(imported.stderr, `Imported as the ${mode} key 'imported' (write) of ${programId}.\n`);
    assert.equal((await readMe(value)).status, 200);
  }
  const other = await createProgram(hub.db, { name: 'Other' });
  const refused = await create('--import', 'sk_live_of_elsewhere_2');
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.equal(refused.stderr, '--program is required: there are several (tributary program list)\n');
  await hub.db('programs').where('id', other.id).delete();
});

test('what makes no key exits 1 with one line that says why', async () => {
  const common = ['--name', 'x', '--mode', 'live', '--access', 'write'];
  for (const [args, words] of [
    [['--program', 'prg_none', ...common], /^There is no program prg_none \(tributary program list has all\)\n$/],
    [['--program', programId, ...common, '--import', 'short'], /^A key has 8 to 255 printable ASCII characters/],
    [['--program', programId, '--name', '', '--mode', 'live', '--access', 'write'], /^--name must not be empty\n$/],
    [['--program', programId, '--name', 'x', '--mode', 'both', '--access', 'write'], /Allowed choices are live, test/],
    [['--program', programId, '--name', 'x', '--mode', 'live'], /^--access /],
    [['--program', programId], /^--name .*\n--mode .*\n--access .*\n$/],
  ] as const) {
    const result = await create(...args);
    assert.equal(result.code, 1);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, words);
    assert.doesNotMatch(result.stderr, /^ +at /m);
  }
});
