import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compileCacheFolder, heapFlags } from '../../src/process/node-options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A process of the product, run as the Procfile runs it, with its memory watched. */
export interface Child {
  pid: number;
  /** The most resident memory seen, in MB (10^6 bytes). */
  peakMb(): number;
  /** What it has now. */
  residentMb(): Promise<number>;
  stop(): Promise<void>;
}

/** `quiet`: its log is written and thrown away, as one that nobody looks at. */
export function startChild(script: string, env: Record<string, string>, { quiet = false } = {}): Child {
  const child = spawn(process.execPath, [...heapFlags, script], {
    cwd: root,
    env: { ...process.env, ...env, NODE_COMPILE_CACHE: compileCacheFolder },
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  let peak = 0;
  const watch = setInterval(() => {
    void residentMb(child).then((mb) => (peak = Math.max(peak, mb)));
  }, 100);
  return {
    pid: child.pid ?? 0,
    peakMb: () => peak,
    residentMb: () => residentMb(child),
    async stop() {
      clearInterval(watch);
      if (child.exitCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
}

async function residentMb(child: ChildProcess): Promise<number> {
  try {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0; // No /proc on this system, or the process is gone.
  }
}
