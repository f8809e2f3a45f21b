import { Queue, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { describeFailure } from '../process/outage-log.ts';
import { backendName, connectBackend, type QueueBackendConfig } from './backend.ts';
import { jobSchemas, type JobOf, type QueueName } from './jobs.ts';

export interface Queues {
  backend: 'redis' | 'postgres';
  /**
   * Wakes a worker. Never throws, and hardly waits for a queue that is away: rows are the truth, and the sweep enqueues
   * again what a lost job left undone.
   */
  enqueue<N extends QueueName>(name: N, jobs: JobOf<N>[]): Promise<void>;
  /** Throws when the backend does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface Consumer {
  /** Takes no new job and waits for those under way. */
  close(): Promise<void>;
}

// BullMQ makes the ids: a job with a chosen id that was used before would be ignored. Finished jobs are not kept, since the
// rows say what was done.
const jobOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };

// Long enough for a connection that is being made, short enough that callers do not pile up in an outage.
const READY_WITHIN_MS = 1_000;

export function openQueues(config: QueueBackendConfig, log: Logger): Queues {
  const warn = warnSometimes(log);
  const connection = connectBackend(config, 'producer', (error) => warn(error, 'queue connection'));
  const queues: Record<QueueName, Queue> = {
    intake: new Queue('intake', connection.options, connection.factory as never),
    delivery: new Queue('delivery', connection.options, connection.factory as never),
  };
  for (const queue of Object.values(queues)) queue.on('error', (error) => warn(error, 'queue'));
  return {
    backend: backendName(config),
    async enqueue(name, jobs) {
      if (jobs.length === 0) return;
      if (!(await connection.isReady(READY_WITHIN_MS))) {
        warn(new Error('the queue is not connected'), `enqueue ${name}: the sweep will enqueue it again`);
        return;
      }
      try {
        await queues[name].addBulk(jobs.map((data) => ({ name, data, opts: jobOptions })));
      } catch (error) {
        warn(error as Error, `enqueue ${name}: the sweep will enqueue it again`);
      }
    },
    ping: () => connection.ping(),
    async close() {
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
      await connection.close();
    },
  };
}

/**
 * Runs `handle` for each job of a queue, `concurrency` at a time. A handler that throws fails its job, which loses
 * nothing: what the job named is still due in its table.
 */
export function consumeQueue<N extends QueueName>(
  config: QueueBackendConfig,
  name: N,
  concurrency: number,
  log: Logger,
  handle: (job: JobOf<N>) => Promise<void>,
): Consumer {
  const warn = warnSometimes(log);
  const connection = connectBackend(config, 'consumer', (error) => warn(error, 'queue connection'));
  const worker = new Worker(
    name,
    async (job) => handle(jobSchemas[name].parse(job.data) as JobOf<N>),
    { ...connection.options, concurrency, maxStalledCount: 5, runRetryDelay: RETRY_CONNECTION_MS, ...keepNothing },
    connection.factory as never,
  );
  worker.on('error', (error) => warn(error, `worker ${name}`));
  worker.on('failed', (_job, error) => log.error({ err: error, queue: name }, 'job failed; its rows stay due'));
  return {
    async close() {
      await connection.endRetries();
      await worker.close();
      await connection.close();
    },
  };
}

// BullMQ's default of 15 s would delay the first jobs after an outage, and a stop during one, since nothing interrupts it.
const RETRY_CONNECTION_MS = 1_000;

const keepNothing = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };

/** A backend that is away reports an error many times a second; one line every ten seconds is enough. */
function warnSometimes(log: Logger): (error: Error, what: string) => void {
  let last = 0;
  return (error, what) => {
    if (Date.now() - last < 10_000) return;
    last = Date.now();
    log.warn({ problem: describeFailure(error) }, `${what} failed`);
  };
}
