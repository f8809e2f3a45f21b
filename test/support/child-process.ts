import { spawn, type StdioOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/process/config.ts';
import { waitUntil } from './wait-until.ts';

export interface TestProcess {
  pid: number;
  /** What it has written so far, to both streams. */
  output: () => string;
  /** Resolves once the output matches. Rejects when it ended or took too long without. */
  waitFor: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpMatchArray>;
  kill: (signal: NodeJS.Signals) => void;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A real process of the hub: `startProcess(['src/server.ts'], env)`. Only PATH is passed on beside `env`. */
export function startProcess(args: string[], env: Environment, options: { ipc?: boolean } = {}): TestProcess {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])];
  const child = spawn(process.execPath, args, { cwd: root, env: { PATH: process.env.PATH, ...env }, stdio });
  let output = '';
  let ended: number | NodeJS.Signals | null = null;
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  const exited = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = signal ?? code ?? 0;
      resolve(ended);
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    async waitFor(pattern, timeoutMs = 90_000) {
      const found = await waitUntil(
        `${pattern} in the output`,
        () => output.match(pattern) ?? (ended === null ? null : { ended }),
        { timeoutMs },
      ).catch((error: Error) => {
        throw new Error(`${error.message}; the output was:\n${output}`);
      });
      if ('ended' in found) throw new Error(`It ended (${found.ended}) without ${pattern}; the output was:\n${output}`);
      return found;
    },
    kill: (signal) => child.kill(signal),
    exited,
  };
}
