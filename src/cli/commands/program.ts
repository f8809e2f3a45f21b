import { Command } from 'commander';
import { z } from 'zod';
import { currency, text, timezone } from '../../http/fields.ts';
import { commandLine } from '../../domain/actor.ts';
import { createProgramAs } from '../../operations/program-changes.ts';
import { listPrograms, type Program } from '../../program/programs.ts';
import { withHub } from '../hub/access.ts';
import { readAllPages } from './all-pages.ts';
import { validateOptions } from './options.ts';
import { formatTable } from '../table.ts';
import { print } from '../terminal.ts';

/** `tributary program`: tenants. */
export function programCommand(): Command {
  return new Command('program')
    .description('create and list programs')
    .addCommand(
      new Command('create')
        .description('create a program')
        .requiredOption('--name <name>', 'what people call it')
        .option('--currency <code>', 'ISO 4217, of offers that name none', 'USD')
        .option('--timezone <zone>', 'IANA, for day boundaries', 'UTC')
        .option('--auto-approve', 'approve commissions by themselves')
        .option('--json', 'print JSON')
        .action(create),
    )
    .addCommand(
      new Command('list').description('list programs, newest first').option('--json', 'print JSON').action(list),
    );
}

const programInput = z.strictObject({
  name: text(),
  currency,
  timezone,
  autoApprove: z.boolean().default(false),
});

async function create({ json, ...given }: z.input<typeof programInput> & { json?: true }): Promise<void> {
  const input = validateOptions(programInput, given);
  const program = await withHub(({ db }) => createProgramAs(db, commandLine, input));
  if (json) {
    print(JSON.stringify(program));
    return;
  }
  print(`Program ${program.id} (${program.name}) created.`);
  print(`Next, a key: tributary key create --program ${program.id} --name backend --mode live --access write`);
}

async function list({ json }: { json?: true }): Promise<void> {
  const programs = await withHub(({ db }) => readAllPages((page) => listPrograms(db, page)));
  if (json) {
    print(JSON.stringify(programs));
    return;
  }
  if (programs.length === 0) print('No programs yet. Make one: tributary program create --name NAME');
  else print(formatTable(columns, programs.map(toRow)));
}

const columns = ['ID', 'Name', 'Currency', 'Time zone', 'Created'].map((title) => ({ title }));

function toRow(program: Program): string[] {
  return [
    program.id,
    program.name,
    program.currency,
    program.timezone,
    program.createdAt.toISOString().slice(0, 16).replace('T', ' '),
  ];
}
