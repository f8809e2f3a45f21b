import { Command, Option } from 'commander';
import { z } from 'zod';
import { text } from '../api/fields.ts';
import { createKey, type KeyAccess, type KeyMode } from '../program/api-keys.ts';
import { withHub } from './hub-access.ts';
import { validateOptions } from './options.ts';

interface KeyOptions {
  program: string;
  name: string;
  mode: KeyMode;
  access: KeyAccess;
  import?: string;
  json?: true;
}

/** `tributary key`: API keys, also those that clients of another system hold already. */
export function keyCommand(): Command {
  return new Command('key').description('create API keys').addCommand(
    new Command('create')
      .description('create an API key of a program; the key is shown this once')
      .requiredOption('--program <id>', 'the program it belongs to')
      .requiredOption('--name <name>', 'what it is for')
      .addOption(new Option('--mode <mode>', 'live or test data').choices(['live', 'test']).makeOptionMandatory())
      .addOption(new Option('--access <access>', 'what it may do').choices(['read', 'write']).makeOptionMandatory())
      .option('--import <key>', 'take over the value of a key made elsewhere, so that its clients go on working')
      .option('--json', 'print JSON')
      .action(create),
  );
}

const keyInput = z.strictObject({ name: text() });

async function create(options: KeyOptions): Promise<void> {
  const { name } = validateOptions(keyInput, { name: options.name });
  const { apiKey, plaintext } = await withHub(({ db }) =>
    createKey(db, options.program, {
      name,
      mode: options.mode,
      access: options.access,
      importedKey: options.import,
    }),
  );
  if (options.json) {
    console.log(JSON.stringify({ ...apiKey, key: plaintext }));
    return;
  }
  console.log(plaintext);
  // The key alone goes to stdout, so that `KEY=$(tributary key create …)` works.
  console.error(
    options.import === undefined
      ? `The ${apiKey.mode} key '${apiKey.name}' (${apiKey.access}) of ${apiKey.programId}. It is not shown again.`
      : `Imported as the ${apiKey.mode} key '${apiKey.name}' (${apiKey.access}) of ${apiKey.programId}.`,
  );
}
