import { Command, Option } from 'commander';
import { pino } from 'pino';
import { affilutFormat } from '../../dialects/affilut/import.ts';
import { affitorFormat } from '../../dialects/affitor/import.ts';
import { affspaceFormat } from '../../dialects/affspace/import.ts';
import { attroFormat } from '../../dialects/attro/import.ts';
import { refgrowFormat } from '../../dialects/refgrow/import.ts';
import { oneLine } from '../../domain/printable.ts';
import { commandLine } from '../../domain/actor.ts';
import { systemClock } from '../../domain/clock.ts';
import { csvFormat } from '../../import/csv-format.ts';
import { importFiles, type ImportReport, type Progress } from '../../import/import.ts';
import type { ImportFormat, Problem } from '../../import/records.ts';
import { createLogger } from '../../process/logging.ts';
import { withHub } from '../hub/access.ts';
import { chooseProgram, programOption } from './program-option.ts';
import { formatTable } from '../table.ts';
import { print, printError } from '../terminal.ts';

const formats = {
  attro: attroFormat,
  affilut: affilutFormat,
  affitor: affitorFormat,
  affspace: affspaceFormat,
  refgrow: refgrowFormat,
  csv: csvFormat,
} satisfies Record<string, ImportFormat>;

interface ImportOptions {
  from: keyof typeof formats;
  program?: string;
  dryRun?: true;
  json?: true;
}

/** `tributary import`: what another system lists, so that links and renewals go on working from the first day. */
export function importCommand(): Command {
  return new Command('import')
    .description('bring affiliates, codes, links, clicks, customers and order ids of another system into a program')
    .argument('<files...>', 'answers of its list endpoints (JSON, JSON Lines), or CSV')
    .addOption(
      new Option('--from <system>', 'where the files come from').choices(Object.keys(formats)).makeOptionMandatory(),
    )
    .option(...programOption)
    .option('--dry-run', 'look at everything, and write nothing')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(paths: string[], { from, program, dryRun, json }: ImportOptions): Promise<void> {
  const showProgress = ({ done, total }: Progress): void => {
    if (!json) printError(`… ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`);
  };
  const report = await withHub(async ({ config, db }) =>
    importFiles(
      {
        db,
        clock: systemClock,
        // Standard output is the report's.
        log: createLogger({ level: config.logLevel, role: 'cli' }, pino.destination(2)),
      },
      {
        from,
        format: formats[from],
        programId: await chooseProgram(db, program),
        paths,
        dryRun: dryRun === true,
        actor: commandLine,
      },
      showProgress,
    ),
  );
  if (report.problems.length > 0) process.exitCode = 1;
  if (json) {
    const [problems, notes] = [report.problems.map(flatten), report.notes.map(flatten)];
    print(JSON.stringify({ ...report, problems, notes }));
  } else if (report.problems.length > 0) printError(describeProblems(report.problems));
  else print(describeReport(report));
}

const PROBLEMS_SHOWN = 50;

function describeProblems(problems: readonly Problem[]): string {
  const mistakes = problems.length === 1 ? 'this' : `these ${problems.length.toLocaleString('en')}`;
  return [...describeRows(problems), `Nothing was imported. Mend ${mistakes} and run it again.`].join('\n');
}

/** `affiliates.csv:12 email must be an e-mail address`. */
function describeRows(problems: readonly Problem[]): string[] {
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ at, field, message }) => {
    return oneLine(`${at.file}:${at.row} ${field === null ? '' : `${field} `}${message}`);
  });
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `… and ${more.toLocaleString('en')} more (--json has all)`] : shown;
}

function describeReport({ counts, withoutId, dryRun, notes, switchedOn }: ImportReport): string {
  const names = Object.keys(counts) as (keyof ImportReport['counts'])[];
  const rows = names.map((name) => {
    const { added, there, repeated } = counts[name];
    return [plurals[name], ...[added, there, repeated].map((count) => count.toLocaleString('en'))];
  });
  const columns = [
    { title: '' },
    ...[dryRun ? 'To add' : 'Added', 'There already', 'Repeated'].map((title) => ({ title, align: 'right' as const })),
  ];
  const passedOver = `${withoutId.toLocaleString('en')} orders without an id were passed over: nothing could tell a repeat of them.`;
  return [
    formatTable(columns, rows),
    ...(withoutId > 0 ? [passedOver] : []),
    ...describeRows(notes),
    ...switchedOn.map((setting) => `${setting} ${dryRun ? 'will be' : 'is'} switched on: ${settings[setting]}`),
    ...(dryRun ? ['Nothing was written.'] : []),
  ].join('\n');
}

const settings = {
  browserLeads:
    'browsers may make leads without a key, as before the move. PATCH /api/v1/program {"browserLeads": false} ends that.',
};

const plurals = {
  offer: 'offers',
  affiliate: 'affiliates',
  link: 'links',
  click: 'clicks',
  customer: 'customers',
  order: 'orders',
} as const;

function flatten({ at, field, message }: Problem) {
  return { file: at.file, row: at.row, field, message };
}
