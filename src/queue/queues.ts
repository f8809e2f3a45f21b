import { Queue, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { createOutageLog, describeFailure } from '../process/outage-log.ts';
import { backendName, connectBackend, type QueueBackendConfig } from './backend.ts';
import { CircuitBreaker, type BreakerState } from './circuit-breaker.ts';
import { jobSchemas, type JobOf, type QueueName } from './jobs.ts';
import { BLOCKS_FOR_S, causeOf, isRedisOutage } from './redis-client.ts';

export interface Queues {
  backend: 'redis' | 'postgres';
  /**
   * Wakes a worker; tells whether the queue took the jobs. Never throws, and hardly waits for a queue that is away: rows are
   * the truth, and the sweep finds what a lost job left undone.
   */
  enqueue<N extends QueueName>(name: N, jobs: JobOf<N>[]): Promise<boolean>;
  /** Whether it takes jobs, as its last call or probe told: costs nothing. */
  state(): BreakerState;
  /** Tries whether it takes jobs, in bounded time; throws when it does not. */
  ping(): Promise<void>;
  /** How many jobs are in which state. Throws, or hangs, when the backend does not answer. */
  countJobs(): Promise<JobCount[]>;
  close(): Promise<void>;
}

/** Finished and failed jobs are not kept (`jobOptions`), and none is delayed. */
const jobStates = ['waiting', 'active'] as const;

export interface JobCount {
  queue: QueueName;
  state: (typeof jobStates)[number];
  jobs: number;
}

export interface Consumer {
  /** Takes no new job and waits for those under way. */
  close(): Promise<void>;
}

// BullMQ makes the ids: a job with a chosen id that was used before would be ignored. Finished jobs are not kept, since the
// rows say what was done.
const jobOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };

// Answers to callers may wait for it. PostgreSQL is away with the inbox, so nothing is gained by giving up soon.
const BOUND_MS = { redis: 250, postgres: 6_000 };

export function openQueues(config: QueueBackendConfig, log: Logger): Queues {
  const backend = backendName(config);
  const warn = warnSometimes(log);
  let lastError = new Error('the connection was lost');
  const connection = connectBackend(config, 'producer', (error) => (lastError = causeOf(error)));
  const breaker = new CircuitBreaker({
    boundMs: BOUND_MS[backend],
    probe: () => connection.probe(),
    outage: createOutageLog(log, 'queue'),
  });
  connection.onLost(() => breaker.trip(lastError));
  connection.onReady(() => void breaker.probe());
  const queues: Record<QueueName, Queue> = {
    intake: new Queue('intake', connection.options, connection.factory as never),
    delivery: new Queue('delivery', connection.options, connection.factory as never),
  };
  for (const queue of Object.values(queues)) {
    queue.on('error', (error) => {
      if (!breaker.isOpen) warn(error, 'queue');
    });
  }
  return {
    backend,
    async enqueue(name, jobs) {
      if (jobs.length === 0) return true;
      const bulk = jobs.map((data) => ({ name, data, opts: jobOptions }));
      return (await breaker.run(() => queues[name].addBulk(bulk))) !== null;
    },
    state: () => breaker.state,
    async ping() {
      if (!(await breaker.probe())) throw new Error(breaker.state.error ?? 'the queue takes no jobs');
    },
    async countJobs() {
      const names = Object.keys(queues) as QueueName[];
      const counts = await Promise.all(names.map((name) => queues[name].getJobCounts(...jobStates)));
      return names.flatMap((queue, at) => jobStates.map((state) => ({ queue, state, jobs: counts[at]?.[state] ?? 0 })));
    },
    async close() {
      breaker.close();
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
  const warnOnce = warnSometimes(log);
  // Of a Redis that is away the queues of the process tell (openQueues).
  const warn = (error: Error, what: string): void => {
    if (backendName(config) === 'redis' && isRedisOutage(error)) log.debug({ err: error }, `${what} failed`);
    else warnOnce(error, what);
  };
  const connection = connectBackend(config, 'consumer', (error) => warn(error, 'queue connection'));
  const worker = new Worker(
    name,
    async (job) => handle(jobSchemas[name].parse(job.data) as JobOf<N>),
    {
      ...connection.options,
      concurrency,
      maxStalledCount: 5,
      runRetryDelay: RETRY_CONNECTION_MS,
      ...(backendName(config) === 'redis' ? { drainDelay: BLOCKS_FOR_S } : {}),
      ...keepNothing,
    },
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

/** A backend that is away reports an error many times a second; one line a minute is enough. */
function warnSometimes(log: Logger): (error: Error, what: string) => void {
  let last = 0;
  return (error, what) => {
    if (Date.now() - last < 60_000) return;
    last = Date.now();
    log.warn({ problem: describeFailure(error) }, `${what} failed`);
  };
}
