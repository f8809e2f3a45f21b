import { createHash } from 'node:crypto';
import packageJson from '../../../package.json' with { type: 'json' };
import { withConnection } from '../connection.ts';
import { inTransaction, snapshot, type Db, type Trx } from '../db.ts';
import { readApplied } from '../migrate.ts';
import { runSql } from '../sql.ts';
import { writeArchive, type ArchiveWriter } from './archive.ts';
import { listTables, readSequences, type StoredTable } from './catalog.ts';
import { copyOut, countRows } from './copy-stream.ts';
import {
  CONTENTS,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  pieceName,
  SECRETS,
  type Contents,
  type Manifest,
  type TableContents,
} from './manifest.ts';

export interface BackupOptions {
  file: string;
  /** An existing file is replaced. */
  force: boolean;
  /** The text of the embedded default's secrets.env; null leaves it out. */
  secrets: string | null;
  now: Date;
  onProgress?: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  tables: number;
  ofTables: number;
  rows: number;
  bytes: number;
}

/**
 * Writes all that the hub's database holds at one moment into an archive, while the hub runs: nothing waits for it but
 * migrations. Takes memory for a few pieces of some mebibytes, however many rows there are.
 */
export function writeBackup(db: Db, options: BackupOptions): Promise<{ manifest: Manifest; contents: Contents }> {
  const { file, force, now } = options;
  return writeArchive(file, { force, now }, (archive) =>
    inTransaction(db, (trx) => writeSnapshot(trx, archive, options), snapshot),
  );
}

async function writeSnapshot(trx: Trx, archive: ArchiveWriter, options: BackupOptions) {
  await runSql(trx, 'beginBackup', beforeRows);
  const tables = await lockTables(trx);
  const manifest = await describe(trx, tables, options.now);
  await archive.add(MANIFEST, toJson(manifest));
  if (options.secrets !== null) await archive.add(SECRETS, Buffer.from(options.secrets));
  const progress: BackupProgress = { tables: 0, ofTables: tables.length, rows: 0, bytes: 0 };
  const written: TableContents[] = [];
  for (const table of tables) {
    written.push(
      await writeTable(trx, archive, table, (rows, bytes) => {
        progress.rows += rows;
        progress.bytes += bytes;
        options.onProgress?.(progress);
      }),
    );
    progress.tables += 1;
  }
  const contents: Contents = { tables: written, sequences: await readSequences(trx) };
  await archive.add(CONTENTS, toJson(contents));
  return { manifest, contents };
}

/** Values are written so that every server reads the same, and no time limit of the pool's ends what takes as long as it takes. */
const beforeRows = `select set_config(name, value, true) from (values
  ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
  ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'), ('extra_float_digits', '3')
) as settings (name, value)`;

/** No migration may change a table while it is read: what is locked stands as the snapshot has it. */
async function lockTables(trx: Trx): Promise<StoredTable[]> {
  const tables = await listTables(trx);
  if (tables.length === 0) throw new Error('This database holds no hub: there is nothing to back up');
  await runSql(
    trx,
    'lockForBackup',
    `lock table ${tables.map(({ qualified }) => qualified).join(', ')} in access share mode`,
  );
  return tables;
}

async function describe(trx: Trx, tables: readonly StoredTable[], now: Date): Promise<Manifest> {
  const [server] = await runSql<{ version: string }>(
    trx,
    'readServerVersion',
    `select current_setting('server_version') as version`,
  );
  return {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    version: packageJson.version,
    createdAt: now.toISOString(),
    serverVersion: server?.version ?? '',
    migrations: await readApplied(trx),
    tables: tables.map(({ name, columns }) => ({ name, columns })),
  };
}

async function writeTable(
  trx: Trx,
  archive: ArchiveWriter,
  { name, qualified, columns }: StoredTable,
  onPiece: (rows: number, bytes: number) => void,
): Promise<TableContents> {
  const written = { name, rows: 0, bytes: 0 };
  const hash = createHash('sha256');
  const statement = `copy (select ${columns.map(quoteName).join(', ')} from ${qualified}) to stdout`;
  let pieces = 0;
  await withConnection(trx, async (connection) => {
    for await (const piece of copyOut(connection, statement)) {
      pieces += 1;
      hash.update(piece);
      const rows = countRows(piece);
      written.rows += rows;
      written.bytes += piece.length;
      await archive.add(pieceName(name, pieces), piece);
      onPiece(rows, piece.length);
    }
  });
  return { ...written, sha256: hash.digest('hex') };
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function toJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
