import { createLogger } from '../../src/process/logging.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { startChild } from './child.ts';
import { queueConfig, runEmptyJobs } from './empty-jobs.ts';
import { drained, fillInbox } from './inbox-backlog.ts';
import { round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';

const EVENTS = 60_000;
const WARM_UP = 10_000;
const EMPTY_JOBS = 10_000;

/**
 * Events settled a second by one worker process: the inbox is filled first, as fast intake leaves it, then
 * the worker starts. Next to it, in the same run, how many empty BullMQ jobs a second the same backend runs.
 */
export async function runPipelineBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const log = createLogger({ level: 'silent', role: 'test' });
  const queues = openQueues(queueConfig(services), log);
  try {
    const emptyJobs = await runEmptyJobs(services, EMPTY_JOBS);
    const worker = startChild('workers/main.ts', services.env);
    const first = await fillInbox(services, WARM_UP);
    await queues.enqueue('intake', first);
    await drained(services, first);
    const groups = await fillInbox(services, EVENTS);
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
        ...(backend === 'postgres' ? [{ name: 'settledPerSecond', value: settled, atLeast: 4_000 }] : []),
        { name: 'workerPeakMb', value: worker.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await queues.close();
    await services.stop();
  }
}
