import { Command } from 'commander';
import { replaceAdminToken } from '../hub/secrets-file.ts';
import { readSettings } from '../hub/environment.ts';
import { print, printError } from '../terminal.ts';

/** `tributary admin-token`: the token that makes programs and keys. */
export function adminTokenCommand(): Command {
  return new Command('admin-token')
    .description('care for the admin token')
    .addCommand(
      new Command('rotate')
        .description('make a new admin token in place of one that is lost or known to others, and show it')
        .option('--json', 'print JSON')
        .action(rotate),
    );
}

async function rotate({ json }: { json?: true }): Promise<void> {
  const { DATABASE_URL, ADMIN_TOKEN } = process.env;
  if (DATABASE_URL?.trim() || ADMIN_TOKEN?.trim()) {
    throw new Error(
      'The admin token is what the environment says: set ADMIN_TOKEN to another text of at least 16 characters, for every ' +
        'process of the hub, and start them again. To make one: openssl rand -base64 24',
    );
  }
  const { file, token } = await replaceAdminToken(readSettings(process.env).dataDir);
  if (json) print(JSON.stringify({ adminToken: token, file }));
  else {
    print(token);
    printError(`It is kept in ${file}. A hub that runs takes it at its next start, and the one before until then.`);
  }
}
