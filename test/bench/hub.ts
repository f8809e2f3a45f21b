import { findFreePort } from '../../src/db/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild, type Child } from './child.ts';
import type { BenchServices } from './services.ts';

/** Processes that are measured together, with where they listen. */
export interface Target {
  origin: string;
  port: number;
  pids: number[];
  stop(): Promise<void>;
}

export interface BenchHub extends Target {
  web: Child;
  /** Starts with one; more may be added and killed. */
  workers: Child[];
  addWorker(): Child;
}

/** A web process and so many workers, as the Procfile runs them: they log as in production, and nobody reads it. */
export async function startHub(
  services: BenchServices,
  options: { databaseUrl?: string; workers?: number } = {},
): Promise<BenchHub> {
  const port = await findFreePort();
  const origin = `http://127.0.0.1:${port}`;
  const databaseUrl = options.databaseUrl ?? services.databaseUrl;
  const env = { ...services.env, DATABASE_URL: databaseUrl, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'info' };
  const web = startChild('src/server.ts', env, { quiet: true });
  const workers: Child[] = [];
  const addWorker = (): Child => {
    const worker = startChild('workers/main.ts', env, { quiet: true });
    workers.push(worker);
    return worker;
  };
  for (let n = 0; n < (options.workers ?? 1); n += 1) addWorker();
  await waitUntil('the web process is ready', async () => (await fetch(`${origin}/readyz`)).ok);
  return {
    origin,
    port,
    web,
    workers,
    addWorker,
    get pids() {
      return [web, ...workers].map(({ pid }) => pid);
    },
    // Callers that wait for an outcome still get it while a worker runs.
    async stop() {
      await web.stop();
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** The processes of the servers behind it. */
export function serverPids({ postgresPid, redisPid }: BenchServices): number[] {
  return [postgresPid, ...(redisPid === null ? [] : [redisPid])];
}
