import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { auditOrders } from '../chaos/audit.ts';
import { realClocks } from '../chaos/clock.ts';
import { startHub } from '../chaos/hub.ts';
import { startLoader, type Loader } from '../chaos/loader.ts';
import { DATABASE, startPostgresPair, type PostgresPair } from '../chaos/postgres-pair.ts';
import { makeProgram } from '../chaos/program.ts';
import { createRandom } from '../chaos/random.ts';
import { startRedisPair, type RedisPair } from '../chaos/redis-pair.ts';
import { round, type BenchOptions, type BenchResult } from './result.ts';

const RATE = 500;
const CALM_S = 5;
const AFTERWARDS_S = 15;

/** How long the primary is dead before whoever watches over it promotes the standby. */
const PROMOTED_AFTER_MS = 2_000;

/**
 * Failovers under a steady load of postbacks: of PostgreSQL, whose primary dies and whose standby is promoted, and of Redis by
 * its Sentinel. How many answers were not 2xx, for how long there was no other, for how long nothing was settled, and whether
 * each acknowledged order has exactly one posting of the right amount. Servers of its own: each commit reaches the disk and the standby.
 */
export async function runFailoverBench(
  backend: 'postgres' | 'redis',
  { rate = RATE }: BenchOptions,
): Promise<BenchResult> {
  const logs = await mkdtemp(join(tmpdir(), 'tributary-failover-'));
  const stops: (() => Promise<unknown>)[] = [() => rm(logs, { recursive: true, force: true })];
  try {
    const postgres = await startPostgresPair(logs, { durable: true });
    stops.push(postgres.stop);
    const redis = await startRedisPair(logs);
    stops.push(redis.stop);
    const hub = await startHub({
      databaseUrl: postgres.url,
      redis: redis.byAddress,
      logs,
      clocks: realClocks,
      webs: 1,
      workers: 1,
    });
    stops.push(hub.stop);
    const urls = hub.webs.map(({ url }) => url);
    const program = await makeProgram(urls[0] ?? '', hub.adminToken, null);
    const loader = startLoader({ urls, program, random: createRandom(1), rate, inputs: ['postback'] });
    await wait(CALM_S * 1_000);
    const [byRedis, byPostgres] = [
      await measure(loader, postgres, () => failOverRedis(redis)),
      await measure(loader, postgres, () => failOverPostgres(postgres)),
    ];
    await loader.finish(60_000);
    const found = await auditOrders(postgres.directUrl(), loader);
    for (const problem of found.problems) console.error(problem);
    return {
      name: 'failover',
      backend,
      figures: {
        perSecond: rate,
        orders: loader.orders.length,
        ...named('postgres', byPostgres),
        ...named('redis', byRedis),
        lost: found.lost,
        doubled: found.doubled,
      },
      marks: [
        { name: 'seconds without service, PostgreSQL', value: byPostgres.secondsWithoutService, atMost: 10 },
        { name: 'seconds without service, Redis', value: byRedis.secondsWithoutService, atMost: 10 },
        { name: 'seconds without settling, PostgreSQL', value: byPostgres.secondsWithoutSettling, atMost: 10 },
        { name: 'seconds without settling, Redis', value: byRedis.secondsWithoutSettling, atMost: 10 },
        { name: 'orders that are not as they were acknowledged', value: found.problems.length, atMost: 0 },
        { name: 'messages never acknowledged', value: loader.waiting, atMost: 0 },
      ],
    };
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => console.error(error));
  }
}

interface Measured {
  notOk: number;
  secondsWithoutService: number;
  secondsWithoutSettling: number;
}

async function failOverPostgres(postgres: PostgresPair): Promise<void> {
  await postgres.primary.kill();
  await wait(PROMOTED_AFTER_MS);
  await postgres.promote();
}

/** As when its machine dies: the Sentinel finds that out by itself. */
async function failOverRedis(redis: RedisPair): Promise<void> {
  const master = await redis.master();
  await master.kill();
}

async function measure(loader: Loader, postgres: PostgresPair, failOver: () => Promise<void>): Promise<Measured> {
  loader.answers.splice(0);
  const settled = watchSettling(postgres);
  const begun = performance.now();
  await failOver();
  await wait(AFTERWARDS_S * 1_000);
  const isOk = (answer: unknown): boolean => typeof answer === 'number' && answer >= 200 && answer < 300;
  const answers = loader.answers.splice(0);
  const ok = answers.filter(({ answer }) => isOk(answer)).map(({ at }) => at);
  return {
    notOk: answers.length - ok.length,
    secondsWithoutService: longestPause(begun, ok),
    secondsWithoutSettling: longestPause(begun, await settled.stop()),
  };
}

/** When there was more settled than before, looked at ten times a second. */
function watchSettling(postgres: PostgresPair): { stop(): Promise<number[]> } {
  const grewAt: number[] = [];
  const stopped = new AbortController();
  let count = -1;
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      const asked = postgres.primary.ask('select count(*)::text from orders where commission_minor > 0', DATABASE);
      const now = await asked.catch(() => null);
      if (now !== null && Number(now) > count) {
        count = Number(now);
        grewAt.push(performance.now());
      }
      await wait(100);
    }
  })();
  return {
    async stop() {
      stopped.abort();
      await watching;
      return grewAt;
    },
  };
}

function longestPause(begun: number, moments: readonly number[]): number {
  const all = [begun, ...moments.toSorted((a, b) => a - b), performance.now()];
  return round(Math.max(...all.slice(1).map((at, index) => at - (all[index] ?? 0))) / 1_000);
}

function named(store: string, { notOk, secondsWithoutService, secondsWithoutSettling }: Measured) {
  return {
    [`${store}NotOk`]: notOk,
    [`${store}SecondsWithoutService`]: secondsWithoutService,
    [`${store}SecondsWithoutSettling`]: secondsWithoutSettling,
  };
}
