import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { systemClock } from '../../src/domain/clock.ts';
import { openInbox } from '../../src/inbound/inbox/inbox.ts';
import { normalizeConversion } from '../../src/inbound/conversion/normalize.ts';
import { createLogger } from '../../src/process/logging.ts';
import {
  addEndpoint,
  drained,
  enqueueDeliveries,
  nowMs,
  quantile,
  removeEndpoints,
  runSteadily,
  writeAhead,
  writeEvents,
  type DeliveryBench,
} from './delivery-setup.ts';
import { medianOf } from './result.ts';
import { postbackFields } from './bench-program.ts';

const EVENTS_PER_SECOND = 300;

export interface Latency {
  p50Ms: number;
  p99Ms: number;
}

/** From a postback acknowledged (durable in the inbox) to its conversion.created at the receiver, at 300 a second. */
export async function measureJourney(bench: DeliveryBench, seconds: number): Promise<Latency> {
  await addEndpoint(bench, '/journey', 'conversion.created');
  const { services, queues, clickIds, programId } = bench;
  const log = createLogger({ level: 'silent', role: 'test' });
  const inbox = openInbox({ db: services.db, queues, clock: systemClock, log, resultTimeoutMs: 5_000 });
  const acknowledged = new Map<string, number>();
  await bench.receiver.report();
  await runSteadily(EVENTS_PER_SECOND, seconds, async (n) => {
    const fields = postbackFields(clickIds[n % clickIds.length] ?? '', n);
    const normalized = normalizeConversion(fields, { livemode: true, receivedAt: new Date() });
    const raw = Buffer.from(JSON.stringify(fields));
    await inbox.append({ programId, sourceId: null, kind: 'postback', raw, headers: {}, normalized });
    acknowledged.set(fields.txid ?? '', nowMs());
  });
  await inbox.close();
  return collect(bench, acknowledged);
}

/** What the receiver and the loopback take by themselves, at the same pace. */
export async function measureRoundTrip(bench: DeliveryBench, seconds: number): Promise<Latency> {
  const agent = new Agent({ connections: 16 });
  const times: number[] = [];
  await runSteadily(EVENTS_PER_SECOND, seconds, async () => {
    const started = performance.now();
    const answer = await request(`${bench.receiver.origin}/fast`, { method: 'POST', body: '{}', dispatcher: agent });
    await answer.body.text();
    times.push(performance.now() - started);
  });
  await agent.close();
  await bench.receiver.report();
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

/** From the commit of a message to its arrival, at 300 a second, over the endpoints that want `lead.created`. */
async function measureDirect(
  bench: DeliveryBench,
  seconds: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Latency> {
  const written = new Map<string, number>();
  await bench.receiver.report();
  // Three at a time: as the pipeline, which settles what came together together.
  const steadily = runSteadily(EVENTS_PER_SECOND / 3, seconds, async () => {
    const deliveryIds = await writeEvents(bench, 'lead.created', 3);
    const at = nowMs();
    for (const id of deliveryIds) written.set(id.split(':')[0] ?? '', at);
    await enqueueDeliveries(bench, deliveryIds);
  });
  await Promise.all([steadily, meanwhile()]);
  return collect(bench, written);
}

async function collect(bench: DeliveryBench, from: ReadonlyMap<string, number>): Promise<Latency> {
  const delays: number[] = [];
  const deadline = performance.now() + 60_000;
  while (delays.length < from.size && performance.now() < deadline) {
    await wait(50);
    for (const [id, at] of (await bench.receiver.report()).arrivals) {
      const started = from.get(id);
      if (started !== undefined) delays.push(at - started);
    }
  }
  if (delays.length < from.size) throw new Error(`${from.size - delays.length} of ${from.size} did not arrive`);
  return { p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
}

const WARM_UP_SECONDS = 1;
const PENDING = 10_000;
const DUE_IN_MS = 2_500;

/**
 * The p99 of a healthy endpoint alone, and while a long queue of another, which hangs, becomes due: the queue is written
 * before, its jobs are enqueued meanwhile. By turns, each with a new endpoint that hangs, and medians of them: what slows
 * the machine for a moment decides nothing. What still hangs when its endpoint is removed times out during the next turn.
 */
export async function measureIsolation(
  bench: DeliveryBench,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<{ aloneP99Ms: number; besideP99Ms: number }> {
  await addEndpoint(bench, '/fast', 'lead.created');
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await measureDirect(bench, WARM_UP_SECONDS);
    alone.push((await measureDirect(bench, seconds)).p99Ms);
    await addEndpoint(bench, '/hang', 'affiliate.updated');
    const dueAt = new Date(Date.now() + DUE_IN_MS);
    const stuck = await writeAhead(bench, 'affiliate.updated', PENDING, dueAt);
    await measureDirect(bench, WARM_UP_SECONDS);
    const becomeDue = async (): Promise<void> => {
      await wait(dueAt.getTime() - Date.now());
      await enqueueDeliveries(bench, stuck);
    };
    beside.push((await measureDirect(bench, seconds, becomeDue)).p99Ms);
    await removeEndpoints(bench, '/hang');
  }
  await drained(bench.services.db, '/fast');
  return { aloneP99Ms: medianOf(alone), besideP99Ms: medianOf(beside) };
}
