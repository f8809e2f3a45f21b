import type { ChaosReport } from './chaos.ts';
import type { Episode } from './episode.ts';

/** The report as Markdown, for people and for `src/docs/chaos.md`. */
export function describeReport(report: ChaosReport): string {
  const { audit, episodes, problems, skipped } = report;
  const byFault = [...Map.groupBy(episodes, ({ fault }) => fault)].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    '',
    `Seed ${report.seed}, ${report.seconds} s, ${episodes.length} faults. Clocks: ${report.clocks}. The database ${
      report.diskOfItsOwn ? 'has a disk of its own' : 'shares the disk of the machine: mounting is refused'
    }.`,
    '',
    '| fault | played | recovered after, s | without any 2xx, s | requests not 2xx | noticed by /readyz after, s | /readyz ok after, s |',
    '|---|---|---|---|---|---|---|',
    ...byFault.map(([fault, of]) => rowOf(fault, of)),
    '',
    ...Object.entries(audit.counts).map(([name, count]) => `${name.padEnd(24)} ${count}`),
    ...(skipped.length > 0 ? ['', 'Not played here:', ...skipped.map((each) => `  ${each}`)] : []),
    '',
    ...(problems.length > 0
      ? [`WRONG: ${problems.length}`, ...problems.map((each) => `  ${each}`), `Logs: ${report.logs}`]
      : ['Nothing lost, nothing doubled, nothing stuck.']),
  ].join('\n');
}

/** Of several the worst. */
function rowOf(fault: string, of: readonly Episode[]): string {
  const worst = (values: (number | null)[]): string =>
    values.includes(null) ? 'never' : String(Math.max(...(values as number[])));
  const noticed = of.map(({ noticedS }) => noticedS).filter((each) => each !== null);
  return `| ${[
    fault,
    of.length,
    worst(of.map(({ recoveredS }) => recoveredS)),
    worst(of.map(({ withoutServiceS }) => withoutServiceS)),
    of.reduce((sum, { failedRequests }) => sum + failedRequests, 0),
    noticed.length > 0 ? Math.max(...noticed) : '',
    worst(of.map(({ readyS }) => readyS)),
  ].join(' | ')} |`;
}
