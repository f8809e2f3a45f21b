import { createServer } from 'node:http';
import express from 'express';
import { healthRouter } from '../src/http/health.ts';
import { loadConfigOrExit } from '../src/process/config.ts';
import type { Deps } from '../src/deps.ts';
import { stopGracefully, tellReady } from '../src/process/graceful-stop.ts';
import { listenOrExit } from '../src/process/listen.ts';
import { openDeps } from '../src/open-deps.ts';
import { startDelivery } from './delivery.ts';
import { housekeepingChores } from './housekeeping.ts';
import { startIntake } from './intake.ts';
import { rollupChores } from './rollups.ts';
import { settlingChores, startSweep } from './sweep.ts';

// What was taken is finished first: a delivery may wait 15 s for its answer.
const STOP_TIMEOUT_MS = 30_000;

/** A part of the worker that runs until it is closed; `close` finishes what it has taken. */
export interface WorkerPart {
  close(): Promise<void>;
}

/** Starts the consumers and the sweep. */
export async function startWorker(deps: Deps): Promise<WorkerPart> {
  const chores = [...settlingChores(deps), ...rollupChores(deps), ...housekeepingChores(deps)];
  const parts: WorkerPart[] = [startIntake(deps), startDelivery(deps), startSweep(deps, chores)];
  return {
    async close() {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}

/** The worker process. With WORKER_PORT it answers /livez, /readyz and /metrics there. */
async function main(): Promise<void> {
  const config = loadConfigOrExit(process.env);
  const deps = openDeps(config, { role: 'worker', processMetrics: true });
  const state = { stopping: false };
  const health = createServer(express().use(healthRouter(deps, state)));
  if (config.workerPort !== null) await listenOrExit(health, config.workerPort, config.host);
  const worker = await startWorker(deps);
  deps.log.info({ queue: deps.queues.backend }, 'worker runs');
  stopGracefully(deps.log, STOP_TIMEOUT_MS, async () => {
    state.stopping = true;
    await worker.close();
    health.close();
    await deps.close();
  });
  tellReady();
}

if (import.meta.main) await main();
