import { setTimeout as wait } from 'node:timers/promises';
import { runSql } from '../support/sql.ts';
import { newId } from '../../src/domain/ids.ts';
import { normalizeConversion } from '../../src/inbound/conversion/normalize.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { connectBackend } from '../../src/queue/backend.ts';
import { Queue, Worker } from 'bullmq';
import { startChild } from './child.ts';
import { round, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';
import { makeCatalog, postbackFields } from './world.ts';

const EVENTS = 60_000;
const WARM_UP = 10_000;
const GROUP = 500;
const EMPTY_JOBS = 10_000;

/**
 * Events settled a second by one worker process: the inbox is filled first, as fast intake leaves it (groups of 500), then
 * the worker starts. Next to it, in the same run, how many empty BullMQ jobs a second the same backend runs.
 */
export async function runPipelineBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const log = createLogger({ level: 'silent', role: 'test' });
  const queues = openQueues(queueConfig(services), log);
  try {
    const emptyJobs = await runEmptyJobs(services);
    const worker = startChild('workers/main.ts', services.env);
    await drained(services, await fillInbox(services, WARM_UP, queues));
    const groups = await fillInbox(services, EVENTS, null);
    await queues.enqueue('intake', groups);
    const seconds = await drained(services, groups);
    await worker.stop();
    const settled = EVENTS / seconds;
    return {
      name: 'pipeline',
      backend,
      figures: {
        settledPerSecond: round(settled),
        emptyJobsPerSecond: round(emptyJobs),
        ratio: round(settled / emptyJobs),
        workerPeakMb: round(worker.peakMb()),
      },
      marks: [
        ...(backend === 'postgres' ? [{ name: 'settledPerSecond', value: settled, atLeast: 8_000 }] : []),
        { name: 'workerPeakMb', value: worker.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await queues.close();
    await services.stop();
  }
}

type Groups = { eventIds: string[]; resettlementIds: string[] }[];

export async function fillInbox(
  services: BenchServices,
  events: number,
  queues: ReturnType<typeof openQueues> | null,
): Promise<Groups> {
  const { programId, clickIds } = await makeCatalog(services.db, events);
  const receivedAt = new Date();
  const groups: Groups = [];
  for (let start = 0; start < events; start += GROUP) {
    const rows = Array.from({ length: Math.min(GROUP, events - start) }, (_, n) => {
      const fields = postbackFields(clickIds[(start + n) % clickIds.length] ?? '', start + n);
      const normalized = normalizeConversion(fields, { livemode: true, receivedAt });
      if (normalized.kind !== 'facts') throw new Error('the benchmark speaks of facts');
      return { id: newId('ibx'), raw: JSON.stringify(fields), facts: JSON.stringify(normalized.facts) };
    });
    await runSql(
      services.db,
      `insert into inbox_events (id, program_id, kind, livemode, raw, facts, received_at, next_enqueue_at)
       select id, ?, 'postback', true, convert_to(raw, 'UTF8'), facts::json, ?, ?::timestamptz + interval '1 hour'
       from unnest(?::text[], ?::text[], ?::text[]) as r (id, raw, facts)`,
      [
        programId,
        receivedAt.toISOString(),
        receivedAt.toISOString(),
        rows.map((row) => row.id),
        rows.map((row) => row.raw),
        rows.map((row) => row.facts),
      ],
    );
    groups.push({ eventIds: rows.map((row) => row.id), resettlementIds: [] });
  }
  if (queues) await queues.enqueue('intake', groups);
  return groups;
}

/**
 * Seconds until all is settled; at most two minutes. One event of each group is watched, seldom and by its key: what watches takes from what is
 * measured. When none of them waits, all are looked at.
 */
async function drained(services: BenchServices, groups: Groups): Promise<number> {
  const started = performance.now();
  const samples = groups.map(({ eventIds }) => eventIds.at(-1) ?? '');
  const waiting = (condition: string, bindings: unknown[]): Promise<unknown[]> =>
    runSql(services.db, `select from inbox_events where ${condition} (status = 'received') is true limit 1`, bindings);
  for (;;) {
    const sampled = await waiting('id = any(?) and', [samples]);
    const settled = sampled.length === 0 && (await waiting('', [])).length === 0;
    const seconds = (performance.now() - started) / 1_000;
    if (settled) return seconds;
    if (seconds > 120) throw new Error('still events to settle after two minutes');
    await wait(50);
  }
}

async function runEmptyJobs(services: BenchServices): Promise<number> {
  const onError = (error: Error): void => console.error(error.message);
  const producer = connectBackend(queueConfig(services), 'producer', onError);
  const consumer = connectBackend(queueConfig(services), 'consumer', onError);
  const queue = new Queue('bench-empty', producer.options, producer.factory as never);
  await queue.waitUntilReady();
  const jobs = Array.from({ length: EMPTY_JOBS }, () => ({
    name: 'empty',
    data: {},
    opts: { removeOnComplete: true, removeOnFail: true },
  }));
  for (let start = 0; start < jobs.length; start += 1_000) await queue.addBulk(jobs.slice(start, start + 1_000));
  const { promise: allDone, resolve } = Promise.withResolvers<void>();
  let left = EMPTY_JOBS;
  const worker = new Worker(
    'bench-empty',
    async () => {
      left -= 1;
      if (left === 0) resolve();
    },
    { ...consumer.options, concurrency: 16, autorun: false },
    consumer.factory as never,
  );
  const started = performance.now();
  void worker.run();
  await allDone;
  const seconds = (performance.now() - started) / 1_000;
  await worker.close();
  await queue.close();
  await Promise.all([producer.close(), consumer.close()]);
  return EMPTY_JOBS / seconds;
}

function queueConfig(services: BenchServices) {
  return { databaseUrl: services.databaseUrl, redisUrl: services.redisUrl, redisClusterNodes: null };
}
