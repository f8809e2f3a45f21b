import { Command } from 'commander';
import { pino } from 'pino';
import { systemClock } from '../../domain/clock.ts';
import type { Progress } from '../../import/import.ts';
import type { RowImportReport, RowImportRequest } from '../../import/row-import.ts';
import type { SettleDeps } from '../../pipeline/settle-safely.ts';
import { createLogger } from '../../process/logging.ts';
import { withHub } from '../hub/access.ts';
import { print, printError } from '../terminal.ts';
import { describeProblems, describeRows, flatten } from './import-problems.ts';
import { chooseProgram, programOption } from './program-option.ts';

interface RowOptions {
  program?: string;
  test?: true;
  dryRun?: true;
  json?: true;
}

type ImportRows = (
  deps: SettleDeps,
  request: RowImportRequest,
  onProgress: (progress: Progress) => void,
) => Promise<RowImportReport>;

const descriptions = {
  conversions:
    'report a conversion for each row of CSV files: columns as the fields of POST /conversions, order_id in each row',
  adjustments:
    'add to balances, or take from them, by rows of CSV files: affiliate, amount, currency, reason, reference, occurred_at',
};

/** `tributary import conversions`, `tributary import adjustments`: rows that become what calls of the API would. */
export function importRowsCommand(what: keyof typeof descriptions, importRows: ImportRows): Command {
  return new Command(what)
    .description(descriptions[what])
    .argument('<files...>', 'CSV, separated by commas, semicolons or tabs')
    .option(...programOption)
    .option('--test', 'as test rows, which are never paid')
    .option('--dry-run', 'look at everything, and write nothing')
    .option('--json', 'print JSON')
    .action((paths: string[], options: RowOptions) => run(what, importRows, paths, options));
}

async function run(
  what: keyof typeof descriptions,
  importRows: ImportRows,
  paths: string[],
  { program, test, dryRun, json }: RowOptions,
): Promise<void> {
  const showProgress = ({ done, total }: Progress): void => {
    if (!json) printError(`… ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
  };
  const report = await withHub(async ({ config, db }) =>
    importRows(
      {
        db,
        clock: systemClock,
        // Standard output is the report's.
        log: createLogger({ level: config.logLevel, role: 'cli' }, pino.destination(2)),
      },
      { programId: await chooseProgram(db, program), livemode: !test, paths, dryRun: dryRun === true },
      showProgress,
    ),
  );
  const { problems, notes, refused } = report;
  if (problems.length > 0 || refused.length > 0) process.exitCode = 1;
  if (json) {
    const flat = { problems: problems.map(flatten), notes: notes.map(flatten), refused: refused.map(flatten) };
    print(JSON.stringify({ ...report, ...flat }));
  } else if (problems.length > 0) printError(describeProblems(problems));
  else print(describe(what, report));
}

function describe(what: string, { rows, sent, there, repeated, outcomes, notes, refused, dryRun }: RowImportReport) {
  const count = (number: number): string => number.toLocaleString('en');
  const became = Object.entries(outcomes).map(
    ([outcome, number]) => `${count(number)} ${outcome.replaceAll('_', ' ')}`,
  );
  const again = repeated > 0 ? `, ${count(repeated)} repeated` : '';
  return [
    `${count(rows)} ${what}: ${count(sent)} ${dryRun ? 'to send' : 'sent'}, ${count(there)} there already${again}`,
    ...(became.length > 0 ? [`became: ${became.join(', ')}`] : []),
    ...(refused.length > 0 ? [`refused (${count(refused.length)}):`, ...describeRows(refused)] : []),
    ...describeRows(notes),
    ...(dryRun ? ['Nothing was written.'] : []),
  ].join('\n');
}
