import type { Deps } from '../src/deps.ts';
import { deliveryJobs } from '../src/outbound/wire/delivery-id.ts';
import { settleSafely } from '../src/pipeline/settle-safely.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import { consumeQueue, type Consumer } from '../src/queue/queues.ts';
import { gatherBatches } from './gather.ts';

type IntakeDeps = Pick<Deps, 'config' | 'db' | 'queues' | 'clock' | 'log' | 'metrics'>;

// While one batch waits for the database another reckons. Measured on two cores: beside two batches of 1 000 they are idle
// for 17 % of the time, beside three for 12 %, beside three of 1 500 no less but with more memory.
const BATCHES_AT_ONCE = 3;

// A batch of one costs as many round trips as one of hundreds, and a fast queue brings events one by one: two at a time
// settled 150 a second of them. Jobs wait here, where they become one batch, rather than in the queue.
const JOBS_AT_ONCE = 32;

// Two full groups of the inbox.
const EVENTS_PER_BATCH = 1_000;

// Small batches beside each other only take the machine from one another, and may overtake (measured: eight callers who
// wait for their outcomes).
const WORTH_A_BATCH = 100;

// Half a second of locks that another process holds must not become everybody's.
const PATIENCE_MS = 50;

/** Consumes the queue `intake`: settles what the jobs name. */
export function startIntake(deps: IntakeDeps): Consumer {
  const settle = gatherBatches<IntakeJob>({
    atOnce: BATCHES_AT_ONCE,
    maxSize: EVENTS_PER_BATCH,
    worthwhileSize: WORTH_A_BATCH,
    patienceMs: PATIENCE_MS,
    sizeOf: ({ eventIds, resettlementIds }) => eventIds.length + resettlementIds.length,
    handle: (jobs) => settleAndWake(deps, mergeWork(jobs)),
  });
  return consumeQueue(deps.config, 'intake', JOBS_AT_ONCE, deps.log, settle);
}

/** A repeated job names what another one does. */
function mergeWork(jobs: readonly IntakeJob[]): IntakeJob {
  return {
    eventIds: [...new Set(jobs.flatMap(({ eventIds }) => eventIds))],
    resettlementIds: [...new Set(jobs.flatMap(({ resettlementIds }) => resettlementIds))],
  };
}

/** Settles a batch, then wakes the senders and whoever settles again what the batch displaced. */
export async function settleAndWake(deps: IntakeDeps, work: IntakeJob): Promise<void> {
  const started = performance.now();
  const { outcomes, deliveryIds, resettlementIds } = await settleSafely(deps, work);
  for (const [outcome, count] of Object.entries(outcomes)) deps.metrics.settled.inc({ outcome }, count);
  deps.metrics.settleDuration.observe((performance.now() - started) / 1_000);
  await deps.queues.enqueue('delivery', deliveryJobs(deliveryIds));
  if (resettlementIds.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
}
