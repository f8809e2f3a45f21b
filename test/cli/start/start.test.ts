import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Environment } from '../../../src/process/config.ts';
import { findFreePort, isAlive, stopPostgres } from '../../../src/db/postgres-server.ts';
import { costsOf } from '../../bench/process-costs.ts';
import { startProcess, type TestProcess } from '../../support/child-process.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** `npm start` as people run it: real processes, the embedded PostgreSQL, DATA_DIR with a space in its path. */
let home: string;
const running: TestProcess[] = [];
const dataDirs: string[] = [];

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'tributary start-'));
  await chmod(home, 0o755);
});
afterEach(async () => {
  for (const each of running.splice(0)) {
    each.kill('SIGTERM');
    await each.exited;
  }
  for (const dataDir of dataDirs.splice(0)) {
    const pid = await findPostgres(dataDir);
    if (pid !== null) await stopPostgres(pid);
  }
});
after(() => rm(home, { recursive: true, force: true }));

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(home, 'data-'));
  // As root, PostgreSQL's own user must reach it; else the data would lie under /var/lib, where nothing removes it.
  await chmod(dataDir, 0o755);
  dataDirs.push(dataDir);
  return dataDir;
}

function startHub(env: Environment): TestProcess {
  const hub = startProcess(['--expose-gc', 'src/cli/tributary.ts', 'start'], env);
  running.push(hub);
  return hub;
}

const LISTENS = /Tributary listens/;

/** The embedded server's process, where it runs. */
async function findPostgres(dataDir: string): Promise<number | null> {
  const state = await readFile(join(dataDir, 'embedded.json'), 'utf8').catch(() => '{"folder":"none"}');
  const { folder } = JSON.parse(state) as { folder: string };
  const path = resolve(dataDir, folder);
  const pid = Number((await readFile(join(path, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
  return pid > 0 && (await isAlive(pid)) ? pid : null;
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
  return answer?.status === 200;
}

test('the first start makes everything, the second keeps it, SIGTERM ends all of it with exit code 0', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const env = { DATA_DIR: dataDir, PORT: String(port) };
  const first = startHub(env);
  await first.waitFor(LISTENS);
  assert.ok(await isReady(port));
  const secretsFile = join(dataDir, 'secrets.env');
  const secrets = await readFile(secretsFile, 'utf8');
  assert.match(secrets, /^ADMIN_TOKEN=\S{20,}$/m);
  for (const file of [secretsFile, join(dataDir, 'embedded.json')])
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  first.kill('SIGTERM');
  assert.equal(await first.exited, 0, first.output());
  assert.equal(await findPostgres(dataDir), null);
  assert.ok(!(await isReady(port)));

  const second = startHub(env);
  await second.waitFor(LISTENS);
  assert.ok(await isReady(port));
  assert.equal(await readFile(secretsFile, 'utf8'), secrets);
  assert.doesNotMatch(second.output(), /Migrated/);
  for (const line of secrets.matchAll(/^\w+=(\S+)$/gm)) assert.ok(!second.output().includes(line[1] ?? ''));
  assert.doesNotMatch(second.output(), /sk_(live|test)_|whsec_/);
  assert.ok(second.output().includes(join(dataDir, 'first-steps.sh')));
});

test('the first start prints the test key and calls by it, keeps the other keys and a call to each source, and all of these work', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  await hub.waitFor(/# What became of them/);
  const file = join(dataDir, 'first-steps.sh');
  const steps = await readFile(file, 'utf8');
  // What is printed may be kept in logs: nothing by which live messages are taken.
  assert.doesNotMatch(hub.output(), /sk_live_|whsec_|Authorization: Bearer (?!sk_test_)/);
  assert.match(hub.output(), /live key {2}in .+first-steps\.sh/);
  const printed = hub.output().slice(hub.output().indexOf("# A visitor follows the affiliate's link"));
  for (const line of printed.split('\n').filter((each) => each.startsWith('curl')))
    assert.ok(steps.includes(line), line);
  assert.match(steps, /live key {2}sk_live_/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const { stdout } = await promisify(execFile)('sh', [file]);
  const [redirect, backend, tracker, stripe, revenuecat, list] = stdout.trim().split('\n');
  assert.match(redirect ?? '', /^302 https:\/\/example\.com\/\?click_id=clk_/);
  for (const answer of [backend, tracker]) assert.equal(JSON.parse(answer ?? '').data.tracked, true);
  assert.equal(stripe, '{"received":true}');
  assert.equal(revenuecat, '200');
  const { data } = JSON.parse(list ?? '') as { data: { commission: { amountMinor: number }; livemode: boolean }[] };
  const commissions = data.map(({ commission }) => commission.amountMinor).toSorted((a, b) => a - b);
  assert.deepEqual(commissions, [200, 400, 998, 2000]);
  assert.ok(data.every(({ livemode }) => !livemode));
});

test('after a kill -9 of the starter its processes leave, PostgreSQL stays, and the next start adopts it', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const env = { DATA_DIR: dataDir, PORT: String(port) };
  const first = startHub(env);
  await first.waitFor(LISTENS);
  const postgres = await findPostgres(dataDir);
  first.kill('SIGKILL');
  await first.exited;
  assert.equal(await findPostgres(dataDir), postgres);

  const second = startHub(env);
  await second.waitFor(LISTENS);
  assert.match(second.output(), /PostgreSQL runs already/);
  assert.equal(await findPostgres(dataDir), postgres);
  await waitUntil('the new web process answers', () => isReady(port));
});

test('under npm, which passes no SIGTERM on, the hub ends when npm does', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  // Stands in for npm: a parent that is gone without a word.
  const parent = `require('node:child_process').spawn(process.execPath, ['src/cli/tributary.ts', 'start'], { stdio: 'inherit' })`;
  const npm = startProcess(['-e', parent], { DATA_DIR: dataDir, PORT: String(port), npm_lifecycle_event: 'start' });
  await npm.waitFor(LISTENS);
  npm.kill('SIGKILL');
  // Its streams are closed when the last process that inherited them is gone.
  await npm.exited;
  assert.ok(!(await isReady(port)));
  assert.equal(await findPostgres(dataDir), null);
});

test('a worker that dies is started again, and its end is told; what ends because all do is not', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  const [, pid] = await hub.waitFor(/"role":"worker","pid":(\d+)[^\n]*"worker runs"/);
  process.kill(Number(pid), 'SIGKILL');
  await hub.waitFor(/worker ended \(signal SIGKILL\)/);
  const [, next] = await hub.waitFor(new RegExp(`"role":"worker","pid":(?!${pid}\\D)(\\d+)[^\\n]*"worker runs"`));
  const [, web] = await hub.waitFor(/"role":"web","pid":(\d+)[^\n]*"web listens"/);
  await hub.waitFor(LISTENS);
  // As systemd stops a service: all of its processes are told at once.
  const asked = performance.now();
  for (const one of [web, next]) process.kill(Number(one), 'SIGTERM');
  hub.kill('SIGTERM');
  assert.equal(await hub.exited, 0, hub.output());
  assert.ok(performance.now() - asked < 5_000, hub.output());
  const [, afterwards = ''] = hub.output().split('\nStopping\n');
  assert.match(afterwards, /"stopped"/);
  assert.doesNotMatch(afterwards, /starting it again/);
});

test('a PostgreSQL that dies is started again under the running hub', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  await hub.waitFor(LISTENS);
  const postgres = await findPostgres(dataDir);
  process.kill(postgres ?? 0, 'SIGKILL');
  await hub.waitFor(/PostgreSQL is gone/);
  // Recovery syncs all files of the folder, which takes its time on a busy disk.
  await waitUntil('the hub is ready again', async () => (await findPostgres(dataDir)) !== postgres && isReady(port), {
    timeoutMs: 90_000,
  });
});

test('a postmaster.pid left behind does not stop a start, even where its number is another process now', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const env = { DATA_DIR: dataDir, PORT: String(port) };
  const first = startHub(env);
  await first.waitFor(LISTENS);
  first.kill('SIGTERM');
  await first.exited;
  const { folder } = JSON.parse(await readFile(join(dataDir, 'embedded.json'), 'utf8')) as { folder: string };
  const pidFile = join(dataDir, folder, 'postmaster.pid');
  await writeFile(pidFile, `${process.pid}\n${dataDir}\n0\n1\n\n\n\nready\n`, { mode: 0o644 });
  const second = startHub(env);
  await second.waitFor(LISTENS);
});

test('a used port is said in plain words before anything is made', async () => {
  const taken = createServer().listen(0, '0.0.0.0');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const dataDir = join(home, 'not made');
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port), HOST: '0.0.0.0' });
  assert.equal(await hub.exited, 1);
  taken.close();
  assert.match(hub.output(), new RegExp(`^Port ${port} is in use by another program. Stop that one, or set PORT`));
  await assert.rejects(stat(dataDir));
});

test('mistakes in the environment are all said before anything is made', async () => {
  const dataDir = join(home, 'not made');
  const hub = startHub({ DATA_DIR: dataDir, PORT: 'x', RATE_LIMITS: 'x' });
  assert.equal(await hub.exited, 1);
  assert.match(hub.output(), /PORT: .*\n.*RATE_LIMITS: /);
  assert.doesNotMatch(hub.output(), /\n {4}at /);
  await assert.rejects(stat(dataDir));
});

test('a folder that is none of PostgreSQL’s is named, with what to do, and left as it is', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  await mkdir(join(dataDir, 'postgres'));
  await writeFile(join(dataDir, 'postgres', 'precious.txt'), 'mine');
  await expectRefusal(dataDir, port);
  assert.equal(await readFile(join(dataDir, 'postgres', 'precious.txt'), 'utf8'), 'mine');
});

test('a damaged data folder is named, with what PostgreSQL said of it and what to do', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const first = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  await first.waitFor(LISTENS);
  first.kill('SIGTERM');
  await first.exited;
  await rm(join(dataDir, 'postgres', 'global', 'pg_control'));
  assert.match(await expectRefusal(dataDir, port), /pg_control|control file/);
});

async function expectRefusal(dataDir: string, port: number): Promise<string> {
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  assert.equal(await hub.exited, 1);
  const output = hub.output();
  assert.ok(output.includes(join(dataDir, 'postgres')), output);
  assert.match(output, /set DATA_DIR to another folder/);
  assert.doesNotMatch(output, /\n {4}at /);
  return output;
}

test('hubs with different PORT and DATA_DIR run side by side', async () => {
  const hubs = [];
  for (let i = 0; i < 2; i += 1) {
    const [dataDir, port] = [await newDataDir(), await findFreePort()];
    hubs.push({ port, hub: startHub({ DATA_DIR: dataDir, PORT: String(port) }) });
  }
  for (const { hub } of hubs) await hub.waitFor(LISTENS);
  for (const { port } of hubs) assert.ok(await isReady(port));
});

test('a hub that does nothing holds less than 400 MB in all its processes, with the database', async () => {
  const [dataDir, port] = [await newDataDir(), await findFreePort()];
  const hub = startHub({ DATA_DIR: dataDir, PORT: String(port) });
  await hub.waitFor(LISTENS);
  // Connections of the start and the first round of the chores.
  await wait(3_000);
  const { ownMemoryMb } = await costsOf(hub.pid);
  assert.ok(ownMemoryMb > 150 && ownMemoryMb < 400, `${Math.round(ownMemoryMb)} MB`);
});
