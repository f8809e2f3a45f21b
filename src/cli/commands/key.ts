import { Command, Option } from 'commander';
import { z } from 'zod';
import { text } from '../../http/fields.ts';
import { keyFields } from '../../api/key-schemas.ts';
import { commandLine } from '../../domain/actor.ts';
import { oneLine } from '../../domain/printable.ts';
import { createKeyAs, revokeKeyAs } from '../../operations/key-changes.ts';
import { listKeys, type ApiKey, type ApiKeyInput } from '../../program/api-keys.ts';
import type { KeyAccess } from '../../domain/key-scopes.ts';
import type { KeyMode } from '../../program/principals.ts';
import { formatTable } from '../table.ts';
import { readAllPages } from './all-pages.ts';
import { withHub } from '../hub/access.ts';
import { validateOptions } from './options.ts';
import { readSecret, secretFileHint } from './secret-options.ts';
import { chooseProgram, programOption } from './program-option.ts';
import { print, printError } from '../terminal.ts';

interface KeyOptions {
  program?: string;
  name?: string;
  mode?: KeyMode;
  access?: KeyAccess;
  scopes?: string[];
  expiresAt?: string;
  allowedCidrs?: string[];
  import?: string;
  importFile?: string;
  json?: true;
}

/** `tributary key`: API keys, also those that clients of another system hold already. */
export function keyCommand(): Command {
  return new Command('key')
    .description('create, list and revoke API keys')
    .addCommand(createCommand())
    .addCommand(
      new Command('list')
        .description('list the keys of a program, newest first')
        .option(...programOption)
        .option('--json', 'print JSON')
        .action(list),
    )
    .addCommand(
      new Command('revoke')
        .description('end keys: they stop working everywhere within 5 seconds')
        .argument('<keys...>', 'ids of keys')
        .option(...programOption)
        .option('--json', 'print JSON')
        .action(revoke),
    );
}

function createCommand(): Command {
  return new Command('create')
    .description('create an API key of a program; the key is shown this once')
    .option(...programOption)
    .option('--name <name>', 'what it is for')
    .addOption(new Option('--mode <mode>', 'live or test data').choices(['live', 'test']))
    .addOption(new Option('--access <access>', 'what it may do').choices(['read', 'write', 'ingest']))
    .option('--scopes <scope...>', 'instead of --access, one by one: affiliates:read commissions:write …')
    .option('--expires-at <time>', 'it works until then (ISO 8601)')
    .option('--allowed-cidrs <cidr...>', 'it works from these networks only')
    .option(
      '--import <key>',
      'take over the value of a key made elsewhere, so that its clients go on working (by default it is named ' +
        "'imported', may write, and is live unless it says 'test' itself)",
    )
    .option('--import-file <path>', `the same, ${secretFileHint}`)
    .option('--json', 'print JSON')
    .action(create);
}

const { access, scopes, expiresAt, allowedCidrs } = keyFields;
const common = { name: text(), mode: z.enum(['live', 'test']), expiresAt, allowedCidrs };
const keyByAccess = z.strictObject({ ...common, access: access.unwrap() });
const keyByScopes = z.strictObject({ ...common, scopes: scopes.unwrap() });

/** `sk_test_…`, `rgk_test_…`: systems that tell their keys apart do it by this word. */
const saysTest = /(?:^|_)test_/;

async function create({ program, import: given, importFile, json, ...said }: KeyOptions): Promise<void> {
  const importedKey = readSecret('--import', given, importFile)?.trim();
  const usual =
    importedKey === undefined
      ? {}
      : {
          name: 'imported',
          mode: saysTest.test(importedKey) ? 'test' : 'live',
          ...(said.scopes ? {} : { access: 'write' }),
        };
  const schema: z.ZodType<Omit<ApiKeyInput, 'importedKey'>> = said.scopes ? keyByScopes : keyByAccess;
  const input = validateOptions(schema, { ...usual, ...said });
  const { apiKey, plaintext } = await withHub(async ({ db }) =>
    createKeyAs(db, commandLine, await chooseProgram(db, program), { ...input, importedKey }),
  );
  if (json) {
    print(JSON.stringify({ ...apiKey, key: plaintext }));
    return;
  }
  print(plaintext);
  const may = describeAccess(apiKey);
  // The key alone goes to stdout, so that `KEY=$(tributary key create …)` works.
  printError(
    importedKey === undefined
      ? `The ${apiKey.mode} key '${apiKey.name}' (${may}) of ${apiKey.programId}. It is not shown again.`
      : `Imported as the ${apiKey.mode} key '${apiKey.name}' (${may}) of ${apiKey.programId}.`,
  );
}

function describeAccess({ access, scopes }: ApiKey): string {
  return access ?? scopes.join(' ');
}

async function list({ program, json }: { program?: string; json?: true }): Promise<void> {
  const keys = await withHub(async ({ db }) => {
    const programId = await chooseProgram(db, program);
    return await readAllPages((page) => listKeys(db, programId, page));
  });
  if (json) print(JSON.stringify(keys));
  else if (keys.length === 0) print('No keys. Make one: tributary key create --name NAME --mode live --access write');
  else print(formatTable(columns, keys.map(toRow)));
}

const columns = ['ID', 'Name', 'Mode', 'May', 'Begins', 'Until', 'Last used'].map((title) => ({ title }));

function toRow(key: ApiKey): string[] {
  const { id, name, mode, display, expiresAt, lastUsedAt } = key;
  return [id, name, mode, describeAccess(key), `${display}…`, minuteOf(expiresAt), minuteOf(lastUsedAt)];
}

function minuteOf(time: Date | null): string {
  return time === null ? '' : time.toISOString().slice(0, 16).replace('T', ' ');
}

async function revoke(ids: string[], { program, json }: { program?: string; json?: true }): Promise<void> {
  const revoked = await withHub(async ({ db }) => {
    const programId = await chooseProgram(db, program);
    const done: string[] = [];
    for (const id of ids) {
      if (await revokeKeyAs(db, commandLine, programId, id)) done.push(id);
      else throw new Error(`The program has no key ${oneLine(id)} that works (${done.length} before it revoked)`);
    }
    return done;
  });
  if (json) print(JSON.stringify({ revoked }));
  else print(`Revoked ${revoked.join(', ')}.`);
}
