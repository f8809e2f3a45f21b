import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { medianOf, round, type BenchResult } from './result.ts';

const here = fileURLToPath(new URL('../..', import.meta.url));

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** The figures of several turns of one benchmark. */
export interface Turns {
  name: string;
  backend: string;
  /** `this`, or the folder of the other checkout. */
  checkout: string;
  turns: number;
  figures: Record<string, Spread>;
}

/**
 * Runs a benchmark so many times, each in processes of its own, in this checkout and, by turns, in another one: what slows the
 * machine for a while meets both. A turn whose marks do not hold counts like the others.
 */
export async function runByTurns(
  run: { name: string; backend: string; options: readonly string[] },
  turns: number,
  against: string | null,
): Promise<Turns[]> {
  const checkouts = [
    { name: 'this', folder: here },
    ...(against === null ? [] : [{ name: against, folder: resolve(against) }]),
  ];
  const results = checkouts.map((): BenchResult[] => []);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [index, { folder }] of checkouts.entries()) results[index]?.push(await runOnce(folder, run));
  }
  return checkouts.map(({ name }, index) => ({
    name: run.name,
    backend: run.backend,
    checkout: name,
    turns,
    figures: spreadOf((results[index] ?? []).map(({ figures }) => figures)),
  }));
}

export function spreadOf(figures: readonly Record<string, number>[]): Record<string, Spread> {
  const names = new Set(figures.flatMap(Object.keys));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = figures.map((each) => each[name]).filter((value) => value !== undefined);
      return [name, { median: round(medianOf(values)), min: Math.min(...values), max: Math.max(...values) }];
    }),
  );
}

async function runOnce(
  folder: string,
  { name, backend, options }: { name: string; backend: string; options: readonly string[] },
): Promise<BenchResult> {
  const args = ['test/bench/main.ts', name, '--backend', backend, '--json', ...options];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  await once(child, 'close');
  // Before it others may have written, such as servers.
  const [result] = JSON.parse(output.slice(Math.max(0, output.search(/^\[/m)))) as BenchResult[];
  if (!result) throw new Error(`${name} on ${backend} gave no figures in ${folder}`);
  return result;
}

/** As a Markdown table, for `src/docs/benchmarks.md`. */
export function tableOf(results: readonly Turns[]): string {
  const heads = results.map(({ checkout, backend, turns }) => `${checkout}, ${backend} (${turns} turns)`);
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))];
  const cell = (spread: Spread | undefined): string => (spread ? `${spread.median} (${spread.min}–${spread.max})` : '');
  return [
    `| figure | ${heads.join(' | ')} |`,
    `|---|${heads.map(() => '---|').join('')}`,
    ...names.map((name) => `| ${name} | ${results.map(({ figures }) => cell(figures[name])).join(' | ')} |`),
  ].join('\n');
}
