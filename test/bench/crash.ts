import { setTimeout as wait } from 'node:timers/promises';
import { runSql } from '../support/sql.ts';
import { addTracker, makeBenchProgram } from './bench-program.ts';
import { addEndpoint, nowMs, startBenchReceiver, type BenchReceiver } from './delivery-setup.ts';
import { startHub } from './hub.ts';
import { medianOf, round, type BenchResult } from './result.ts';
import { startBenchServices } from './services.ts';
import { getRequest, loadBySockets } from './socket-loader.ts';

const CALLERS = 64;
const CLICKS = 20_000;
const TURNS = 3;
const WARM_UP = 3_000;
const LOAD_MS = 3_000;

/** What is done with the worker under load: nothing; killed while a second one runs; killed, and a new one started at once. */
const ways = ['undisturbed', 'standby', 'restarted'] as const;
type Way = (typeof ways)[number];

interface Crash {
  /** After the kill, which is when the load ends: the last event's arrival at the subscriber. */
  lastMs: number;
  acknowledged: number;
  /** Not settled when the worker was killed. */
  backlog: number;
  twice: number;
}

/**
 * kill -9 of the worker at full load: how long after it the last event of an acknowledged postback arrives at the
 * subscriber, and how many arrive twice. What had piled up takes its time without a kill, too, which is told beside it.
 * Throws where one is lost.
 */
export async function runCrashBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const turns: Record<Way, Crash[]> = { undisturbed: [], standby: [], restarted: [] };
  const receiver = await startBenchReceiver();
  const services = await startBenchServices(backend);
  try {
    const program = await makeBenchProgram(services.db, CLICKS);
    await addEndpoint({ services, receiver, programId: program.programId }, '/journey', 'conversion.created');
    const { pathOf } = await addTracker(services.db, program.programId);
    let serial = 0;
    const next = (): string => `K-${(serial += 1)}`;
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const way of ways) {
        const hub = await startHub(services, { workers: way === 'standby' ? 2 : 1 });
        const send = async (limits: { count: number } | { until: () => boolean }): Promise<string[]> => {
          const sent: string[] = [];
          const acknowledged: string[] = [];
          await loadBySockets({
            port: hub.port,
            callers: CALLERS,
            ...limits,
            request: (n) => getRequest(pathOf(program.clickIds[n % CLICKS] ?? '', (sent[n] = next()))),
            onAnswer: (n) => void acknowledged.push(sent[n] ?? ''),
          });
          return acknowledged;
        };
        await collect(receiver, await send({ count: WARM_UP }), 0);
        const endsAt = performance.now() + LOAD_MS;
        const loading = send({ until: () => performance.now() > endsAt });
        await wait(LOAD_MS);
        const backlog = await runSql(
          services.db,
          `select id from inbox_events where (status = 'received') is true`,
          [],
        );
        const killedAt = nowMs();
        if (way !== 'undisturbed') process.kill(hub.workers[0]?.pid ?? 0, 'SIGKILL');
        if (way === 'restarted') hub.addWorker();
        const acknowledged = await loading;
        const { last, twice } = await collect(receiver, acknowledged);
        turns[way].push({
          lastMs: last - killedAt,
          acknowledged: acknowledged.length,
          backlog: backlog.length,
          twice,
        });
        await hub.stop();
      }
    }
  } finally {
    receiver.stop();
    await services.stop();
  }
  const worst = Math.max(medianOfEach(turns.standby, 'lastMs'), medianOfEach(turns.restarted, 'lastMs'));
  return {
    name: 'crash',
    backend,
    figures: Object.fromEntries(
      ways.flatMap((way) =>
        (['lastMs', 'acknowledged', 'backlog', 'twice'] as const).map((name) => [
          `${way} ${name}`,
          round(medianOfEach(turns[way], name)),
        ]),
      ),
    ),
    marks: [{ name: 'lastMs after a kill', value: worst, atMost: 3_000 }],
  };
}

function medianOfEach(crashes: readonly Crash[], name: keyof Crash): number {
  return medianOf(crashes.map((crash) => crash[name]));
}

/** What comes twice comes within it. */
const QUIET_MS = 3_000;

/** Waits until every order has arrived, and then for silence. */
async function collect(
  receiver: BenchReceiver,
  orders: readonly string[],
  quietMs = QUIET_MS,
): Promise<{ last: number; twice: number }> {
  const missing = new Set(orders);
  const first = new Map<string, number>();
  let twice = 0;
  let quietSince = performance.now();
  const deadline = performance.now() + 120_000;
  while (missing.size > 0 || performance.now() - quietSince < quietMs) {
    if (performance.now() > deadline) throw new Error(`${missing.size} of ${orders.length} did not arrive`);
    await wait(50);
    for (const [order, at] of (await receiver.report()).arrivals) {
      quietSince = performance.now();
      if (first.has(order)) twice += 1;
      else first.set(order, at);
      missing.delete(order);
    }
  }
  return { last: Math.max(...orders.map((order) => first.get(order) ?? 0)), twice };
}
