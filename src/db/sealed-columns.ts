import type { Db } from './db.ts';
import { isUndefinedTable } from './pg-errors.ts';
import { BOUND_PREFIX, OtherKeyError, type SealedPlace, type SecretBox } from './secret-box.ts';
import { runSql } from './sql.ts';

interface SealedColumn extends Pick<SealedPlace, 'table' | 'column'> {
  /** The primary key. */
  key: readonly string[];
}

/** Where secrets are stored. */
const sealedColumns: readonly SealedColumn[] = [
  { table: 'sources', column: 'secrets', key: ['id'] },
  { table: 'webhook_endpoints', column: 'secret', key: ['id'] },
  { table: 'webhook_endpoints', column: 'previous_secret', key: ['id'] },
  { table: 'webhook_endpoints', column: 'headers', key: ['id'] },
];

/** The answers that are kept for an Idempotency-Key: they expire within a day, so a rotation leaves them out. */
const keptAnswers: SealedColumn = {
  table: 'idempotency_keys',
  column: 'response_body',
  key: ['program_id', 'livemode', 'method', 'path', 'key'],
};

const ROWS_PER_STEP = 200;

/**
 * Seals every secret with the current key, so that the previous one can be forgotten. Goes in small steps, while the hub
 * runs: what changes meanwhile is sealed with the current key already and is left alone. It can be run again at any time.
 * Gives how many values there were. Throws where a value was sealed with a key that is not known.
 */
export async function resealSecrets(db: Db, secrets: SecretBox): Promise<number> {
  let resealed = 0;
  for (const sealed of sealedColumns) resealed += await resealColumn(db, secrets, sealed, 'true');
  return resealed;
}

/**
 * Binds to their rows all that were sealed before there was such a thing; for migrations. Gives how many there were. Once
 * none is left it reads nothing but the beginnings of the values.
 */
export async function bindSecrets(db: Db, secrets: SecretBox): Promise<number> {
  let bound = 0;
  for (const sealed of [...sealedColumns, keptAnswers]) {
    bound += await resealColumn(db, secrets, sealed, `${sealed.column} not like '${BOUND_PREFIX}%'`);
  }
  return bound;
}

/** Whether any secret is stored, so that there is a key that must not be lost. Also of a database without tables. */
export async function holdsSecrets(db: Db): Promise<boolean> {
  for (const sealed of sealedColumns) if ((await readAnySealed(db, sealed)) !== null) return true;
  return false;
}

/**
 * Whether our keys open what is stored, which one value of each column stands for: secrets are sealed with one key, or with two
 * while it is rotated.
 */
export async function opensSecrets(db: Db, secrets: SecretBox): Promise<boolean> {
  for (const sealed of sealedColumns) {
    const row = await readAnySealed(db, sealed);
    if (row && !(await isOurs(secrets, row, sealed))) return false;
  }
  return true;
}

async function readAnySealed(db: Db, { table, column, key }: SealedColumn): Promise<SealedRow | null> {
  try {
    const [row] = await runSql<SealedRow>(
      db,
      'readAnySealed',
      `select json_build_array(${key.join(', ')}) as "rowKey", ${column} as sealed from ${table}
       where ${column} is not null limit 1`,
    );
    return row ?? null;
  } catch (error) {
    if (isUndefinedTable(error)) return null;
    throw error;
  }
}

/** A secret that no key of ours opens. */
export interface LostSecret extends Pick<SealedColumn, 'table' | 'column'> {
  id: string;
}

/** All secrets that were sealed with a key that is not among ours. */
export async function listLostSecrets(db: Db, secrets: SecretBox): Promise<LostSecret[]> {
  const lost: LostSecret[] = [];
  for (const sealed of sealedColumns) {
    const { table, column } = sealed;
    const rows = await runSql<SealedRow>(
      db,
      'readAllSealed',
      `select json_build_array(id) as "rowKey", ${column} as sealed from ${table} where ${column} is not null order by id`,
    );
    for (const row of rows) {
      if (!(await isOurs(secrets, row, sealed))) lost.push({ table, column, id: String(row.rowKey[0]) });
    }
  }
  return lost;
}

async function isOurs(secrets: SecretBox, { rowKey, sealed }: SealedRow, { table, column }: SealedColumn) {
  try {
    // Also what was sealed before values were bound to their rows.
    await secrets.reseal(sealed, { table, column, row: rowKey });
    return true;
  } catch (error) {
    if (error instanceof OtherKeyError) return false;
    throw error;
  }
}

async function resealColumn(db: Db, secrets: SecretBox, sealed: SealedColumn, condition: string): Promise<number> {
  const { table, column, key } = sealed;
  const names = key.map((_, index) => `key${index}`);
  const keyList = key.join(', ');
  const bindings = (row: SealedRow) => Object.fromEntries(names.map((name, index) => [name, row.rowKey[index]]));
  const given = names.map((name, index) => (key[index] === 'livemode' ? `:${name}::boolean` : `:${name}`)).join(', ');
  let resealed = 0;
  let last: SealedRow | undefined;
  do {
    const rows: SealedRow[] = await runSql(
      db,
      'readSealed',
      `select json_build_array(${keyList}) as "rowKey", ${column} as sealed from ${table}
       where ${column} is not null and ${condition} ${last ? `and (${keyList}) > (${given})` : ''}
       order by ${keyList} limit :limit`,
      { ...(last ? bindings(last) : {}), limit: ROWS_PER_STEP },
    );
    for (const row of rows) {
      const current = await secrets.reseal(row.sealed, { table, column, row: row.rowKey });
      await runSql(
        db,
        'replaceSealed',
        `update ${table} set ${column} = :current where (${keyList}) = (${given}) and ${column} = :sealed`,
        { ...bindings(row), sealed: row.sealed, current },
      );
    }
    resealed += rows.length;
    last = rows.at(-1);
  } while (last);
  return resealed;
}

interface SealedRow {
  rowKey: (string | boolean)[];
  sealed: string;
}
