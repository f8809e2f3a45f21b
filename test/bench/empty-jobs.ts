import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { connectBackend, type QueueBackendConfig } from '../../src/queue/backend.ts';
import type { BenchServices } from './services.ts';

/** The yardstick of what passes through a queue: BullMQ with jobs that do nothing, on the backend of the hub. */
const ADDED_AT_ONCE = 64;
const RUN_AT_ONCE = 16;
const jobOptions = { removeOnComplete: true, removeOnFail: true };

/** Empty jobs that a worker runs a second, once they lie there. */
export async function runEmptyJobs(services: BenchServices, count: number): Promise<number> {
  const { queue, close } = await openEmptyQueue(services, 'bench-empty');
  const jobs = Array.from({ length: count }, () => ({ name: 'empty', data: {}, opts: jobOptions }));
  for (let start = 0; start < jobs.length; start += 1_000) await queue.addBulk(jobs.slice(start, start + 1_000));
  const consumer = consumeEmptyJobs(queueConfig(services), 'bench-empty');
  const seconds = await consumer.run(count);
  await consumer.close();
  await close();
  return count / seconds;
}

/**
 * Empty jobs that are added and run a second: each added by itself, by 64 callers at once as conversions come, and run by a
 * process of its own.
 */
export async function addAndRunEmptyJobs(services: BenchServices, count: number): Promise<number> {
  const { queue, close } = await openEmptyQueue(services, 'bench-added');
  const child = fork(fileURLToPath(new URL('empty-worker.ts', import.meta.url)));
  child.send({ config: queueConfig(services), queue: 'bench-added', count });
  await once(child, 'message'); // It runs.
  const started = performance.now();
  const done = once(child, 'message');
  let left = count;
  const add = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await queue.add('empty', {}, jobOptions);
    }
  };
  await Promise.all(Array.from({ length: ADDED_AT_ONCE }, add));
  await done;
  const seconds = (performance.now() - started) / 1_000;
  child.disconnect();
  await close();
  return count / seconds;
}

export function consumeEmptyJobs(config: QueueBackendConfig, name: string) {
  const connection = connectBackend(config, 'consumer', sayError);
  const done = Promise.withResolvers<void>();
  let left = Infinity;
  const worker = new Worker(
    name,
    async () => {
      left -= 1;
      if (left === 0) done.resolve();
    },
    { ...connection.options, concurrency: RUN_AT_ONCE, autorun: false },
    connection.factory as never,
  );
  return {
    /** Gives the seconds that so many jobs take. */
    async run(count: number): Promise<number> {
      left = count;
      const started = performance.now();
      void worker.run();
      await done.promise;
      return (performance.now() - started) / 1_000;
    },
    async close(): Promise<void> {
      await worker.close();
      await connection.close();
    },
  };
}

async function openEmptyQueue(services: BenchServices, name: string) {
  const connection = connectBackend(queueConfig(services), 'producer', sayError);
  const queue = new Queue(name, connection.options, connection.factory as never);
  await queue.waitUntilReady();
  return {
    queue,
    close: async (): Promise<void> => {
      await queue.close();
      await connection.close();
    },
  };
}

export function queueConfig({ databaseUrl, redisUrl }: BenchServices): QueueBackendConfig {
  return { databaseUrl, redisUrl, redisClusterNodes: null };
}

function sayError(error: Error): void {
  console.error(error.message);
}
