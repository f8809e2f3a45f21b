import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../process/config.ts';
import { compileCacheFolder, heapFlags } from '../../process/node-options.ts';

export interface SupervisedProcess {
  /** Resolves when the process says for the first time that it works. */
  ready: Promise<void>;
  /** Restarts it with another environment. */
  restart: (env: Environment) => Promise<void>;
  /** It is not started again when it ends: whoever stops us may have told it as well. */
  expectEnd: () => void;
  /** Asks it to end (SIGTERM), insists after a while, and does not start it again. */
  stop: () => Promise<void>;
}

const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 30_000;
/** After so long a process had started well, and the backoff begins from its first step again. */
const SETTLED_AFTER_MS = 60_000;
/** More than the processes take to stop by themselves. */
const KILL_AFTER_MS = 6_000;

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Keeps a process of the hub running: one that dies is started again, later and later. */
export function supervise(options: {
  name: string;
  script: string;
  env: Environment;
  say: (line: string) => void;
}): SupervisedProcess {
  let { env } = options;
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | null = null;
  let backoffMs = FIRST_BACKOFF_MS;
  let stopping = false;
  const ready = Promise.withResolvers<void>();

  function start(): void {
    const startedAt = Date.now();
    timer = null;
    // The channel tells the child when we are gone, however we end.
    child = spawn(process.execPath, [...heapFlags, options.script], {
      cwd: root,
      env: { ...env, NODE_COMPILE_CACHE: compileCacheFolder },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      if (message === 'ready') ready.resolve();
    });
    child.once('error', (error) => options.say(`${options.name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      child = null;
      if (stopping) return;
      if (Date.now() - startedAt > SETTLED_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      options.say(`${options.name} ended (${how}); starting it again in ${backoffMs / 1_000} s`);
      timer = setTimeout(start, backoffMs);
      backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS);
    });
  }

  function expectEnd(): void {
    stopping = true;
    if (timer) clearTimeout(timer);
  }

  async function stop(): Promise<void> {
    expectEnd();
    if (!child) return;
    const exited = once(child, 'exit');
    const insist = setTimeout(() => child?.kill('SIGKILL'), KILL_AFTER_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(insist);
  }

  start();
  return {
    ready: ready.promise,
    async restart(changed) {
      await stop();
      env = changed;
      stopping = false;
      start();
    },
    expectEnd,
    stop,
  };
}
