import { Command } from 'commander';
import { createSignInLink, LINK_WORKS_MS } from '../../program/sign-in-links.ts';
import { print, printError } from '../terminal.ts';
import { withHub, type HubAccess } from '../hub/access.ts';

/** `tributary console`: a link that signs the hub's owner in. */
export function consoleCommand(): Command {
  return new Command('console')
    .description('print a link that signs in to the console as the owner: it works once, and for 15 minutes')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: true }) => withHub((hub) => printLink(hub, json === true)));
}

async function printLink(hub: HubAccess, json: boolean): Promise<void> {
  const { url, expiresAt } = await makeConsoleLink(hub);
  print(json ? JSON.stringify({ url, expiresAt: expiresAt.toISOString() }) : url);
  if (!json) printError(`It works once, within ${LINK_WORKS_MS / 60_000} minutes, for whoever has it.`);
}

/** The token stands behind the `#`: browsers send it to no server, so no proxy writes it into a log. */
export async function makeConsoleLink({
  db,
  config,
}: Pick<HubAccess, 'db' | 'config'>): Promise<{ url: string; expiresAt: Date }> {
  const { token, expiresAt } = await createSignInLink(db, { opens: 'console' }, new Date());
  return { url: `${config.publicUrl}/console#sign-in=${token}`, expiresAt };
}
