import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compileCacheFolder } from '../../src/process/node-options.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { Clocks } from './clock.ts';
import { findSteadyPort } from './ports.ts';
import { signalProcess } from './process-tree.ts';
import { startProxy, type Proxy } from './proxy.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One process of the hub, started as the Procfile says and started again whenever it ends. */
export interface HubProcess {
  name: string;
  role: 'web' | 'worker';
  /** Where it answers health checks. */
  healthUrl: string;
  pid(): number;
  kill(): Promise<void>;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** SIGTERM, and how it ended: an exit code or a signal, after so many milliseconds. */
  stop(timeoutMs: number): Promise<{ code: number | string; ms: number }>;
}

export interface WebProcess extends HubProcess {
  /** Between senders and it. */
  proxy: Proxy;
  /** For senders: by the proxy. */
  url: string;
}

export interface Hub {
  webs: WebProcess[];
  workers: HubProcess[];
  all: HubProcess[];
  adminToken: string;
  /** What ended without having been told to. */
  ended: string[];
  stop: () => Promise<void>;
}

const ADMIN_TOKEN = 'admin-token-of-the-chaos';

/** So short that what fails for a while is delivered within the run. */
const RETRY_SCHEDULE = '1,1,2,2,3,3,4,5,5,5,5,5,5,5,5';

export async function startHub(options: {
  databaseUrl: string;
  /** What leads it to Redis. */
  redis: Record<string, string>;
  logs: string;
  clocks: Clocks;
  webs: number;
  workers: number;
}): Promise<Hub> {
  const commands = await readProcfile();
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    NODE_COMPILE_CACHE: compileCacheFolder,
    DATABASE_URL: options.databaseUrl,
    ...options.redis,
    ADMIN_TOKEN,
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
    PUBLIC_URL: 'http://127.0.0.1:3000',
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RETRY_SCHEDULE,
    LOG_LEVEL: 'info',
  };
  const ended: string[] = [];
  const makeProcess = async (role: 'web' | 'worker', number: number): Promise<HubProcess & { port: number }> => {
    const name = `${role}-${number}`;
    const port = await findSteadyPort();
    const made = createProcess({
      name,
      role,
      healthUrl: `http://127.0.0.1:${port}`,
      command: commands[role],
      env: { ...env, ...options.clocks.environmentOf(name), [role === 'web' ? 'PORT' : 'WORKER_PORT']: String(port) },
      logFile: join(options.logs, `${name}.log`),
      onEnd: (how) => ended.push(`${name} ended by itself: ${how}`),
    });
    return { ...made, port };
  };
  await runRelease(commands.release, env);
  const webs: WebProcess[] = [];
  for (let number = 1; number <= options.webs; number += 1) {
    const web = await makeProcess('web', number);
    const proxy = await startProxy(web.port);
    webs.push({ ...web, proxy, url: `http://127.0.0.1:${proxy.port}` });
  }
  const workers: HubProcess[] = [];
  for (let number = 1; number <= options.workers; number += 1) workers.push(await makeProcess('worker', number));
  const all = [...webs, ...workers];
  try {
    await Promise.all(all.map((each) => each.start()));
    await Promise.all(all.map((each) => waitUntilReady(each, 60_000)));
  } catch (error) {
    await Promise.all(all.map((each) => each.kill()));
    throw error;
  }
  return {
    webs,
    workers,
    all,
    adminToken: ADMIN_TOKEN,
    ended,
    async stop() {
      await Promise.all(all.map((each) => each.stop(5_000)));
      await Promise.all(webs.map(({ proxy }) => proxy.close()));
    },
  };
}

/** Resolves once its /readyz says 200. */
export function waitUntilReady({ name, healthUrl }: HubProcess, timeoutMs: number): Promise<true> {
  return waitUntil(
    `${name} is ready`,
    async () => {
      const answer = await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(3_000) });
      await answer.arrayBuffer();
      return answer.ok;
    },
    { timeoutMs, everyMs: 100 },
  ) as Promise<true>;
}

/** How long after its end a process that ended by itself is started again. */
const RESTART_AFTER_MS = 500;

function createProcess(options: {
  name: string;
  role: 'web' | 'worker';
  healthUrl: string;
  command: readonly string[];
  env: Record<string, string>;
  logFile: string;
  onEnd: (how: string) => void;
}): HubProcess {
  const [program = '', ...args] = options.command;
  let child: ChildProcess | null = null;
  let wanted = false;
  const isRunning = (): boolean => child !== null && child.exitCode === null && child.signalCode === null;

  async function start(): Promise<void> {
    wanted = true;
    const log = await open(options.logFile, 'a');
    const started = spawn(program, args, { cwd: root, env: options.env, stdio: ['ignore', log.fd, log.fd] });
    await log.close();
    child = started;
    started.once('exit', (code, signal) => {
      if (!wanted || child !== started) return;
      options.onEnd(String(signal ?? code));
      void wait(RESTART_AFTER_MS).then(() => (wanted && child === started ? start() : undefined));
    });
  }

  async function end(signal: NodeJS.Signals, timeoutMs: number): Promise<{ code: number | string; ms: number }> {
    wanted = false;
    const ending = child;
    const at = performance.now();
    if (ending === null || !isRunning()) return { code: 'not running', ms: 0 };
    const gone = once(ending, 'exit') as Promise<[number | null, string | null]>;
    ending.kill(signal);
    const insist = setTimeout(() => ending.kill('SIGKILL'), timeoutMs);
    const [code, by] = await gone;
    clearTimeout(insist);
    return { code: by ?? code ?? 'unknown', ms: Math.round(performance.now() - at) };
  }

  return {
    name: options.name,
    role: options.role,
    healthUrl: options.healthUrl,
    pid: () => child?.pid ?? 0,
    start,
    kill: async () => void (await end('SIGKILL', 5_000)),
    stop: (timeoutMs) => end('SIGTERM', timeoutMs),
    freeze() {
      if (isRunning()) signalProcess(child?.pid ?? 0, 'SIGSTOP');
    },
    thaw() {
      if (isRunning()) signalProcess(child?.pid ?? 0, 'SIGCONT');
    },
  };
}

/** Its commands, in words. */
async function readProcfile(): Promise<Record<'release' | 'web' | 'worker', string[]>> {
  const text = await readFile(join(root, 'Procfile'), 'utf8');
  const find = (role: string): string[] => {
    const line = text.split('\n').find((each) => each.startsWith(`${role}:`));
    if (line === undefined) throw new Error(`The Procfile has no ${role}`);
    return line
      .slice(role.length + 1)
      .trim()
      .split(/\s+/);
  };
  return { release: find('release'), web: find('web'), worker: find('worker') };
}

async function runRelease([program = '', ...args]: readonly string[], env: Record<string, string>): Promise<void> {
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the release ended with ${code}`);
}
