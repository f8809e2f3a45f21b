import type { Deps } from '../src/deps.ts';
import { deliveryJobs } from '../src/outbound/wire/delivery-id.ts';
import { settleSafely } from '../src/pipeline/settle-safely.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import { consumeQueue, type Consumer } from '../src/queue/queues.ts';
import { gatherBatches } from './gather.ts';

type IntakeDeps = Pick<Deps, 'config' | 'db' | 'queues' | 'clock' | 'log' | 'metrics'>;

// While one batch waits for the database another computes. Measured on two cores: with two batches of 1 000 at once they
// are idle for 17 % of the time, with three for 12 %; three of 1 500 are no better and take more memory.
const BATCHES_AT_ONCE = 3;

// A batch of one event costs as many round trips as one of hundreds, and a fast queue brings events one by one (measured:
// two jobs at a time settled 150 events a second). So jobs wait here, where they become one batch, not in the queue.
const JOBS_AT_ONCE = 32;

// Two full groups of the inbox.
const EVENTS_PER_BATCH = 1_000;

// Smaller batches beside each other only slow each other down, and may overtake each other (measured with eight callers
// who wait for their outcomes).
const WORTH_A_BATCH = 100;

// A batch that waits for a lock of another process must not hold up the others for as long.
const PATIENCE_MS = 50;

/** Consumes the queue `intake`: settles what the jobs name. */
export function startIntake(deps: IntakeDeps): Consumer {
  const settle = gatherBatches<IntakeJob>({
    atOnce: BATCHES_AT_ONCE,
    maxSize: EVENTS_PER_BATCH,
    worthwhileSize: WORTH_A_BATCH,
    patienceMs: PATIENCE_MS,
    sizeOf: ({ eventIds, resettlementIds }) => eventIds.length + resettlementIds.length,
    handle: (jobs) => settleAndWake(deps, mergeJobs(jobs)),
  });
  return consumeQueue(deps.config, 'intake', JOBS_AT_ONCE, deps.log, settle);
}

/** A job that is delivered twice names the same events, so names are merged. */
function mergeJobs(jobs: readonly IntakeJob[]): IntakeJob {
  return {
    eventIds: [...new Set(jobs.flatMap(({ eventIds }) => eventIds))],
    resettlementIds: [...new Set(jobs.flatMap(({ resettlementIds }) => resettlementIds))],
  };
}

/** Settles a batch, then enqueues the deliveries that it made due and what must be settled again because of it. */
async function settleAndWake(deps: IntakeDeps, job: IntakeJob): Promise<void> {
  const started = performance.now();
  const { outcomes, deliveryIds, resettlementIds } = await settleSafely(deps, job);
  for (const [outcome, count] of Object.entries(outcomes)) deps.metrics.settled.inc({ outcome }, count);
  deps.metrics.settleDuration.observe((performance.now() - started) / 1_000);
  await deps.queues.enqueue('delivery', deliveryJobs(deliveryIds));
  if (resettlementIds.length > 0) await deps.queues.enqueue('intake', [{ eventIds: [], resettlementIds }]);
}
