import { healthServer } from '../src/http/health.ts';
import { loadConfigOrExit } from '../src/process/config.ts';
import type { Deps } from '../src/deps.ts';
import { endInTime } from '../src/process/end-in-time.ts';
import { stopGracefully, tellReady } from '../src/process/graceful-stop.ts';
import { loadTracing } from '../src/process/tracing/load-tracing.ts';
import { createLogger } from '../src/process/logging.ts';
import { listenOrExit } from '../src/process/listen.ts';
import { exitIfUnfit } from '../src/db/refuse-unfit.ts';
import { openDeps } from '../src/open-deps.ts';
import type { Consumer } from '../src/queue/queues.ts';
import { buildStatisticsChore } from './build-statistics.ts';
import { continueRecoveriesChore } from './continue-recoveries.ts';
import { countInboxEventsChore } from './count-inbox-events.ts';
import { compactVersionsChore } from './compact-versions.ts';
import { deleteOldClicksChore } from './delete-old-clicks.ts';
import { deleteOldIdempotencyKeysChore } from './delete-old-idempotency-keys.ts';
import { deleteOldJobsChore } from './delete-old-jobs.ts';
import { deleteOldMessagesChore } from './delete-old-messages.ts';
import { deleteOldRefusalsChore } from './delete-old-refusals.ts';
import { startDelivery } from './delivery.ts';
import { hearDirectly } from './hear-directly.ts';
import { enqueueOverdueEventsChore, enqueueUnheardEvents } from './enqueue-overdue-events.ts';
import { enqueueOverdueResettlementsChore } from './enqueue-overdue-resettlements.ts';
import { openHandOver, type HandOver } from './hand-over.ts';
import { startIntake } from './intake.ts';
import { requestDueApprovalsChore } from './request-due-approvals.ts';
import { rollUpChores } from './roll-up-deltas.ts';
import { settleAgainChores } from './settle-again.ts';
import { startSweep, type Chore } from './sweep.ts';
import { workOnJobsChore } from './work-on-jobs.ts';

/**
 * A stop in steps, all together less than a process has (graceful-stop.ts). What a step does not end is lost with the process:
 * a transaction is rolled back, a lease runs out or goes to the next worker.
 */
const stopWithinMs = { heard: 300, intake: 1_500, delivery: 1_400, deps: 800 };

/** Starts the consumers of both queues and the sweep. Closing finishes what they have begun and gives back the rest. */
export async function startWorker(deps: Deps): Promise<Consumer> {
  const heard = hearDirectly(deps, (eventIds) => intake.settleSoon({ eventIds, resettlementIds: [] }));
  const delivery = startDelivery(deps, () => heard.holder);
  const intake = startIntake(deps, delivery);
  const handOver = openHandOver(deps, intake);
  heard.onUnheard(async () => {
    await Promise.all([delivery.takeOver(), enqueueUnheardEvents(deps, handOver)]);
  });
  const sweep = startSweep(deps, listChores(deps, handOver));
  return {
    async close() {
      const { log } = deps;
      await endInTime(log, stopWithinMs.heard, { heard: () => heard.close() });
      await endInTime(log, stopWithinMs.intake, { intake: () => intake.close(), sweep: () => sweep.close() });
      // Last: what intake settled meanwhile is still sent, or left due.
      await endInTime(log, stopWithinMs.delivery, { delivery: () => delivery.close() });
    },
  };
}

function listChores(deps: Deps, handOver: HandOver): Chore[] {
  return [
    enqueueOverdueEventsChore(deps, handOver),
    enqueueOverdueResettlementsChore(deps, handOver),
    requestDueApprovalsChore(deps, handOver),
    ...settleAgainChores(deps, handOver),
    continueRecoveriesChore(deps),
    workOnJobsChore(deps),
    buildStatisticsChore(deps),
    ...rollUpChores(deps),
    countInboxEventsChore(deps),
    compactVersionsChore(deps),
    deleteOldMessagesChore(deps),
    deleteOldClicksChore(deps),
    deleteOldIdempotencyKeysChore(deps),
    deleteOldRefusalsChore(deps),
    deleteOldJobsChore(deps),
  ];
}

/** The worker process. With WORKER_PORT it answers /livez, /readyz and /metrics there. */
async function main(): Promise<void> {
  const config = loadConfigOrExit(process.env);
  const log = createLogger({ level: config.logLevel, role: 'worker' });
  const tracing = await loadTracing(config.tracing, 'worker', log);
  const deps = openDeps(config, { role: 'worker', log, processMetrics: true, tracing });
  await exitIfUnfit(deps);
  const state = { stopping: false };
  const health = healthServer(deps, state);
  if (config.workerPort !== null) await listenOrExit(health, config.workerPort, config.host);
  const worker = await startWorker(deps);
  deps.log.info({ queue: deps.queues.backend }, 'worker runs');
  stopGracefully(deps.log, async () => {
    state.stopping = true;
    await worker.close();
    health.close();
    await deps.close(stopWithinMs.deps);
  });
  deps.readiness.watch({ needsSettling: true });
  tellReady();
}

if (import.meta.main) await main();
