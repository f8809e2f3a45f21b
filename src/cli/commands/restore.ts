import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { Command } from 'commander';
import { verifyLedger } from '../../audit/verify-ledger.ts';
import {
  analyzeRestored,
  readHead,
  restoreBackup,
  type ArchiveHead,
  type RestoreProgress,
} from '../../db/backup/restore.ts';
import type { Trx } from '../../db/db.ts';
import { opensSecrets } from '../../db/sealed-columns.ts';
import { createSecretBox } from '../../db/secret-box.ts';
import { parseKey } from '../../process/environment-values.ts';
import type { Config } from '../../process/config.ts';
import { withDatabase } from '../hub/access.ts';
import { migrateHub } from '../hub/migrate-hub.ts';
import { writeSecretsFile } from '../hub/secrets-file.ts';
import { formatBytes, formatCount, lineEveryTwoSeconds } from '../progress.ts';
import { print } from '../terminal.ts';
import { describeDifferences, describeEqual, showProgress, toJson } from './verify.ts';

interface RestoreOptions {
  otherKey?: true;
  json?: true;
}

/** `tributary restore FILE`: a backup into an empty database, and the proof that it is whole. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('load a backup into an empty database, bring it up to date, and prove its ledger')
    .argument('<file>', 'what `tributary backup` wrote')
    .option('--other-key', 'also where ENCRYPTION_KEY does not open the secrets; run `tributary secrets forget` then')
    .option('--json', 'print JSON')
    .action(restore);
}

async function restore(path: string, { otherKey, json }: RestoreOptions): Promise<void> {
  const file = resolve(path);
  await readHead(file); // Before a server is started for it.
  await withDatabase(async ({ db, config, secretsFile }) => {
    const restored = await restoreBackup(db, {
      databaseUrl: config.databaseUrl,
      file,
      ...(json ? {} : { onProgress: lineEveryTwoSeconds(describeProgress) }),
      async beforeCommit(trx, head) {
        if (!otherKey) await checkKey(trx, keysFor(config, head, secretsFile), file);
        // The hub is empty until the commit: a key that fits what will be in it does no harm before.
        if (secretsFile && head.secrets !== null) await writeSecretsFile(secretsFile, head.secrets);
      },
    });
    await analyzeRestored(db);
    const applied = await migrateHub({ ...config, encryptionKeys: keysFor(config, restored, secretsFile) });
    const findings = await verifyLedger(db, json ? {} : { onProgress: showProgress() });
    const equal = findings.total === 0;
    const rows = restored.contents.tables.reduce((sum, table) => sum + table.rows, 0);
    if (json) {
      const counts = Object.fromEntries(restored.contents.tables.map((table) => [table.name, table.rows]));
      const { version, createdAt } = restored.manifest;
      const { total, differences } = findings;
      const { leftOut } = restored;
      print(
        toJson({
          file,
          version,
          createdAt,
          rows,
          tables: counts,
          leftOut,
          migrated: applied,
          equal,
          total,
          differences,
        }),
      );
    } else {
      print(`Restored ${formatCount(rows, 'row', 'rows')} of ${restored.manifest.createdAt}`);
      for (const table of restored.leftOut) print(`  left out the table ${table}: it is none of the hub's`);
      if (applied.length > 0) print(`Migrated: ${applied.join(', ')}`);
      if (restored.secrets !== null) print(describeSecrets(secretsFile, file));
      print(equal ? describeEqual(findings) : describeDifferences(findings));
    }
    if (!equal) process.exitCode = 1;
  });
}

/** The key that the hub will have: of the environment, else of the backup, else of secrets.env. */
function keysFor(config: Config, { secrets }: ArchiveHead, secretsFile: string | null): Config['encryptionKeys'] {
  const kept =
    secretsFile && secrets !== null && !process.env.ENCRYPTION_KEY?.trim()
      ? parseEnv(secrets).ENCRYPTION_KEY
      : undefined;
  return kept === undefined ? config.encryptionKeys : [parseKey(kept)];
}

async function checkKey(trx: Trx, [key, ...previousKeys]: Config['encryptionKeys'], file: string): Promise<void> {
  if (await opensSecrets(trx, createSecretBox({ key, previousKeys }))) return;
  throw new Error(
    `The secrets in ${file} were sealed with another key. Set the ENCRYPTION_KEY of then (in the embedded default: put the ` +
      'secrets.env of then into DATA_DIR), and restore again. Nothing was changed. Where that key is lost: restore with ' +
      '--other-key, then run tributary secrets forget',
  );
}

function describeSecrets(secretsFile: string | null, file: string): string {
  return secretsFile
    ? `ADMIN_TOKEN and ENCRYPTION_KEY of the backup are in ${secretsFile} now`
    : `The backup has an ADMIN_TOKEN and an ENCRYPTION_KEY, too; those of the environment are used (tar -xzOf ${file} secrets.env shows them)`;
}

function describeProgress({ rows, bytes, checking }: RestoreProgress): string {
  return `${formatCount(rows, 'row', 'rows')}, ${formatBytes(bytes)}${checking ? '; checking keys' : ''}`;
}
