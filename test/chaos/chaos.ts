import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { audit, type Audit } from './audit.ts';
import { openClocks, realClocks } from './clock.ts';
import { findFaults, type Fault, type Stage } from './faults.ts';
import { describeEpisode, play, type Episode } from './episode.ts';
import { watchHealth } from './health-watch.ts';
import { startHub } from './hub.ts';
import { startLoader } from './loader.ts';
import { startPostgresPair } from './postgres-pair.ts';
import { makeProgram } from './program.ts';
import { createRandom } from './random.ts';
import { startRedisPair } from './redis-pair.ts';
import { startSubscribers } from './subscribers.ts';

export interface ChaosOptions {
  seed: number;
  /** Faults by name, each played once in this order; or for how long they come at random. */
  faults: readonly string[] | null;
  minutes: number | null;
  /** Orders a second. */
  rate: number;
  /** Calm between two faults, in seconds. */
  calmS: number;
  /** With clocks that can be stepped: the processes then run under libfaketime. */
  clocks: boolean;
  /** As with senders: see `createOrders`. */
  idempotencyKeys?: boolean;
  /** Hubs ask the Sentinel for the master themselves, in the place of an address that leads to it. */
  sentinel?: boolean;
  say?: (line: string) => void;
}

export interface ChaosReport {
  seed: number;
  clocks: string;
  diskOfItsOwn: boolean;
  seconds: number;
  episodes: Episode[];
  /** Faults that cannot be played here, and why. */
  skipped: string[];
  audit: Audit;
  problems: string[];
  /** Where the processes' logs are; null where they were not kept. */
  logs: string | null;
}

/** Starts everything, plays the faults, audits what is there afterwards, and keeps the logs where something was wrong. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const say = options.say ?? (() => undefined);
  const started = performance.now();
  const random = createRandom(options.seed);
  const logs = await mkdtemp(join(tmpdir(), 'tributary-chaos-'));
  const stops: (() => Promise<unknown>)[] = [];
  let isClean = false;
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) {
      await stop().catch((error: Error) => say(`not stopped: ${error.message}`));
    }
  };
  // Nothing that it started outlives it.
  const interrupt = (): void => void stopAll().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const subscribers = await startSubscribers(() => random.chance(0.3));
    stops.push(subscribers.close);
    const clocks = options.clocks ? await openClocks(logs, ['web-1', 'web-2', 'worker-1', 'worker-2']) : realClocks;
    const postgres = await startPostgresPair(logs);
    stops.push(postgres.stop);
    const redis = await startRedisPair(logs);
    stops.push(redis.stop);
    const hub = await startHub({
      databaseUrl: postgres.url,
      redis: options.sentinel ? redis.bySentinel : redis.byAddress,
      logs,
      clocks,
      webs: 2,
      workers: 2,
    });
    stops.push(hub.stop);
    const program = await makeProgram(hub.webs[0]?.url ?? '', hub.adminToken, subscribers);
    const loader = startLoader({
      urls: hub.webs.map(({ url }) => url),
      program,
      random,
      rate: options.rate,
      idempotencyKeys: options.idempotencyKeys ?? true,
    });
    stops.push(() => loader.finish(0));
    const health = watchHealth(hub.all);
    stops.push(async () => health.stop());
    const notes: string[] = [];
    const stage: Stage = {
      proxiedRedis: !options.sentinel,
      hub,
      postgres,
      redis,
      clocks,
      random,
      complain: (problem) => notes.push(problem),
    };
    const { playable, skipped } = sortOut(findFaults(options.faults), stage);
    say(`seed ${options.seed}; clocks: ${clocks.kind}; logs: ${logs}`);
    for (const line of skipped) say(`not played: ${line}`);
    const episodes: Episode[] = [];
    await wait(2_000);
    for (const fault of inTurn(playable, options, random, started)) {
      await fault.prepare?.(stage);
      const episode = await play(fault, stage, { loader, health });
      episode.problems.push(...notes.splice(0), ...hub.ended.splice(0));
      episodes.push(episode);
      say(describeEpisode(episode));
      if (episode.recoveredS === null) {
        say('… the hub does not recover by itself: its processes are started anew');
        await Promise.all(hub.all.map((each) => each.kill()));
        await Promise.all(hub.all.map((each) => each.start()));
        await wait(5_000);
      }
      await fault.repair?.(stage);
      await wait(options.calmS * 1_000);
    }
    await loader.finish(90_000);
    const found = await audit({ databaseUrl: postgres.directUrl(), loader, program, subscribers });
    const problems = [
      ...episodes.flatMap(({ fault, problems }) => problems.map((each) => `${fault}: ${each}`)),
      ...found.problems,
      ...hub.ended,
    ];
    isClean = problems.length === 0;
    return {
      seed: options.seed,
      clocks: clocks.kind,
      diskOfItsOwn: postgres.primary.disk !== null,
      seconds: Math.round((performance.now() - started) / 1_000),
      episodes,
      skipped,
      audit: found,
      problems,
      logs: isClean ? null : logs,
    };
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    await stopAll();
    if (isClean) await rm(logs, { recursive: true, force: true });
  }
}

function sortOut(all: readonly Fault[], stage: Stage): { playable: Fault[]; skipped: string[] } {
  const skipped: string[] = [];
  const playable = all.filter((fault) => {
    const missing = fault.missing?.(stage) ?? null;
    if (missing !== null) skipped.push(`${fault.name}: ${missing}`);
    return missing === null;
  });
  return { playable, skipped };
}

/** All of them once, in this order; with minutes, again and again in a new order each time until these are over. */
function* inTurn(
  playable: readonly Fault[],
  { minutes }: ChaosOptions,
  random: Stage['random'],
  started: number,
): Generator<Fault> {
  if (minutes === null) {
    yield* playable;
    return;
  }
  const isOver = (): boolean => performance.now() - started > minutes * 60_000;
  while (!isOver()) {
    for (const fault of random.shuffle(playable)) {
      if (isOver()) return;
      yield fault;
    }
  }
}
