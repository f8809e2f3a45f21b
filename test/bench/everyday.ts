import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { createKey } from '../../src/program/api-keys.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';
import { newId } from '../../src/domain/ids.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openWireMeter } from '../support/wire-meter.ts';
import { startChild, type Child } from './child.ts';
import { addEndpoint, nowMs, quantile, runSteadily, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { sumCosts } from './process-costs.ts';
import { round, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const RATES = [
  { perSecond: 1, seconds: 12 },
  { perSecond: 20, seconds: 6 },
  { perSecond: 200, seconds: 6 },
  { perSecond: 1_000, seconds: 6 },
];
const WARM_UP = { perSecond: 100, seconds: 4 };

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
    const hub = await startHub(services, services.databaseUrl);
    const least = await startLeast(services, receiver);
    const pids = [services.postgresPid, ...(services.redisPid === null ? [] : [services.redisPid])];
    const idle = await sumCosts([...hub.pids, ...pids]);
    figures.idleMemoryMb = round(idle.memoryMb);
    for (const target of [hub, least]) await drive({ ...target, ...program }, agent, receiver, WARM_UP, []);
    for (const rate of RATES) {
      const bare = await drive({ ...least, ...program }, agent, receiver, rate, [...least.pids, services.postgresPid]);
      const ours = await drive({ ...hub, ...program }, agent, receiver, rate, [...hub.pids, ...pids]);
      Object.assign(figures, namedBy(`at${rate.perSecond}`, ours), namedBy(`leastAt${rate.perSecond}`, bare));
    }
    figures.memoryMb = round((await sumCosts([...hub.pids, ...pids])).memoryMb);
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

async function startHub(services: BenchServices, databaseUrl: string): Promise<Target> {
  const port = await findFreePort();
  const env = { ...services.env, DATABASE_URL: databaseUrl, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'info' };
  const children = [
    startChild('src/server.ts', env, { quiet: true }),
    startChild('workers/main.ts', env, { quiet: true }),
  ];
  const url = `http://127.0.0.1:${port}`;
  await waitUntil('the web process is ready', async () => (await fetch(`${url}/readyz`)).ok);
  return toTarget(`${url}/api/v1/conversions`, children);
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
  return toTarget(url, [child]);
}

function toTarget(url: string, children: Child[]): Target {
  return {
    url,
    pids: children.map(({ pid }) => pid),
    stop: async () => void (await Promise.all(children.map((child) => child.stop()))),
  };
}

interface Driven {
  AnswerP50Ms: number;
  AnswerP99Ms: number;
  ArrivalP50Ms: number;
  ArrivalP99Ms: number;
  CpuPer1000: number;
}

let orders = 0;

/** Sends at a rate, whatever the answers take, and waits until all has arrived. */
async function drive(
  target: Target & Program,
  agent: Agent,
  receiver: BenchReceiver,
  { perSecond, seconds }: { perSecond: number; seconds: number },
  pids: number[],
): Promise<Driven> {
  await receiver.report();
  const begun = new Map<string, number>();
  const answers: number[] = [];
  const before = await sumCosts(pids);
  await runSteadily(perSecond, seconds, async () => {
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
  const arrivals = await collectArrivals(receiver, begun);
  const after = await sumCosts(pids);
  return {
    AnswerP50Ms: quantile(answers, 0.5),
    AnswerP99Ms: quantile(answers, 0.99),
    ArrivalP50Ms: quantile(arrivals, 0.5),
    ArrivalP99Ms: quantile(arrivals, 0.99),
    CpuPer1000: ((after.cpuSeconds - before.cpuSeconds) / begun.size) * 1_000,
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
  const hub = await startHub(services, meter.url);
  const counted: Record<string, number> = {};
  await drive({ ...hub, ...program }, agent, receiver, WARM_UP, []);
  for (const { perSecond, seconds } of RATES) {
    meter.take();
    await drive({ ...hub, ...program }, agent, receiver, { perSecond, seconds }, []);
    const statements = meter.take();
    const events = perSecond * seconds;
    counted[`at${perSecond}Statements`] = round(statements.length / events);
    counted[`at${perSecond}RoundTrips`] = round(statements.filter(({ roundTrip }) => roundTrip).length / events);
  }
  await hub.stop();
  await meter.close();
  return counted;
}

function namedBy(prefix: string, driven: Driven): Record<string, number> {
  return Object.fromEntries(Object.entries(driven).map(([name, value]) => [prefix + name, round(value as number)]));
}
