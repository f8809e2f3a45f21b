import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { exampleData } from '../../src/outbound/events/event-examples.ts';
import { createSigner } from '../../src/outbound/wire/sign.ts';
import { createLogger } from '../../src/process/logging.ts';
import { openQueues } from '../../src/queue/queues.ts';
import { startChild } from './child.ts';
import { measureIsolation, measureJourney, measureRoundTrip } from './delivery-latency.ts';
import {
  addEndpoint,
  benchSecret,
  drained,
  enqueueDeliveries,
  startBenchReceiver,
  writeAhead,
  writeEvents,
  type DeliveryBench,
} from './delivery-setup.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { makeBenchProgram } from './bench-program.ts';

const CONNECTIONS = 32;
const WARM_UP = 6_000;
const ROUNDS = 3;
const MESSAGES = 15_000;
const PENDING = 100_000;
const RAW_SECONDS = 2;
const LATENCY_SECONDS = 8;
const ISOLATION_SECONDS = 5;

/**
 * One worker process and a local receiver in a process of its own. Deliveries a second, signed, recorded and queued, next
 * to a raw undici POST loop to the same receiver; how long a postback takes to become an event at the receiver; what a
 * hanging endpoint with 10 000 deliveries that become due does to another; and the worker's memory with 100 000 waiting.
 */
export async function runDeliveryBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const log = createLogger({ level: 'silent', role: 'test' });
  const queues = openQueues(
    { databaseUrl: services.databaseUrl, redisUrl: services.redisUrl, redisClusterNodes: null },
    log,
  );
  const receiver = await startBenchReceiver();
  const worker = startChild('workers/main.ts', services.env);
  try {
    const bench: DeliveryBench = { services, queues, receiver, ...(await makeBenchProgram(services.db, 5_000)) };
    await addEndpoint(bench, '/fast', 'conversion.updated');
    await deliver(bench, WARM_UP);
    // By turns, and medians of them: what slows the machine for a while meets both.
    const turns: { raw: number; delivered: number }[] = [];
    for (let turn = 0; turn < ROUNDS; turn += 1) {
      turns.push({ raw: await postRaw(bench), delivered: await deliver(bench, MESSAGES) });
    }
    const rawPerSecond = medianOf(turns.map(({ raw }) => raw));
    const perSecond = medianOf(turns.map(({ delivered }) => delivered));
    const ratio = medianOf(turns.map(({ raw, delivered }) => delivered / raw));
    const roundTrip = await measureRoundTrip(bench, LATENCY_SECONDS / 2);
    const journey = await measureJourney(bench, LATENCY_SECONDS);
    const isolation = await measureIsolation(bench, { rounds: ROUNDS, seconds: ISOLATION_SECONDS });
    await letWait(bench, PENDING);
    const isolationRatio = isolation.besideP99Ms / isolation.aloneP99Ms;
    return {
      name: 'delivery',
      backend,
      figures: {
        deliveredPerSecond: round(perSecond),
        rawPostsPerSecond: round(rawPerSecond),
        ratio: round(ratio),
        acceptToDeliveredP50Ms: round(journey.p50Ms),
        acceptToDeliveredP99Ms: round(journey.p99Ms),
        receiverRoundTripP50Ms: round(roundTrip.p50Ms),
        receiverRoundTripP99Ms: round(roundTrip.p99Ms),
        aloneP99Ms: round(isolation.aloneP99Ms),
        besideHangingP99Ms: round(isolation.besideP99Ms),
        isolationRatio: round(isolationRatio),
        workerPeakMb: round(worker.peakMb()),
      },
      marks: [
        { name: 'ratio', value: ratio, atLeast: 0.33 },
        { name: 'isolationRatio', value: isolationRatio, atMost: 1.5 },
        { name: 'workerPeakMb', value: worker.peakMb(), atMost: 300 },
      ],
    };
  } finally {
    await worker.stop();
    receiver.stop();
    await queues.close();
    await services.stop();
  }
}

/** Writes messages that are due in a moment, enqueues them then, and says how many a second were delivered and recorded. */
async function deliver(bench: DeliveryBench, count: number): Promise<number> {
  const dueAt = new Date(Date.now() + 3_000 + count / 4);
  const ids = await writeAhead(bench, 'conversion.updated', count, dueAt);
  await wait(dueAt.getTime() - Date.now());
  const started = performance.now();
  await enqueueDeliveries(bench, ids);
  await drained(bench.services.db, '/fast');
  return count / ((performance.now() - started) / 1_000);
}

/** What undici alone manages: the same request, signed once, with nothing read or written. */
async function postRaw({ receiver }: DeliveryBench): Promise<number> {
  const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  const body = JSON.stringify({ id: 'evt_x', type: 'conversion.updated', data: exampleData.conversion });
  const signed = createSigner([benchSecret]).sign('evt_x', new Date(), body);
  const headers = { 'content-type': 'application/json', 'user-agent': 'bench', ...signed };
  let posted = 0;
  const post = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      const answer = await request(`${receiver.origin}/fast`, { method: 'POST', headers, body, dispatcher: agent });
      await answer.body.text();
      posted += 1;
    }
  };
  const run = (seconds: number): Promise<unknown> => {
    const until = performance.now() + seconds * 1_000;
    return Promise.all(Array.from({ length: CONNECTIONS }, () => post(until)));
  };
  await run(1);
  posted = 0;
  await run(RAW_SECONDS);
  await agent.close();
  await receiver.report();
  return posted / RAW_SECONDS;
}

/** Deliveries that an endpoint does not take, while the worker's memory is watched. */
async function letWait(bench: DeliveryBench, count: number): Promise<void> {
  await addEndpoint(bench, '/hang', 'affiliate.created');
  for (let written = 0; written < count; written += 1_000) {
    await enqueueDeliveries(bench, await writeEvents(bench, 'affiliate.created', 1_000));
  }
  await wait(3_000);
}
