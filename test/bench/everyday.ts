import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createKey } from '../../src/program/api-keys.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';
import { newId } from '../../src/domain/ids.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openWireMeter } from '../support/wire-meter.ts';
import { startChild } from './child.ts';
import { addEndpoint, nowMs, quantile, runSteadily, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { serverPids, startHub, type BenchHub } from './hub.ts';
import { sumCosts } from './process-costs.ts';
import { round, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

interface Rate {
  perSecond: number;
  seconds: number;
}

const RATES: Rate[] = [
  { perSecond: 1, seconds: 12 },
  { perSecond: 20, seconds: 8 },
  { perSecond: 200, seconds: 8 },
  { perSecond: 1_000, seconds: 5 },
];
/** The burst opens every connection, on each of which statements are prepared; the rest compiles what is called often. */
const WARM_UPS: Rate[] = [
  { perSecond: 800, seconds: 3 },
  { perSecond: 200, seconds: 5 },
];
/** Of fewer, one in a hundred is the slowest of a few. */
const ENOUGH_FOR_P99 = 200;
const COUNTED_SECONDS = 3;
const IDLE_MS = 3_000;

/**
 * What most hubs live through: conversions by JSON whose callers wait for the outcome, each told to a subscriber, at 1, 20,
 * 200 and 1 000 a second. How long the answer takes and the arrival at the subscriber, both from when the caller began; what
 * all processes together, the databases too, use of the processor for 1 000 events; statements and round trips an event;
 * memory. Beside it, on the same server in the same run, the least possible: one committed insert, one signed POST, one
 * committed update.
 */
export async function runEverydayBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const receiver = await startBenchReceiver();
  const agent = new Agent({ connections: 128 });
  try {
    const program = await makeProgram(services, receiver);
    const figures: Record<string, number> = {};
    const hub = toTarget(await startHub(services), '/api/v1/conversions');
    const least = await startLeast(services, receiver);
    const ours = [...hub.pids, ...serverPids(services)];
    const base = [...least.pids, services.postgresPid];
    figures.idleMemoryMb = round((await sumCosts(ours)).memoryMb);
    for (const rate of WARM_UPS) {
      for (const target of [hub, least]) await drive({ ...target, ...program }, agent, receiver, rate, []);
    }
    figures.idleCpuPercent = round(await idleCpuPercent(ours));
    for (const rate of RATES) {
      const bare = await drive({ ...least, ...program }, agent, receiver, rate, base);
      const driven = await drive({ ...hub, ...program }, agent, receiver, rate, ours);
      Object.assign(figures, namedBy(`at${rate.perSecond}`, driven), namedBy(`leastAt${rate.perSecond}`, bare));
    }
    figures.memoryMb = round((await sumCosts(ours)).memoryMb);
    await Promise.all([hub.stop(), least.stop()]);
    Object.assign(figures, await countStatements(services, program, agent, receiver));
    const cpu = figures.at200CpuPer1000 ?? Infinity;
    return {
      name: 'everyday',
      backend,
      figures,
      marks: [{ name: 'at200CpuPer1000', value: cpu, atMost: 10 }],
    };
  } finally {
    await agent.close();
    receiver.stop();
    await services.stop();
  }
}

interface Target {
  url: string;
  pids: number[];
  stop(): Promise<void>;
}

interface Program {
  key: string;
  affiliateId: string;
  offerId: string;
}

async function makeProgram(services: BenchServices, receiver: BenchReceiver): Promise<Program> {
  const { db } = services;
  const programId = newId('prg');
  await db('programs').insert({ id: programId, name: 'Benchmark' });
  const affiliateId = await addAffiliate(db, programId);
  const offerId = await addOffer(db, programId, { type: 'cps', rateBps: 1500 });
  await addEndpoint({ services, receiver, programId }, '/journey', 'conversion.created');
  const { plaintext } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'write' });
  return { key: plaintext, affiliateId, offerId };
}

async function startLeast(services: BenchServices, receiver: BenchReceiver): Promise<Target> {
  const port = await findFreePort();
  const env = { ...services.env, PORT: String(port), TARGET: `${receiver.origin}/journey` };
  const child = startChild('test/bench/least.ts', env);
  const url = `http://127.0.0.1:${port}`;
  await waitUntil('the bare server is ready', async () => {
    const answer = await request(url, { method: 'POST', body: '{"orderId":"ready"}' });
    await answer.body.dump();
    return answer.statusCode === 201;
  });
  return { url, pids: [child.pid], stop: () => child.stop() };
}

function toTarget(hub: BenchHub, path: string): Target {
  return { url: hub.origin + path, pids: hub.pids, stop: () => hub.stop() };
}

/** Of one core, while nothing comes in: what a rate of a few a second pays, too. */
async function idleCpuPercent(pids: readonly number[]): Promise<number> {
  const before = await sumCosts(pids);
  await wait(IDLE_MS);
  const after = await sumCosts(pids);
  return ((after.cpuSeconds - before.cpuSeconds) / (IDLE_MS / 1_000)) * 100;
}

interface Driven {
  AnswerP50Ms: number;
  AnswerP99Ms: number;
  ArrivalP50Ms: number;
  ArrivalP99Ms: number;
  CpuPer1000: number;
  /** Of the load generator, which shares the machine: it must not be what is measured. */
  LoaderCpuPer1000: number;
  LoaderLateP99Ms: number;
}

let orders = 0;

/** Sends at a rate, whatever the answers take, and waits until all has arrived. */
async function drive(
  target: Target & Program,
  agent: Agent,
  receiver: BenchReceiver,
  { perSecond, seconds }: Rate,
  pids: readonly number[],
): Promise<Partial<Driven>> {
  await receiver.report();
  const begun = new Map<string, number>();
  const answers: number[] = [];
  const late: number[] = [];
  const before = await sumCosts(pids);
  const loader = process.cpuUsage();
  await runSteadily(perSecond, seconds, async (_n, lateMs) => {
    late.push(lateMs);
    const orderId = `E-${process.pid}-${(orders += 1)}`;
    const at = nowMs();
    begun.set(orderId, at);
    const answer = await request(target.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${target.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(conversion(target, orderId)),
      dispatcher: agent,
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 201) throw new Error(`answered ${answer.statusCode}: ${text}`);
    answers.push(nowMs() - at);
  });
  const { user, system } = process.cpuUsage(loader);
  const arrivals = await collectArrivals(receiver, begun);
  const after = await sumCosts(pids);
  const manyEnough = begun.size >= ENOUGH_FOR_P99;
  return {
    AnswerP50Ms: quantile(answers, 0.5),
    ArrivalP50Ms: quantile(arrivals, 0.5),
    ...(manyEnough ? { AnswerP99Ms: quantile(answers, 0.99), ArrivalP99Ms: quantile(arrivals, 0.99) } : {}),
    CpuPer1000: ((after.cpuSeconds - before.cpuSeconds) / begun.size) * 1_000,
    ...(manyEnough ? { LoaderLateP99Ms: quantile(late, 0.99) } : {}),
    LoaderCpuPer1000: (user + system) / 1e6 / (begun.size / 1_000),
  };
}

function conversion({ affiliateId, offerId }: Program, orderId: string): object {
  return { affiliateId, offerId, orderId, customerId: `customer of ${orderId}`, amount: 49.9, currency: 'USD' };
}

async function collectArrivals(receiver: BenchReceiver, begun: ReadonlyMap<string, number>): Promise<number[]> {
  const delays: number[] = [];
  const deadline = performance.now() + 60_000;
  while (delays.length < begun.size && performance.now() < deadline) {
    await wait(50);
    for (const [id, at] of (await receiver.report()).arrivals) {
      const started = begun.get(id);
      if (started !== undefined) delays.push(at - started);
    }
  }
  if (delays.length < begun.size) throw new Error(`${begun.size - delays.length} of ${begun.size} did not arrive`);
  return delays;
}

/** The same rates once more, through a meter: apart, since what counts takes from what is measured. */
async function countStatements(
  services: BenchServices,
  program: Program,
  agent: Agent,
  receiver: BenchReceiver,
): Promise<Record<string, number>> {
  const meter = await openWireMeter(services.databaseUrl);
  const hub = toTarget(await startHub(services, { databaseUrl: meter.url }), '/api/v1/conversions');
  const counted: Record<string, number> = {};
  for (const rate of WARM_UPS) await drive({ ...hub, ...program }, agent, receiver, rate, []);
  for (const { perSecond } of RATES) {
    meter.take();
    await drive({ ...hub, ...program }, agent, receiver, { perSecond, seconds: COUNTED_SECONDS }, []);
    const statements = meter.take();
    const events = perSecond * COUNTED_SECONDS;
    counted[`at${perSecond}Statements`] = round(statements.length / events);
    counted[`at${perSecond}RoundTrips`] = round(statements.filter(({ roundTrip }) => roundTrip).length / events);
  }
  await hub.stop();
  await meter.close();
  return counted;
}

function namedBy(prefix: string, driven: Partial<Driven>): Record<string, number> {
  return Object.fromEntries(Object.entries(driven).map(([name, value]) => [prefix + name, round(value)]));
}
