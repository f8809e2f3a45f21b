import type { Db } from './db.ts';
import { runSql } from './sql.ts';
import type { SecretBox } from './secret-box.ts';

/** Where secrets are stored. The answers that are kept for an Idempotency-Key are left out: they expire within a day. */
const sealedColumns = [
  { table: 'sources', column: 'secrets' },
  { table: 'webhook_endpoints', column: 'secret' },
  { table: 'webhook_endpoints', column: 'previous_secret' },
  { table: 'webhook_endpoints', column: 'headers' },
] as const;

const ROWS_PER_STEP = 200;

/**
 * Seals every secret with the current key, so that the previous one can be forgotten. Goes in small steps, while the hub
 * runs: what changes meanwhile is sealed with the current key already and is left alone. It can be run again at any time.
 * Gives how many values there were. Throws where a value was sealed with a key that is not known.
 */
export async function resealSecrets(db: Db, secrets: SecretBox): Promise<number> {
  let resealed = 0;
  for (const sealed of sealedColumns) resealed += await resealColumn(db, secrets, sealed);
  return resealed;
}

async function resealColumn(
  db: Db,
  secrets: SecretBox,
  { table, column }: (typeof sealedColumns)[number],
): Promise<number> {
  let resealed = 0;
  let lastId: string | undefined = '';
  while (lastId !== undefined) {
    const rows: { id: string; sealed: string }[] = await runSql(
      db,
      'readSealed',
      `select id, ${column} as sealed from ${table} where id > :lastId and ${column} is not null order by id limit :limit`,
      { lastId, limit: ROWS_PER_STEP },
    );
    for (const { id, sealed } of rows) {
      const current = await secrets.seal(await secrets.open(sealed));
      await runSql(
        db,
        'replaceSealed',
        `update ${table} set ${column} = :current where id = :id and ${column} = :sealed`,
        { id, sealed, current },
      );
    }
    resealed += rows.length;
    lastId = rows.at(-1)?.id;
  }
  return resealed;
}
