import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { newId } from '../../src/domain/ids.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { startTestRedisCluster } from '../support/redis-cluster.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeBenchProgram } from './bench-program.ts';
import { startChild, type Child } from './child.ts';
import { addEndpoint, nowMs, quantile, runSteadily, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { prepareGrown } from './growth.ts';
import { costsOf } from './process-costs.ts';
import { round, type BenchOptions, type BenchResult } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const WORKERS = 8;
const WEBS = 4;
const REDIS_NODES = 3;
const SMALL_PROGRAMS = 9;
/** Of a hundred conversions so many are the large program's. */
const LARGE_SHARE = 90;
/** Every so many conversions are sent twice at once, to two web processes. */
const TWICE_EVERY = 20;
/** How often a sender sends what is refused for the moment. */
const MOST_TRIES = 60;
/** How long after the last of them everything may take to be settled and told. */
const DRAINED_WITHIN_MS = 120_000;

/**
 * A hub of many processes on this machine: eight workers, four web processes and a Redis Cluster of three nodes, while one
 * program has nine tenths of the traffic. What is proven is that nothing is lost, doubled or mixed up between them; how fast
 * two cores are with so many processes says little about machines of their own. With `--orders` the large program has so
 * many orders before. How long the small programs wait is told apart.
 */
export async function runScaleBench(_backend: string, options: BenchOptions): Promise<BenchResult> {
  const { orders, seconds = 30, rate = 200 } = options;
  const services = await startBenchServices('redis', { redis: false });
  const cluster = await startTestRedisCluster(REDIS_NODES);
  const receiver = await startBenchReceiver();
  const agent = new Agent({ connections: 256 });
  const children: Child[] = [];
  try {
    const programs = await makePrograms(services, receiver, orders);
    // Where one machine is many, timeouts are told of by the hundred; an error is one.
    const env = { ...services.env, REDIS_CLUSTER_NODES: cluster.nodes.join(','), LOG_LEVEL: 'error' };
    const urls = await startHub(env, children);
    const load = { programs, urls, agent, receiver };
    await drive(load, 20, 3);
    const driven = await drive(load, rate, seconds);
    const pids = [...children.map(({ pid }) => pid), ...cluster.pids, services.postgresPid];
    const costs = await Promise.all(pids.map(costsOf));
    await Promise.all(children.splice(0).map((child) => child.stop()));
    const faults = await findFaults(services, programs, orders === undefined);
    return {
      name: 'scale',
      backend: 'redis',
      figures: {
        workers: WORKERS,
        webs: WEBS,
        redisNodes: REDIS_NODES,
        ordersBefore: orders ?? 0,
        sentPerSecond: rate,
        ...driven.figures,
        memoryMb: round(costs.reduce((sum, { memoryMb }) => sum + memoryMb, 0)),
      },
      marks: [
        { name: 'neverArrived', value: driven.neverArrived, atMost: 0 },
        { name: 'arrivedTwice', value: driven.arrivedTwice, atMost: 0 },
        { name: 'recordedOtherThanOnce', value: driven.recordedOtherThanOnce, atMost: 0 },
        ...Object.entries(faults).map(([name, value]) => ({ name, value, atMost: 0 })),
      ],
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await agent.close();
    receiver.stop();
    await cluster.stop();
    await services.stop();
  }
}

interface Program {
  programId: string;
  key: string;
  clickIds: string[];
  isLarge: boolean;
  /** Orders that were sent. */
  sent: Set<string>;
}

async function makePrograms(
  services: BenchServices,
  receiver: BenchReceiver,
  orders: number | undefined,
): Promise<Program[]> {
  const programs: Program[] = [];
  for (let n = 0; n <= SMALL_PROGRAMS; n += 1) {
    const isLarge = n === 0;
    const { programId, clickIds } =
      isLarge && orders !== undefined
        ? await makeGrownProgram(services, orders)
        : await makeBenchProgram(services.db, isLarge ? 900 : 100);
    await addEndpoint({ services, receiver, programId }, '/journey', 'conversion.created');
    const { plaintext: key } = await createKey(services.db, programId, {
      name: 'bench',
      mode: 'live',
      access: 'write',
    });
    programs.push({ programId, key, clickIds, isLarge, sent: new Set() });
  }
  return programs;
}

/** With clicks of today: those of its past are out of their windows. */
async function makeGrownProgram(
  services: BenchServices,
  orders: number,
): Promise<Pick<Program, 'programId' | 'clickIds'>> {
  const { programId, clickIds } = await prepareGrown(services, orders);
  const fresh = clickIds.map(() => newId('clk'));
  await runSql(
    services.db,
    `insert into clicks (id, program_id, livemode, affiliate_id, offer_id, occurred_at)
     select f.id, c.program_id, true, c.affiliate_id, c.offer_id, now() - interval '1 day'
     from unnest(?::text[], ?::text[]) as f (id, old) join clicks c on c.id = f.old and c.program_id = ?`,
    [fresh, clickIds, programId],
  );
  return { programId, clickIds: fresh };
}

/** One process after the other: twelve at once would time out on two cores. Gives the addresses of the web processes. */
async function startHub(env: Record<string, string>, children: Child[]): Promise<string[]> {
  const start = async (script: string, portName: 'PORT' | 'WORKER_PORT'): Promise<string> => {
    const port = await findFreePort();
    children.push(startChild(script, { ...env, [portName]: String(port), HOST: '127.0.0.1' }));
    const url = `http://127.0.0.1:${port}`;
    await waitUntil(`${script} is ready`, async () => (await fetch(`${url}/readyz`)).ok, { timeoutMs: 60_000 });
    return url;
  };
  const urls: string[] = [];
  for (let n = 0; n < WEBS; n += 1) urls.push(await start('src/server.ts', 'PORT'));
  for (let n = 0; n < WORKERS; n += 1) await start('workers/main.ts', 'WORKER_PORT');
  return urls;
}

interface Load {
  programs: Program[];
  urls: string[];
  agent: Agent;
  receiver: BenchReceiver;
}

interface Driven {
  figures: Record<string, number>;
  recordedOtherThanOnce: number;
  neverArrived: number;
  arrivedTwice: number;
}

let serial = 0;

/** Sends conversions at a rate, each to one of the web processes and some to two; waits until all were told of. */
async function drive(load: Load, perSecond: number, seconds: number): Promise<Driven> {
  const { programs, urls, receiver } = load;
  const begun = new Map<string, { at: number; program: Program }>();
  const answers = { large: [] as number[], small: [] as number[] };
  let [answeredLater, recordedOtherThanOnce] = [0, 0];
  await receiver.report();
  const started = performance.now();
  await runSteadily(perSecond, seconds, async (n) => {
    const isSmall = n % 100 >= LARGE_SHARE;
    const program = programs[isSmall ? 1 + (n % SMALL_PROGRAMS) : 0] as Program;
    const orderId = `S-${(serial += 1)}`;
    begun.set(orderId, { at: nowMs(), program });
    program.sent.add(orderId);
    const times = n % TWICE_EVERY === 0 ? 2 : 1;
    const outcomes = await Promise.all(
      Array.from({ length: times }, (_, copy) => send(load, urls[(n + copy) % urls.length] ?? '', program, orderId)),
    );
    answers[isSmall ? 'small' : 'large'].push(nowMs() - (begun.get(orderId)?.at ?? 0));
    // Told later than the caller waits for: slow, but not lost, which is looked for afterwards.
    if (outcomes.includes('later')) answeredLater += 1;
    else if (outcomes.filter((outcome) => outcome === 'recorded').length !== 1) recordedOtherThanOnce += 1;
  });
  const sentFor = (performance.now() - started) / 1_000;
  const arrivals = await collectArrivals(receiver, begun);
  const delays = (isLarge: boolean): number[] =>
    [...arrivals].flatMap(([orderId, [first = 0]]) => {
      const { at, program } = begun.get(orderId) ?? { at: 0, program: null };
      return program?.isLarge === isLarge ? [first - at] : [];
    });
  const timesOf = (name: string, values: number[]) => ({
    [`${name}P50Ms`]: round(quantile(values, 0.5)),
    [`${name}P99Ms`]: round(quantile(values, 0.99)),
  });
  return {
    recordedOtherThanOnce,
    neverArrived: begun.size - arrivals.size,
    arrivedTwice: [...arrivals.values()].filter((times) => times.length > 1).length,
    figures: {
      answeredLater,
      answeredPerSecond: round((answers.large.length + answers.small.length) / sentFor),
      ...timesOf('largeAnswer', answers.large),
      ...timesOf('smallAnswer', answers.small),
      ...timesOf('largeArrival', delays(true)),
      ...timesOf('smallArrival', delays(false)),
    },
  };
}

type Outcome = 'recorded' | 'known' | 'later';

/** As senders do: what is refused for the moment is sent again. */
async function send({ agent }: Load, url: string, program: Program, orderId: string): Promise<Outcome> {
  const clickId = program.clickIds[program.sent.size % program.clickIds.length];
  const body = JSON.stringify({
    clickId,
    orderId,
    customerId: `customer of ${orderId}`,
    amount: 49.9,
    currency: 'USD',
  });
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const answer = await request(`${url}/api/v1/conversions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${program.key}`, 'content-type': 'application/json' },
      body,
      dispatcher: agent,
    });
    const text = await answer.body.text();
    if (answer.statusCode === 201) return 'recorded';
    if (answer.statusCode === 200) return 'known';
    if (answer.statusCode === 202) return 'later';
    if (answer.statusCode !== 503) throw new Error(`answered ${answer.statusCode}: ${text}`);
    await wait(1_000);
  }
  throw new Error(`answered 503 for ${MOST_TRIES} times`);
}

/** When the subscriber heard of each order; waits two seconds more for what comes twice. */
async function collectArrivals(
  receiver: BenchReceiver,
  begun: ReadonlyMap<string, unknown>,
): Promise<Map<string, number[]>> {
  const arrivals = new Map<string, number[]>();
  const read = async (): Promise<void> => {
    for (const [orderId, at] of (await receiver.report()).arrivals) {
      if (begun.has(orderId)) arrivals.set(orderId, [...(arrivals.get(orderId) ?? []), at]);
    }
  };
  const deadline = performance.now() + DRAINED_WITHIN_MS;
  while (arrivals.size < begun.size && performance.now() < deadline) {
    await wait(50);
    await read();
  }
  await wait(2_000);
  await read();
  return arrivals;
}

/** What must be nought once all is settled: the ledger computed again, and what was sent beside what there is. */
async function findFaults(
  { db }: BenchServices,
  programs: readonly Program[],
  withLarge: boolean,
): Promise<Record<string, number>> {
  let [lost, doubled, postedWrong] = [0, 0, 0];
  let verified = 0;
  let differences = 0;
  for (const { programId, sent, isLarge } of programs) {
    const rows = await runSql<{ orderId: string; orders: number; entries: number }>(
      db,
      `select o.order_id as "orderId", count(*)::int as orders,
         sum((select count(*) from ledger_entries e where e.order_id = o.id and e.program_id = o.program_id))::int as entries
       from orders o where o.program_id = ? and o.order_id like 'S-%' and o.kind is not null and o.merged_into is null
       group by 1`,
      [programId],
    );
    const found = new Set(rows.map(({ orderId }) => orderId));
    lost += [...sent].filter((orderId) => !found.has(orderId)).length;
    doubled += rows.filter(({ orderId, orders }) => orders > 1 || !sent.has(orderId)).length;
    postedWrong += rows.filter(({ entries }) => entries !== 1).length;
    // Of a ledger that was filled by hand there are no messages to compute it from.
    if (isLarge && !withLarge) continue;
    const findings = await verifyLedger(db, { programId });
    differences += findings.differences.length;
    verified += findings.counts.get('orders') ?? 0;
  }
  const [left] = await runSql<{ waiting: number; pending: number }>(
    db,
    `select (select count(*) from inbox_events where status = 'received')::int as waiting,
       (select count(*) from deliveries where status <> 'succeeded')::int as pending`,
  );
  return {
    lost,
    doubled,
    postedOtherThanOnce: postedWrong,
    differencesOfVerify: differences,
    notVerified: verified === 0 ? 1 : 0,
    stillWaiting: left?.waiting ?? 0,
    notDelivered: left?.pending ?? 0,
  };
}
