import type { Deps } from '../src/deps.ts';
import { deliveryJobs, parseDeliveryId } from '../src/outbound/wire/delivery-id.ts';
import type { BatchResult } from '../src/pipeline/settle-batch.ts';
import { settleSafely } from '../src/pipeline/settle-safely.ts';
import type { IntakeJob } from '../src/queue/jobs.ts';
import { consumeQueue, type Consumer } from '../src/queue/queues.ts';
import type { Delivery } from './delivery.ts';
import { gatherBatches } from './gather.ts';

type IntakeDeps = Pick<Deps, 'config' | 'db' | 'queues' | 'clock' | 'log' | 'metrics' | 'tracing'>;

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

export interface Intake extends Consumer {
  /** Settles what this worker is told of without a job. */
  settleSoon(job: IntakeJob): void;
  /** Settles it with the next batch; rejects with that. */
  settle(job: IntakeJob): Promise<void>;
}

// What is told directly waits in memory. Past so much it goes to the queue, which other workers take from, too.
const MOST_WAITING = 2_000;

// Where the queue takes nothing more of it waits here; past that it is left to the sweep.
const MOST_WAITING_ALONE = 20_000;

/** Consumes the queue `intake`, and what this worker is told directly: settles what they name. */
export function startIntake(deps: IntakeDeps, delivery: Delivery): Intake {
  const settle = gatherBatches<IntakeJob>({
    atOnce: BATCHES_AT_ONCE,
    maxSize: EVENTS_PER_BATCH,
    worthwhileSize: WORTH_A_BATCH,
    patienceMs: PATIENCE_MS,
    sizeOf,
    handle: (jobs) => settleAndWake(deps, mergeJobs(jobs), { delivery, settleSoon }),
  });
  let waiting = 0;
  let stopping = false;
  /** Without a job: what is lost with this process, the sweep finds. */
  function settleSoon(job: IntakeJob): void {
    if (!stopping && waiting + sizeOf(job) <= MOST_WAITING) settleHere(job);
    else void deps.queues.enqueue('intake', [job]).then((taken) => taken || stopping || settleHere(job));
  }
  function settleHere(job: IntakeJob): void {
    if (waiting + sizeOf(job) > MOST_WAITING_ALONE) return;
    waiting += sizeOf(job);
    settle(job)
      .catch((error: unknown) => deps.log.error({ err: error }, 'settling failed; its rows stay due'))
      .finally(() => (waiting -= sizeOf(job)));
  }
  const consumer = consumeQueue(deps.config, 'intake', JOBS_AT_ONCE, deps.log, (job) =>
    stopping ? giveBack([job]) : settle(job),
  );
  /** For other workers, or the next; where the queue takes nothing the sweep finds it. */
  async function giveBack(jobs: IntakeJob[]): Promise<void> {
    if (jobs.length > 0) await deps.queues.enqueue('intake', jobs);
  }
  return {
    settleSoon,
    settle,
    async close() {
      stopping = true;
      // Its batches have begun; the rest would take as long as it is much.
      await Promise.all([giveBack(settle.takeWaiting()), consumer.close(), settle.idle()]);
    },
  };
}

function sizeOf({ eventIds, resettlementIds }: IntakeJob): number {
  return eventIds.length + resettlementIds.length;
}

/** A job that is delivered twice names the same events, so names are merged. */
function mergeJobs(jobs: readonly IntakeJob[]): IntakeJob {
  return {
    eventIds: [...new Set(jobs.flatMap(({ eventIds }) => eventIds))],
    resettlementIds: [...new Set(jobs.flatMap(({ resettlementIds }) => resettlementIds))],
  };
}

/** Settles a batch, then sends the deliveries that it made due, and settles what must be settled again because of it. */
async function settleAndWake(
  deps: IntakeDeps,
  job: IntakeJob,
  { delivery, settleSoon }: { delivery: Delivery; settleSoon: (job: IntakeJob) => void },
): Promise<void> {
  const started = performance.now();
  deps.metrics.settleBatchItems.observe(sizeOf(job));
  const { outcomes, written, resettlementIds } = await settleTraced(deps, job, delivery);
  const { leased, deliveryIds } = written;
  if (leased.leases.length > 0) delivery.send(leased);
  for (const [outcome, count] of Object.entries(outcomes)) deps.metrics.settled.inc({ outcome }, count);
  deps.metrics.settleDuration.observe((performance.now() - started) / 1_000);
  if (resettlementIds.length > 0) settleSoon({ eventIds: [], resettlementIds });
  if (deliveryIds.length > 0 && !delivery.takes(deliveryIds)) {
    const origin = deps.tracing?.originOf(parseDeliveryId(deliveryIds[0] ?? '').messageId) ?? null;
    if (!(await deps.queues.enqueue('delivery', deliveryJobs(deliveryIds, origin)))) delivery.wake(deliveryIds);
  }
}

/** Settles a batch; where traces are made, in a span of which what it has delivered is a consequence. */
async function settleTraced(deps: IntakeDeps, job: IntakeJob, { sender }: Delivery): Promise<BatchResult> {
  const { tracing } = deps;
  if (!tracing) return await settleSafely({ ...deps, sender }, job);
  return await tracing.spanMessages('settle', job.eventIds, async (span) => {
    const result = await settleSafely({ ...deps, sender }, job);
    if (span) {
      const { leased, deliveryIds } = result.written;
      const leases = leased.leases.map(({ messageId }) => messageId);
      tracing.expectDeliveries(span, [...leases, ...deliveryIds.map((id) => parseDeliveryId(id).messageId)]);
    }
    return result;
  });
}
