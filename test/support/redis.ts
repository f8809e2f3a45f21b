import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { findProgram } from './apt.ts';

export interface TestRedis {
  url: string;
  pid: number;
  stop: () => Promise<void>;
}

/**
 * A Redis (or Valkey) of the tests' own on a free port, keeping nothing on disk; `clusterPort`: one node of a cluster; `flags`:
 * more for its command line.
 */
export async function startTestRedis(
  port?: number,
  { clusterPort, flags: more = [] }: { clusterPort?: number; flags?: readonly string[] } = {},
): Promise<TestRedis> {
  const program = await findRedisServer();
  const listen = port ?? (await findFreePort());
  const home = await mkdtemp(join(tmpdir(), 'tributary-redis-'));
  const flags = ['--port', String(listen), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home];
  const server = spawn(
    program,
    [
      ...flags,
      ...more,
      ...(clusterPort === undefined ? [] : ['--cluster-enabled', 'yes', '--cluster-port', String(clusterPort)]),
    ],
    { detached: true, stdio: 'ignore' },
  );
  const exited = once(server, 'exit');
  const url = `redis://127.0.0.1:${listen}`;
  const pid = server.pid;
  if (pid === undefined) throw new Error(`${program} could not be run`);
  await waitUntilReady(url, exited);
  return {
    url,
    pid,
    stop: () => stopServer(server, exited, home),
  };
}

/** A Sentinel that decides alone, and soon; it keeps its configuration, with `more` of it, in a file. */
export async function startTestSentinel(
  primaryPort: number,
  name: string,
  { password, more = [] }: { password?: string; more?: readonly string[] } = {},
): Promise<TestRedis> {
  const program = await findRedisServer();
  const port = await findFreePort();
  const home = await mkdtemp(join(tmpdir(), 'tributary-sentinel-'));
  const file = join(home, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${home}`,
      ...(password === undefined ? [] : [`requirepass ${password}`]),
      ...more,
      `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 2000`,
      '',
    ].join('\n'),
  );
  const server = spawn(program, [file, '--sentinel'], { detached: true, stdio: 'ignore' });
  const exited = once(server, 'exit');
  const { pid } = server;
  if (pid === undefined) throw new Error(`${program} could not be run`);
  const url = `redis://:${password ?? ''}@127.0.0.1:${port}`;
  await waitUntilReady(url, exited);
  return {
    url,
    pid,
    stop: () => stopServer(server, exited, home),
  };
}

async function stopServer(server: ChildProcess, exited: Promise<unknown>, home: string): Promise<void> {
  server.kill('SIGTERM');
  await exited;
  await rm(home, { recursive: true, force: true });
}

async function waitUntilReady(url: string, exited: Promise<unknown>): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  const gone = exited.then(() => Promise.reject(new Error('redis-server ended at once')));
  try {
    await Promise.race([
      client.ping(),
      gone,
      wait(10_000, undefined, { ref: false }).then(() => Promise.reject(new Error('Redis is not ready'))),
    ]);
  } finally {
    client.disconnect();
    gone.catch(() => undefined);
  }
}

export function findRedisServer(): Promise<string> {
  return findProgram(['redis-server', 'valkey-server'], {
    package: 'redis-server',
    message:
      'The tests need a Redis or Valkey server. Install one and run them again:\n' +
      '  sudo apt-get install -y redis-server     (or: brew install redis, apk add redis, dnf install valkey)',
  });
}
