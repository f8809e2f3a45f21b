import { Command } from 'commander';
import { oneLine } from '../../domain/printable.ts';
import { resealSecrets } from '../../db/sealed-columns.ts';
import { forgetLostSecrets, type ForgottenSecret } from '../../operations/forget-secrets.ts';
import { withHub } from '../hub/access.ts';
import { formatCount } from '../progress.ts';
import { print } from '../terminal.ts';

/** `tributary secrets`: the encryption of what the hub keeps secret. */
export function secretsCommand(): Command {
  return new Command('secrets')
    .description('care for encrypted secrets')
    .addCommand(
      new Command('rotate')
        .description('seal all stored secrets with ENCRYPTION_KEY, so that ENCRYPTION_KEY_PREVIOUS can go')
        .action(rotate),
    )
    .addCommand(
      new Command('forget')
        .description('where the ENCRYPTION_KEY of stored secrets is lost: name who needs new ones, and replace them')
        .option('--yes', 'replace them; without it they are only named')
        .option('--json', 'print JSON')
        .action(forget),
    );
}

async function rotate(): Promise<void> {
  const { count, hadPrevious } = await withHub(async ({ config, db, secrets }) => ({
    count: await resealSecrets(db, secrets),
    hadPrevious: config.encryptionKeys.length > 1,
  }));
  const previous = hadPrevious
    ? 'ENCRYPTION_KEY_PREVIOUS is no longer needed.'
    : 'ENCRYPTION_KEY_PREVIOUS is not set, so they had that key before, too: to change it, set the new key as ENCRYPTION_KEY ' +
      'and the old one as ENCRYPTION_KEY_PREVIOUS first.';
  print(`Sealed ${formatCount(count, 'secret', 'secrets')} with the current key. ${previous}`);
}

async function forget({ yes, json }: { yes?: true; json?: true }): Promise<void> {
  const forgotten = await withHub(({ db, secrets }) => forgetLostSecrets(db, secrets, { dryRun: !yes }), process.env, {
    keyIsLost: true,
  });
  if (json) print(JSON.stringify({ changed: yes === true, secrets: forgotten }));
  else print([...describe(forgotten, yes === true)].join('\n'));
}

function* describe(forgotten: readonly ForgottenSecret[], changed: boolean): Generator<string> {
  if (forgotten.length === 0) {
    yield 'ENCRYPTION_KEY opens every secret: there is nothing to forget.';
    return;
  }
  const count = formatCount(forgotten.length, 'secret', 'secrets');
  yield changed
    ? `Replaced ${count} that ENCRYPTION_KEY does not open. Give each a new one, by a live key that may write:`
    : `ENCRYPTION_KEY does not open ${count}. With --yes they would be replaced, and each would need a new one:`;
  for (const { of, id, programId, name, what, next } of forgotten) {
    yield oneLine(`  ${what} of the ${of} ${name ?? id} (program ${programId})`);
    yield `    ${next}`;
  }
  if (!changed)
    yield 'Nothing was changed. If the key is only mislaid, set it instead: what is replaced cannot be brought back.';
}
