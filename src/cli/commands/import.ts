import { Command, Option } from 'commander';
import { pino } from 'pino';
import { affilutFormat } from '../../dialects/affilut/import.ts';
import { affitorFormat } from '../../dialects/affitor/import.ts';
import { affspaceFormat } from '../../dialects/affspace/import.ts';
import { attroFormat } from '../../dialects/attro/import.ts';
import { refgrowFormat } from '../../dialects/refgrow/import.ts';
import { commandLine } from '../../domain/actor.ts';
import { systemClock } from '../../domain/clock.ts';
import { csvFormat } from '../../import/csv-format.ts';
import { importFiles, type ImportReport, type Progress } from '../../import/import.ts';
import { importAdjustments } from '../../import/adjustment-rows.ts';
import { importConversions } from '../../import/conversion-rows.ts';
import type { ImportFormat } from '../../import/records.ts';
import { createLogger } from '../../process/logging.ts';
import { withHub } from '../hub/access.ts';
import { describeProblems, describeRows, flatten } from './import-problems.ts';
import { importRowsCommand } from './import-rows.ts';
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
  from?: keyof typeof formats;
  program?: string;
  dryRun?: true;
  json?: true;
}

/** `tributary import`: what another system lists, so that links and renewals go on working from the first day. */
export function importCommand(): Command {
  return (
    new Command('import')
      .description('bring affiliates, codes, links, clicks, customers and order ids of another system into a program')
      .enablePositionalOptions()
      .argument('<files...>', 'answers of its list endpoints (JSON, JSON Lines), or CSV')
      // Required by itself: a mandatory option would be asked of `conversions` and `adjustments`, too.
      .addOption(new Option('--from <system>', 'where the files come from (required)').choices(Object.keys(formats)))
      .option(...programOption)
      .option('--dry-run', 'look at everything, and write nothing')
      .option('--json', 'print JSON')
      .action(run)
      .addCommand(importRowsCommand('conversions', importConversions))
      .addCommand(importRowsCommand('adjustments', importAdjustments))
  );
}

async function run(paths: string[], { from, program, dryRun, json }: ImportOptions): Promise<void> {
  if (from === undefined) throw new Error(`--from is required: one of ${Object.keys(formats).join(', ')}`);
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
