import { parseArgs } from 'node:util';
import { runAttacksBench } from './attacks.ts';
import { runBacklogBench } from './backlog.ts';
import { runCrashBench } from './crash.ts';
import { runDecisionsBench } from './decisions.ts';
import { runDeliveryBench } from './delivery.ts';
import { runDialectsBench } from './dialects.ts';
import { runEventCostBench } from './event-cost.ts';
import { runExportBench } from './export.ts';
import { runEverydayBench } from './everyday.ts';
import { runFailoverBench } from './failover.ts';
import { runGrowthBench } from './growth.ts';
import { runIngestBench } from './ingest.ts';
import { runJourneyBench } from './journey.ts';
import { runListsBench } from './lists.ts';
import { runLookUpBench } from './look-up.ts';
import { describeMachine } from './machine.ts';
import { runMemoryBench } from './memory.ts';
import { runPipelineBench } from './pipeline.ts';
import { runRefusalsBench } from './refusals.ts';
import { holds, type BenchOptions, type BenchResult } from './result.ts';
import { runScaleBench } from './scale.ts';
import { runSharingBench } from './sharing.ts';
import { runSoakBench } from './soak.ts';
import { runByTurns, tableOf, type Turns } from './turns.ts';

/**
 * `npm run bench -- [name…] [--backend postgres|redis|both] [--json]`; `--orders`, `--messages`, `--seconds` and `--rate` say how much,
 * where a benchmark takes them. Exits 1 when a mark does not hold. Everything runs on loopback against servers of its own, for
 * a bounded time. With `--turns 7` each runs so often, and median, least and most of
 * each figure are told; with `--against FOLDER` by turns with another checkout.
 */
const benches: Record<string, (backend: 'postgres' | 'redis', options: BenchOptions) => Promise<BenchResult>> = {
  ingest: runIngestBench,
  pipeline: runPipelineBench,
  delivery: runDeliveryBench,
  journey: runJourneyBench,
  sharing: runSharingBench,
  everyday: runEverydayBench,
  crash: runCrashBench,
  backlog: runBacklogBench,
  memory: runMemoryBench,
  'event-cost': runEventCostBench,
  dialects: runDialectsBench,
  lists: runListsBench,
  export: runExportBench,
  'look-up': runLookUpBench,
  growth: runGrowthBench,
  attacks: runAttacksBench,
  failover: runFailoverBench,
  scale: runScaleBench,
  soak: runSoakBench,
  refusals: runRefusalsBench,
  decisions: runDecisionsBench,
};

/** They bring a Redis Cluster, or a Redis with Sentinel, of their own whatever the backend. */
const ownRedis = new Set(['scale', 'failover']);

const onlyByName = new Set([...ownRedis, 'soak', 'refusals', 'decisions', 'export']);

const sizes = ['orders', 'messages', 'seconds', 'rate'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'postgres' },
    ...Object.fromEntries(sizes.map((name) => [name, { type: 'string' } as const])),
    turns: { type: 'string' },
    against: { type: 'string' },
  },
});
const options: BenchOptions = Object.fromEntries(sizes.flatMap((name) => readNumber(name)));
const names = positionals.length > 0 ? positionals : Object.keys(benches).filter((name) => !onlyByName.has(name));
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown) throw new Error(`There is no benchmark '${unknown}'. There are: ${Object.keys(benches).join(', ')}`);

if (values.turns !== undefined || values.against !== undefined) await compareTurns(Number(values.turns ?? 3));
else await runAll();

function backendsOf(name: string): ('postgres' | 'redis')[] {
  if (ownRedis.has(name)) return ['redis'];
  return values.backend === 'both' ? ['postgres', 'redis'] : [values.backend as 'postgres' | 'redis'];
}

async function runAll(): Promise<void> {
  const results: BenchResult[] = [];
  for (const name of names) {
    for (const backend of backendsOf(name)) {
      if (!values.json) console.log(`${name} on ${backend} …`);
      const result = await benches[name]?.(backend, options);
      if (!result) continue;
      results.push(result);
      if (!values.json) printResult(result);
    }
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
  process.exitCode = results.every(({ marks }) => marks.every(holds)) ? 0 : 1;
}

async function compareTurns(turns: number): Promise<void> {
  const machine = await describeMachine();
  const results: Turns[] = [];
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  if (!values.json) console.log(Object.values(machine).join(', '));
  for (const name of names) {
    const measured: Turns[] = [];
    for (const backend of backendsOf(name)) {
      measured.push(...(await runByTurns({ name, backend, options: given }, turns, values.against ?? null)));
    }
    if (!values.json) console.log(`\n${name}\n\n${tableOf(measured)}`);
    results.push(...measured);
  }
  if (values.json) console.log(JSON.stringify({ machine, results }, null, 2));
}

function readNumber(name: keyof BenchOptions): [string, number][] {
  const given: unknown = Object.entries(values).find(([option]) => option === name)?.[1];
  if (typeof given !== 'string') return [];
  if (!/^[1-9]\d*$/.test(given)) throw new Error(`--${name} must be a whole number above 0`);
  return [[name, Number(given)]];
}

function printResult({ figures, marks }: BenchResult): void {
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(48)} ${value}`);
  for (const mark of marks) {
    const bound = mark.atLeast === undefined ? `at most ${mark.atMost}` : `at least ${mark.atLeast}`;
    console.log(`  ${holds(mark) ? 'holds' : 'FAILS'}: ${mark.name} ${bound}`);
  }
}
