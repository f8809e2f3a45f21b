import { createHash, type Hash } from 'node:crypto';
import { withConnection } from '../connection.ts';
import { inTransaction, type Db, type Trx } from '../db.ts';
import { applyWithin, readApplied, takeTurnWithin } from '../migrate.ts';
import { listKnownMigrations } from '../schema-state.ts';
import { isLockTimeout } from '../pg-errors.ts';
import { runSql } from '../sql.ts';
import { ArchiveError, readArchive, readText, type ArchiveEntry } from './archive.ts';
import { listObstacles, listSequences, listTables, type StoredTable } from './catalog.ts';
import { copyIn, countRows } from './copy-stream.ts';
import {
  CONTENTS,
  contentsSchema,
  FORMAT_VERSION,
  MANIFEST,
  manifestSchema,
  SECRETS,
  tableOfPiece,
  type Contents,
  type Manifest,
  type TableContents,
} from './manifest.ts';

/** The database or the archive is not fit for this; the message says what to do. */
export class RestoreError extends Error {}

/** What an archive says of itself before its rows. */
export interface ArchiveHead {
  manifest: Manifest;
  /** Of the embedded default, where the backup was made with them. */
  secrets: string | null;
}

export interface RestoreOptions {
  databaseUrl: string;
  file: string;
  /** Called when all rows are in and before they are committed; what it throws undoes everything. */
  beforeCommit: (trx: Trx, head: ArchiveHead) => Promise<void>;
  onProgress?: (progress: RestoreProgress) => void;
}

export interface RestoreProgress {
  rows: number;
  bytes: number;
  /** The rows are in; keys and indexes are checked. */
  checking: boolean;
}

export interface Restored extends ArchiveHead {
  contents: Contents;
  /** Tables in the archive that are none of the hub's. */
  leftOut: string[];
}

/** Reads the head of an archive. Throws where it is no backup, damaged, or written by a newer version. */
export async function readHead(file: string): Promise<ArchiveHead> {
  const entries = readArchive(file);
  try {
    return (await takeHead(file, entries)).head;
  } finally {
    await entries.return(undefined);
  }
}

/**
 * Loads an archive into a database that holds no hub or an empty one, in one transaction: a restore that fails or is
 * killed leaves it as empty as it was. The schema is made as it was when the archive was written; migrating it further is the
 * caller's.
 */
export async function restoreBackup(db: Db, options: RestoreOptions): Promise<Restored> {
  const { file, databaseUrl } = options;
  const entries = readArchive(file);
  try {
    return await inTransaction(db, async (trx) => {
      const { head, next } = await takeHead(file, entries);
      await runSql(trx, 'beginRestore', withoutLimits);
      await takeTurnWithin(trx, databaseUrl);
      await makeSchema(trx, head.manifest);
      const tables = await lockUnused(trx);
      const { remove, putBack } = await listObstacles(trx);
      for (const statement of remove) await runSql(trx, 'removeObstacle', statement);
      // What the migrations put into them is in the archive, too.
      await runSql(trx, 'emptyTables', `truncate ${namesOf(tables)}`);
      const loaded = await loadRows(trx, { head, next, entries, tables }, options);
      options.onProgress?.({ ...loaded.progress, checking: true });
      for (const statement of putBack) await runSql(trx, 'putBackObstacle', statement);
      await setSequences(trx, loaded.contents);
      await options.beforeCommit(trx, head);
      return { ...head, contents: loaded.contents, leftOut: loaded.leftOut };
    });
  } finally {
    await entries.return(undefined);
  }
}

async function takeHead(
  file: string,
  entries: AsyncGenerator<ArchiveEntry>,
): Promise<{ head: ArchiveHead; next: ArchiveEntry | null }> {
  const first = await take(entries);
  const text = first?.name === MANIFEST ? await readText(first.content) : null;
  if (text === null) throw new ArchiveError(`${file} is no backup of Tributary: it does not begin with ${MANIFEST}`);
  const { data: manifest } = manifestSchema.safeParse(parseJson(text));
  const known = await listKnownMigrations();
  const unknown = manifest?.migrations.filter((name) => !known.includes(name)) ?? [];
  if (!manifest || manifest.formatVersion > FORMAT_VERSION || unknown.length > 0) {
    const why =
      unknown.length > 0 ? ` (${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} not known to this one)` : '';
    throw new RestoreError(`${file} was written by a newer version${why}. Restore it with that version`);
  }
  const second = await take(entries);
  if (second?.name !== SECRETS) return { head: { manifest, secrets: null }, next: second };
  return { head: { manifest, secrets: await readText(second.content) }, next: await take(entries) };
}

async function take(entries: AsyncGenerator<ArchiveEntry>): Promise<ArchiveEntry | null> {
  const { done, value } = await entries.next();
  return done ? null : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Loading takes as long as it takes; whoever uses the database already is not waited for. */
const withoutLimits = `select set_config(name, value, true) from (values
  ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('lock_timeout', '10s'),
  ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('timezone', 'UTC')
) as settings (name, value)`;

/** The tables as they were for the rows in the archive. */
async function makeSchema(trx: Trx, { migrations }: Manifest): Promise<void> {
  const applied = await readApplied(trx);
  const newer = applied.filter((name) => !migrations.includes(name));
  if (newer.length > 0) {
    throw new RestoreError(
      `The schema of this database is newer than the backup (it has ${newer.join(', ')}). ` +
        'Restore into a database without any tables: it is migrated after that',
    );
  }
  await applyWithin(
    trx,
    migrations.filter((name) => !applied.includes(name)),
  );
}

/** The hub's tables, which nobody else sees until the commit. Throws where the hub is in use. */
async function lockUnused(trx: Trx): Promise<StoredTable[]> {
  const tables = await listTables(trx);
  try {
    await runSql(trx, 'lockForRestore', `lock table ${namesOf(tables)} in access exclusive mode`);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    throw new RestoreError(
      'The database is in use. Stop the web and worker processes (or `npm start`), and try again',
      {
        cause: error,
      },
    );
  }
  const [used] = await runSql<{ programs: boolean; messages: boolean }>(
    trx,
    'findUse',
    `select exists (select 1 from programs) as programs, exists (select 1 from inbox_events) as messages`,
  );
  if (used?.programs || used?.messages) {
    throw new RestoreError(
      'This hub is not empty: it has programs or messages. Restore into a new database ' +
        '(DATABASE_URL, or in the embedded default another DATA_DIR); nothing was changed here',
    );
  }
  return tables;
}

function namesOf(tables: readonly StoredTable[]): string {
  return tables.map(({ qualified }) => qualified).join(', ');
}

interface Loading {
  head: ArchiveHead;
  next: ArchiveEntry | null;
  entries: AsyncGenerator<ArchiveEntry>;
  tables: readonly StoredTable[];
}

async function loadRows(trx: Trx, { head, next, entries, tables }: Loading, options: RestoreOptions) {
  const progress: RestoreProgress = { rows: 0, bytes: 0, checking: false };
  const sums = new Map<string, Sum>();
  const leftOut = new Set<string>();
  for (let entry = next; entry; entry = await take(entries)) {
    if (entry.name === CONTENTS) {
      const contents = contentsSchema.parse(parseJson(await readText(entry.content)));
      checkSums(options.file, contents, sums);
      return { contents, progress, leftOut: [...leftOut] };
    }
    const name = tableOfPiece(entry.name);
    if (name === null) throw new ArchiveError(`${options.file} has a part that no backup has: ${entry.name}`);
    const sum = sums.get(name) ?? { rows: 0, bytes: 0, hash: createHash('sha256') };
    sums.set(name, sum);
    const before = { ...sum };
    const rows = added(entry.content, sum);
    const table = tables.find((one) => one.name === name);
    if (table) await loadPiece(trx, table, columnsOf(head, table), rows);
    else {
      leftOut.add(name);
      for await (const _ of rows); // It counts for the sums all the same.
    }
    progress.rows += sum.rows - before.rows;
    progress.bytes += sum.bytes - before.bytes;
    options.onProgress?.(progress);
  }
  throw new ArchiveError(`${options.file} is incomplete: it ends before its ${CONTENTS}`);
}

interface Sum {
  rows: number;
  bytes: number;
  hash: Hash;
}

async function* added(content: AsyncIterable<Uint8Array>, sum: Sum): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    sum.rows += countRows(chunk);
    sum.bytes += chunk.length;
    sum.hash.update(chunk);
    yield chunk;
  }
}

async function loadPiece(trx: Trx, { qualified }: StoredTable, columns: string[], rows: AsyncIterable<Uint8Array>) {
  const names = columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
  await withConnection(trx, (connection) => copyIn(connection, `copy ${qualified} (${names}) from stdin`, rows));
}

/** The columns of the archive's rows, in their order. */
function columnsOf({ manifest }: ArchiveHead, { name, columns }: StoredTable): string[] {
  const stored = manifest.tables.find((table) => table.name === name)?.columns ?? [];
  const missing = stored.filter((column) => !columns.includes(column));
  if (missing.length > 0) {
    throw new RestoreError(
      `The table ${name} of the backup has columns that no migration makes: ${missing.join(', ')}`,
    );
  }
  return stored;
}

function checkSums(file: string, { tables }: Contents, sums: ReadonlyMap<string, Sum>): void {
  const found = [...sums].map(([name, { hash, ...sum }]): TableContents => ({
    name,
    ...sum,
    sha256: hash.digest('hex'),
  }));
  const different = tables.filter(({ name, rows, sha256 }) => {
    const sum = found.find((one) => one.name === name);
    return sum ? sum.rows !== rows || sum.sha256 !== sha256 : rows > 0;
  });
  if (different.length === 0) return;
  throw new ArchiveError(
    `${file} is damaged: the rows of ${different.map(({ name }) => name).join(', ')} are not those that were written`,
  );
}

async function setSequences(trx: Trx, { sequences }: Contents): Promise<void> {
  const known = await listSequences(trx);
  for (const { name, lastValue, isCalled } of sequences) {
    const sequence = known.find((one) => one.name === name);
    if (!sequence) continue;
    await runSql(trx, 'setSequence', 'select setval(:sequence::regclass, :lastValue::bigint, :isCalled::boolean)', {
      sequence: sequence.qualified,
      lastValue,
      isCalled,
    });
  }
}

/** Has PostgreSQL learn what the tables hold: until it does, it plans as if they were empty. */
export async function analyzeRestored(db: Db): Promise<void> {
  for (const { qualified } of await listTables(db)) await runSql(db, 'analyzeTable', `analyze ${qualified}`);
}
