import { Command, Option } from 'commander';
import { z } from 'zod';
import { text } from '../../http/fields.ts';
import { createKey, type KeyAccess, type KeyMode } from '../../program/api-keys.ts';
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
  import?: string;
  importFile?: string;
  json?: true;
}

/** `tributary key`: API keys, also those that clients of another system hold already. */
export function keyCommand(): Command {
  return new Command('key').description('create API keys').addCommand(
    new Command('create')
      .description('create an API key of a program; the key is shown this once')
      .option(...programOption)
      .option('--name <name>', 'what it is for')
      .addOption(new Option('--mode <mode>', 'live or test data').choices(['live', 'test']))
      .addOption(new Option('--access <access>', 'what it may do').choices(['read', 'write', 'ingest']))
      .option(
        '--import <key>',
        'take over the value of a key made elsewhere, so that its clients go on working (by default it is named ' +
          "'imported', may write, and is live unless it says 'test' itself)",
      )
      .option('--import-file <path>', `the same, ${secretFileHint}`)
      .option('--json', 'print JSON')
      .action(create),
  );
}

const keyInput = z.strictObject({
  name: text(),
  mode: z.enum(['live', 'test']),
  access: z.enum(['read', 'write', 'ingest']),
});

/** `sk_test_…`, `rgk_test_…`: systems that tell their keys apart do it by this word. */
const saysTest = /(?:^|_)test_/;

async function create({ program, import: given, importFile, json, ...said }: KeyOptions): Promise<void> {
  const importedKey = readSecret('--import', given, importFile)?.trim();
  const usual =
    importedKey === undefined
      ? {}
      : { name: 'imported', mode: saysTest.test(importedKey) ? 'test' : 'live', access: 'write' };
  const input = validateOptions(keyInput, { ...usual, ...said });
  const { apiKey, plaintext } = await withHub(async ({ db }) =>
    createKey(db, await chooseProgram(db, program), { ...input, importedKey }),
  );
  if (json) {
    print(JSON.stringify({ ...apiKey, key: plaintext }));
    return;
  }
  print(plaintext);
  // The key alone goes to stdout, so that `KEY=$(tributary key create …)` works.
  printError(
    importedKey === undefined
      ? `The ${apiKey.mode} key '${apiKey.name}' (${apiKey.access}) of ${apiKey.programId}. It is not shown again.`
      : `Imported as the ${apiKey.mode} key '${apiKey.name}' (${apiKey.access}) of ${apiKey.programId}.`,
  );
}
