import { parseArgs } from 'node:util';
import { runAttacksBench } from './attacks.ts';
import { runDeliveryBench } from './delivery.ts';
import { runDialectsBench } from './dialects.ts';
import { runEverydayBench } from './everyday.ts';
import { runGrowthBench } from './growth.ts';
import { runIngestBench } from './ingest.ts';
import { runListsBench } from './lists.ts';
import { runPipelineBench } from './pipeline.ts';
import { runScaleBench } from './scale.ts';
import { holds, type BenchOptions, type BenchResult } from './result.ts';

/**
 * `npm run bench -- [name…] [--backend postgres|redis|both] [--json]`; growth takes `--orders`, scale that and `--seconds` and
 * `--rate`. Exits 1 when a mark does not hold. Everything runs
 * on loopback against servers of its own, for a bounded time.
 */
const benches: Record<string, (backend: 'postgres' | 'redis', options: BenchOptions) => Promise<BenchResult>> = {
  ingest: runIngestBench,
  pipeline: runPipelineBench,
  delivery: runDeliveryBench,
  everyday: runEverydayBench,
  dialects: runDialectsBench,
  lists: runListsBench,
  growth: runGrowthBench,
  attacks: runAttacksBench,
  scale: runScaleBench,
};

/** It takes longer, and brings a Redis Cluster of its own whatever the backend. */
const onlyByName = new Set(['scale']);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    backend: { type: 'string', default: 'postgres' },
    orders: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
  },
});
const options: BenchOptions = {
  orders: readNumber('orders'),
  seconds: readNumber('seconds'),
  rate: readNumber('rate'),
};
const names = positionals.length > 0 ? positionals : Object.keys(benches).filter((name) => !onlyByName.has(name));
const backends =
  values.backend === 'both' ? (['postgres', 'redis'] as const) : [values.backend as 'postgres' | 'redis'];
const results: BenchResult[] = [];
for (const name of names) {
  const run = benches[name];
  if (!run) throw new Error(`There is no benchmark '${name}'. There are: ${Object.keys(benches).join(', ')}`);
  for (const backend of onlyByName.has(name) ? (['redis'] as const) : backends) {
    if (!values.json) console.log(`${name} on ${backend} …`);
    const result = await run(backend, options);
    results.push(result);
    if (!values.json) printResult(result);
  }
}
if (values.json) console.log(JSON.stringify(results, null, 2));
process.exitCode = results.every(({ marks }) => marks.every(holds)) ? 0 : 1;

function readNumber(name: 'orders' | 'seconds' | 'rate'): number | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(given)) throw new Error(`--${name} must be a whole number above 0`);
  return Number(given);
}

function printResult({ figures, marks }: BenchResult): void {
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(28)} ${value}`);
  for (const mark of marks) {
    const bound = mark.atLeast === undefined ? `at most ${mark.atMost}` : `at least ${mark.atLeast}`;
    console.log(`  ${holds(mark) ? 'holds' : 'FAILS'}: ${mark.name} ${bound}`);
  }
}
