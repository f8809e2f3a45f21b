import { parseArgs } from 'node:util';
import { runAttacksBench } from './attacks.ts';
import { runDeliveryBench } from './delivery.ts';
import { runDialectsBench } from './dialects.ts';
import { runEventCostBench } from './event-cost.ts';
import { runEverydayBench } from './everyday.ts';
import { runGrowthBench } from './growth.ts';
import { runIngestBench } from './ingest.ts';
import { runListsBench } from './lists.ts';
import { runPipelineBench } from './pipeline.ts';
import { holds, type BenchResult } from './result.ts';

/**
 * `npm run bench -- [name…] [--backend postgres|redis|both] [--json]`. Exits 1 when a mark does not hold. Everything runs
 * on loopback against servers of its own, for a bounded time.
 */
const benches: Record<string, (backend: 'postgres' | 'redis') => Promise<BenchResult>> = {
  ingest: runIngestBench,
  pipeline: runPipelineBench,
  delivery: runDeliveryBench,
  everyday: runEverydayBench,
  'event-cost': runEventCostBench,
  dialects: runDialectsBench,
  lists: runListsBench,
  growth: runGrowthBench,
  attacks: runAttacksBench,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, backend: { type: 'string', default: 'postgres' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const backends =
  values.backend === 'both' ? (['postgres', 'redis'] as const) : [values.backend as 'postgres' | 'redis'];
const results: BenchResult[] = [];
for (const name of names) {
  const run = benches[name];
  if (!run) throw new Error(`There is no benchmark '${name}'. There are: ${Object.keys(benches).join(', ')}`);
  for (const backend of backends) {
    if (!values.json) console.log(`${name} on ${backend} …`);
    const result = await run(backend);
    results.push(result);
    if (!values.json) printResult(result);
  }
}
if (values.json) console.log(JSON.stringify(results, null, 2));
process.exitCode = results.every(({ marks }) => marks.every(holds)) ? 0 : 1;

function printResult({ figures, marks }: BenchResult): void {
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(48)} ${value}`);
  for (const mark of marks) {
    const bound = mark.atLeast === undefined ? `at most ${mark.atMost}` : `at least ${mark.atLeast}`;
    console.log(`  ${holds(mark) ? 'holds' : 'FAILS'}: ${mark.name} ${bound}`);
  }
}
