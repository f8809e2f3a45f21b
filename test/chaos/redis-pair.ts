import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedisServer } from '../support/redis.ts';
import { waitUntil } from '../support/wait-until.ts';
import { findSteadyPort } from './ports.ts';
import { signalProcess } from './process-tree.ts';
import { startProxy, type Proxy } from './proxy.ts';

/** One Redis of the pair. */
export interface RedisNode {
  port: number;
  command(...command: [string, ...string[]]): Promise<unknown>;
  kill(): Promise<void>;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** Two Redis servers watched by a Sentinel of their own. Hubs reach the one that is the master by a proxy. */
export interface RedisPair {
  proxy: Proxy;
  /** A hub's settings, by the proxy. */
  byAddress: Record<string, string>;
  /** A hub's settings where it asks the Sentinel itself: then no proxy is between them. */
  bySentinel: Record<string, string>;
  /** Whom the Sentinel calls the master. */
  master(): Promise<RedisNode>;
  /** Asks the Sentinel to make the other one the master, and resolves when it is. */
  failOver(): Promise<void>;
  /** Both answer, and the Sentinel knows a replica that it could promote. */
  whole(): Promise<void>;
  stop: () => Promise<void>;
}

const MASTER_NAME = 'chaos';
const DOWN_AFTER_MS = 1_500;

export async function startRedisPair(logs: string): Promise<RedisPair> {
  const program = await findRedisServer();
  const home = await mkdtemp(join(tmpdir(), 'tributary-chaos-redis-'));
  const nodes = [
    await startRedis(program, home, logs, 'redis-1'),
    await startRedis(program, home, logs, 'redis-2'),
  ] as const;
  await nodes[1].command('REPLICAOF', '127.0.0.1', String(nodes[0].port));
  const sentinel = await startSentinel(program, home, logs, nodes[0].port);
  const ask = (...command: [string, ...string[]]) => runCommand(sentinel.port, command);
  const findMaster = async (): Promise<RedisNode> => {
    const [, port] = (await ask('SENTINEL', 'get-master-addr-by-name', MASTER_NAME)) as [string, string];
    const node = nodes.find((each) => each.port === Number(port));
    if (!node) throw new Error(`the Sentinel calls an unknown server the master: ${port}`);
    return node;
  };
  const proxy = await startProxy(nodes[0].port);
  // As a managed Redis: its address leads to whoever is the master, and connections stay where they are.
  let led = nodes[0].port;
  const lead = async (): Promise<void> => {
    const { port } = await findMaster();
    if (port !== led) proxy.leadTo((led = port));
  };
  const follow = setInterval(() => void lead().catch(() => undefined), 200);
  const pair: RedisPair = {
    proxy,
    byAddress: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    bySentinel: { REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`, REDIS_SENTINEL_NAME: MASTER_NAME },
    master: findMaster,
    async failOver() {
      const before = (await findMaster()).port;
      await waitUntil('the Sentinel fails over', async () => {
        await ask('SENTINEL', 'failover', MASTER_NAME).catch(() => undefined);
        return (await findMaster()).port !== before;
      });
    },
    async whole() {
      await waitUntil(
        'Redis has a master and a replica that follows it',
        async () => {
          const master = await findMaster();
          const info = String(await master.command('INFO', 'replication'));
          const replicas = String(await ask('SENTINEL', 'replicas', MASTER_NAME));
          return /role:master/.test(info) && /state=online/.test(info) && !/s_down|o_down|disconnected/.test(replicas);
        },
        { timeoutMs: 60_000, everyMs: 200 },
      );
    },
    async stop() {
      clearInterval(follow);
      await proxy.close();
      await sentinel.kill();
      for (const node of nodes) await node.kill();
      await rm(home, { recursive: true, force: true });
    },
  };
  await pair.whole().catch(async (error: unknown) => {
    await pair.stop();
    throw error;
  });
  return pair;
}

async function startRedis(program: string, home: string, logs: string, name: string): Promise<RedisNode> {
  const port = await findSteadyPort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home];
  const args = [...flags, '--repl-diskless-sync-delay', '0', '--repl-timeout', '10'];
  return startServer(program, args, join(logs, `${name}.log`), port);
}

async function startSentinel(program: string, home: string, logs: string, masterPort: number): Promise<RedisNode> {
  const port = await findSteadyPort();
  const file = join(home, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${home}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 1`,
      `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${MASTER_NAME} 3000`,
      '',
    ].join('\n'),
  );
  return startServer(program, [file, '--sentinel'], join(logs, 'sentinel.log'), port);
}

async function startServer(program: string, args: string[], logFile: string, port: number): Promise<RedisNode> {
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const log = await open(logFile, 'a');
    child = spawn(program, args, { stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    await waitUntil(`${program} answers`, () => runCommand(port, ['PING']));
  };
  await start();
  return {
    port,
    command: (...command) => runCommand(port, command),
    start,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    freeze: () => signalProcess(child.pid ?? 0, 'SIGSTOP'),
    thaw: () => signalProcess(child.pid ?? 0, 'SIGCONT'),
  };
}

async function runCommand(port: number, [name, ...args]: [string, ...string[]]): Promise<unknown> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 2_000,
    commandTimeout: 5_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
