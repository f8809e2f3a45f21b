import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { writeBackup, type BackupProgress } from '../../db/backup/backup.ts';
import { holdsSecrets } from '../../db/sealed-columns.ts';
import { withDatabase } from '../hub/access.ts';
import { formatBytes, formatCount, lineEveryTwoSeconds } from '../progress.ts';
import { print } from '../terminal.ts';

interface BackupOptions {
  force?: true;
  includeSecrets?: true;
  json?: true;
}

/** `tributary backup FILE`: all that the database holds at one moment, in one file. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('write all that the database holds at this moment into one file, while the hub runs')
    .argument('<file>', 'such as hub.tar.gz; only its owner can read it')
    .option('--force', 'replace the file where it exists')
    .option('--include-secrets', 'with the secrets.env of the embedded default: who has the file has everything then')
    .option('--json', 'print JSON')
    .action(backup);
}

async function backup(path: string, { force, includeSecrets, json }: BackupOptions): Promise<void> {
  const file = resolve(path);
  await withDatabase(async ({ db, secretsFile }) => {
    if (includeSecrets && !secretsFile) {
      throw new Error(
        '--include-secrets is of the embedded default. Here ADMIN_TOKEN and ENCRYPTION_KEY are set in the environment: keep them there, and apart from the backup',
      );
    }
    const secrets = includeSecrets && secretsFile ? await readFile(secretsFile, 'utf8') : null;
    const { manifest, contents } = await writeBackup(db, {
      file,
      force: force === true,
      secrets,
      now: new Date(),
      ...(json ? {} : { onProgress: lineEveryTwoSeconds(describeProgress) }),
    });
    const { size } = await stat(file);
    const rows = contents.tables.reduce((sum, table) => sum + table.rows, 0);
    const needsKey = await holdsSecrets(db);
    if (json) {
      const { tables: _listedAgain, ...head } = manifest;
      const counts = Object.fromEntries(contents.tables.map((table) => [table.name, table.rows]));
      print(JSON.stringify({ file, bytes: size, ...head, rows, tables: counts, secretsIncluded: secrets !== null }));
      return;
    }
    print(
      `Backed up ${formatCount(rows, 'row', 'rows')} of ${contents.tables.length} tables to ${file} (${formatBytes(size)})`,
    );
    if (secrets !== null) print('It holds ADMIN_TOKEN and ENCRYPTION_KEY, too: who has this file has everything');
    else if (needsKey) {
      const where = secretsFile ?? 'the environment';
      print(
        `The secrets in it open only with ENCRYPTION_KEY, which is not in it: keep that of ${where} as well, in another place`,
      );
    }
  });
}

function describeProgress({ tables, ofTables, rows, bytes }: BackupProgress): string {
  return `${tables} of ${ofTables} tables, ${formatCount(rows, 'row', 'rows')}, ${formatBytes(bytes)}`;
}
