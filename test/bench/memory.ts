import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { serverPids, startHub } from './hub.ts';
import { costsOf, sumCosts, type Costs } from './process-costs.ts';
import { round, type BenchResult, type Mark } from './result.ts';
import { startBenchServices } from './services.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Connections that the start made and nobody needs are closed after half a minute. */
const IDLE_MS = 45_000;

/**
 * What a hub holds that does nothing, in all its processes: `npm start` with its own PostgreSQL, npm included, and the
 * Procfile's two with PostgreSQL and Redis. PSS; what of it are no pages of files is told apart.
 */
export async function runMemoryBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const [costs, atMost] = backend === 'postgres' ? [await weighStart(), 450] : [await weighProcfile(), 350];
  const figures = Object.entries(costs).flatMap(([name, { memoryMb, ownMemoryMb }]) => [
    [`${name}Mb`, round(memoryMb)],
    [`${name}OwnMb`, round(ownMemoryMb)],
  ]);
  const mark: Mark = { name: 'allMb', value: costs.all?.memoryMb ?? Infinity, atMost };
  return { name: 'memory', backend, figures: Object.fromEntries(figures), marks: [mark] };
}

/** The second start: the first has migrations to run and types to strip. */
async function weighStart(): Promise<Record<string, Costs>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-bench-'));
  await chmod(dataDir, 0o755);
  try {
    await npmStart(dataDir, async () => undefined);
    let all: Costs | null = null;
    await npmStart(dataDir, async (pid) => {
      await wait(IDLE_MS);
      all = await costsOf(pid);
    });
    return all ? { all } : {};
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function npmStart(dataDir: string, weigh: (pid: number) => Promise<void>): Promise<void> {
  const port = await findFreePort();
  const npm = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, DATA_DIR: dataDir, PORT: String(port), HOST: '127.0.0.1', DATABASE_URL: '', REDIS_URL: '' },
    stdio: 'ignore',
  });
  const gone = once(npm, 'exit');
  try {
    const isReady = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    await waitUntil('npm start listens', isReady, { timeoutMs: 90_000 });
    await weigh(npm.pid ?? 0);
  } finally {
    npm.kill('SIGTERM');
    await gone;
    await waitUntil('the hub is gone', () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        () => false,
        () => true,
      ),
    );
    await wait(3_000);
  }
}

async function weighProcfile(): Promise<Record<string, Costs>> {
  const services = await startBenchServices('redis');
  try {
    const hub = await startHub(services);
    await wait(IDLE_MS);
    const costs = {
      web: await costsOf(hub.web.pid),
      worker: await costsOf(hub.workers[0]?.pid ?? 0),
      postgres: await costsOf(services.postgresPid),
      redis: await costsOf(services.redisPid ?? 0),
      all: await sumCosts([...hub.pids, ...serverPids(services)]),
    };
    await hub.stop();
    return costs;
  } finally {
    await services.stop();
  }
}
