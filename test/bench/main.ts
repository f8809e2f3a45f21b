import { parseArgs } from 'node:util';
import { runAttacksBench } from './attacks.ts';
import { runBacklogBench } from './backlog.ts';
import { runCrashBench } from './crash.ts';
import { runDeliveryBench } from './delivery.ts';
import { runDialectsBench } from './dialects.ts';
import { runEverydayBench } from './everyday.ts';
import { runGrowthBench } from './growth.ts';
import { runIngestBench } from './ingest.ts';
import { runJourneyBench } from './journey.ts';
import { runListsBench } from './lists.ts';
import { describeMachine } from './machine.ts';
import { runMemoryBench } from './memory.ts';
import { runPipelineBench } from './pipeline.ts';
import { holds, type BenchResult, type BenchSize } from './result.ts';
import { runByTurns, tableOf, type Turns } from './turns.ts';

/**
 * `npm run bench -- [name…] [--backend postgres|redis|both] [--json]`. Exits 1 when a mark does not hold. Everything runs
 * on loopback against servers of its own, for a bounded time. With `--turns 7` each runs so often, and median, least and most of
 * each figure are told; with `--against FOLDER` by turns with another checkout.
 */
const benches: Record<string, (backend: 'postgres' | 'redis', size: BenchSize) => Promise<BenchResult>> = {
  ingest: runIngestBench,
  pipeline: runPipelineBench,
  delivery: runDeliveryBench,
  journey: runJourneyBench,
  everyday: runEverydayBench,
  crash: runCrashBench,
  backlog: runBacklogBench,
  memory: runMemoryBench,
  dialects: runDialectsBench,
  lists: runListsBench,
  growth: runGrowthBench,
  attacks: runAttacksBench,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'postgres' },
    messages: { type: 'string' },
    turns: { type: 'string' },
    against: { type: 'string' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown) throw new Error(`There is no benchmark '${unknown}'. There are: ${Object.keys(benches).join(', ')}`);
const backends =
  values.backend === 'both' ? (['postgres', 'redis'] as const) : [values.backend as 'postgres' | 'redis'];
const size: BenchSize = values.messages === undefined ? {} : { messages: Number(values.messages) };

if (values.turns !== undefined || values.against !== undefined) await compareTurns(Number(values.turns ?? 3));
else await runAll();

async function runAll(): Promise<void> {
  const results: BenchResult[] = [];
  for (const name of names) {
    for (const backend of backends) {
      if (!values.json) console.log(`${name} on ${backend} …`);
      const result = await benches[name]?.(backend, size);
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
  const options = size.messages === undefined ? [] : ['--messages', String(size.messages)];
  if (!values.json) console.log(Object.values(machine).join(', '));
  for (const name of names) {
    const measured: Turns[] = [];
    for (const backend of backends) {
      measured.push(...(await runByTurns({ name, backend, options }, turns, values.against ?? null)));
    }
    if (!values.json) console.log(`\n${name}\n\n${tableOf(measured)}`);
    results.push(...measured);
  }
  if (values.json) console.log(JSON.stringify({ machine, results }, null, 2));
}

function printResult({ figures, marks }: BenchResult): void {
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(28)} ${value}`);
  for (const mark of marks) {
    const bound = mark.atLeast === undefined ? `at most ${mark.atMost}` : `at least ${mark.atLeast}`;
    console.log(`  ${holds(mark) ? 'holds' : 'FAILS'}: ${mark.name} ${bound}`);
  }
}
