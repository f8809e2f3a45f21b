import { once } from 'node:events';
import type { QueueBackendConfig } from '../../src/queue/backend.ts';
import { consumeEmptyJobs } from './empty-jobs.ts';

/** The consumer of `addAndRunEmptyJobs`: says that it runs, and when so many jobs were. */
const [{ config, queue, count }] = (await once(process, 'message')) as [
  { config: QueueBackendConfig; queue: string; count: number },
];
process.on('disconnect', () => process.exit(0));
const consumer = consumeEmptyJobs(config, queue);
const ran = consumer.run(count);
process.send?.('runs');
await ran;
process.send?.('done');
await consumer.close();
