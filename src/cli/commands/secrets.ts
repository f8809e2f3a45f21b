import { Command } from 'commander';
import { resealSecrets } from '../../db/sealed-columns.ts';
import { withHub } from '../hub/access.ts';
import { print } from '../terminal.ts';

/** `tributary secrets`: the encryption of what the hub keeps secret. */
export function secretsCommand(): Command {
  return new Command('secrets')
    .description('care for encrypted secrets')
    .addCommand(
      new Command('rotate')
        .description('seal all stored secrets with ENCRYPTION_KEY, so that ENCRYPTION_KEY_PREVIOUS can go')
        .action(rotate),
    );
}

async function rotate(): Promise<void> {
  const count = await withHub(({ db, secrets }) => resealSecrets(db, secrets));
  print(`Sealed ${count} secrets with the current key. ENCRYPTION_KEY_PREVIOUS is no longer needed.`);
}
