import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { describeReport } from './report.ts';

/**
 * `npm run chaos -- [--seed N] [--minutes M] [--faults a,b] [--rate N] [--sentinel] [--json]`: the hub as the Procfile runs it, under load and
 * under faults, then an audit of everything that was acknowledged. Exits 1 and keeps the logs where something was wrong.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    faults: { type: 'string' },
    rate: { type: 'string', default: '40' },
    sentinel: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const faults = values.faults?.split(',') ?? null;
const report = await runChaos({
  seed: readNumber('seed', values.seed ?? String(Date.now() % 1_000_000)),
  minutes: values.minutes === undefined ? (faults ? null : 5) : readNumber('minutes', values.minutes),
  faults,
  rate: readNumber('rate', values.rate),
  calmS: 2,
  sentinel: values.sentinel,
  clocks: faults === null || faults.includes('step-clock'),
  say: (line) => (values.json ? process.stderr.write(`${line}\n`) : console.log(line)),
});
console.log(values.json ? JSON.stringify(report, null, 2) : describeReport(report));
process.exitCode = report.problems.length > 0 ? 1 : 0;

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} must be a number above 0`);
  return number;
}
