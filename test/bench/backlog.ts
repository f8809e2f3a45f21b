import { createLogger } from '../../src/process/logging.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { startChild } from './child.ts';
import { queueConfig } from './empty-jobs.ts';
import { drained, fillInbox } from './inbox-backlog.ts';
import { costsOf } from './process-costs.ts';
import { medianOf, round, type BenchResult, type BenchOptions } from './result.ts';
import { startBenchServices } from './services.ts';

const MESSAGES = 100_000;
const WARM_UP = 10_000;
/** Far below what any machine settles. */
const LEAST_PER_SECOND = 500;

interface Sample {
  share: number;
  seconds: number;
  memoryMb: number;
}

/**
 * A hub whose worker was away: so many messages lie in the inbox and in the queue when one worker starts. How many it settles
 * a second, whether the last go as fast as the first, and what memory it holds meanwhile.
 */
export async function runBacklogBench(backend: 'postgres' | 'redis', size: BenchOptions): Promise<BenchResult> {
  const messages = size.messages ?? MESSAGES;
  const services = await startBenchServices(backend);
  const queues = openQueues(queueConfig(services), createLogger({ level: 'silent', role: 'test' }));
  const worker = startChild('workers/main.ts', services.env);
  try {
    const first = await fillInbox(services, WARM_UP);
    await queues.enqueue('intake', first);
    await drained(services, first);
    const groups = await fillInbox(services, messages);
    await services.db.raw('checkpoint');
    const samples: Sample[] = [];
    for (let start = 0; start < groups.length; start += 100) {
      await queues.enqueue('intake', groups.slice(start, start + 100));
    }
    const seconds = await drained(services, groups, {
      withinSeconds: messages / LEAST_PER_SECOND,
      onProgress: async (share, at) =>
        void samples.push({ share, seconds: at, memoryMb: (await costsOf(worker.pid)).memoryMb }),
    });
    const memory = (from: number, to: number): number =>
      medianOf(samples.filter(({ share }) => share >= from && share <= to).map(({ memoryMb }) => memoryMb));
    const growth = memory(0.75, 1) / memory(0, 0.5);
    return {
      name: 'backlog',
      backend,
      figures: {
        messages,
        settledPerSecond: round(messages / seconds),
        firstQuarterPerSecond: round(messages * rateOf(samples, 0, 0.25)),
        lastQuarterPerSecond: round(messages * rateOf(samples, 0.75, 1)),
        workerFirstHalfMb: round(memory(0, 0.5)),
        workerLastQuarterMb: round(memory(0.75, 1)),
        memoryGrowth: round(growth),
        workerPeakMb: round(worker.peakMb()),
      },
      marks: [
        { name: 'memoryGrowth', value: growth, atMost: 1.3 },
        { name: 'workerPeakMb', value: worker.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await worker.stop();
    await queues.close();
    await services.stop();
  }
}

/** The share that was settled a second while it went from one share to another. */
function rateOf(samples: readonly Sample[], from: number, to: number): number {
  const start = samples.findLast(({ share }) => share <= from) ?? { share: 0, seconds: 0 };
  const end = samples.find(({ share }) => share >= to) ?? samples.at(-1) ?? start;
  return (end.share - start.share) / (end.seconds - start.seconds);
}
