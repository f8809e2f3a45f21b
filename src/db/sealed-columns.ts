import type { Db } from './db.ts';
import { runPositional } from './sql.ts';
import type { SecretBox } from './secret-box.ts';

/** Where secrets lie at rest. What expires within a day by itself (answers kept for an Idempotency-Key) is left out. */
const sealedColumns = [
  { table: 'sources', column: 'secrets' },
  { table: 'webhook_endpoints', column: 'secret' },
  { table: 'webhook_endpoints', column: 'previous_secret' },
  { table: 'webhook_endpoints', column: 'headers' },
] as const;

const ROWS_PER_STEP = 200;

/**
 * Seals everything anew with the current key, so that the previous one can be forgotten. Goes in small steps, while the
 * hub runs; what changes meanwhile was sealed with the current key already and is left alone. Run again it does the same
 * work to the same end. Returns how many values there were. Throws where a value was sealed with a key that is not known.
 */
export async function resealSecrets(db: Db, secrets: SecretBox): Promise<number> {
  let resealed = 0;
  for (const { table, column } of sealedColumns) {
    for (let after = ''; ;) {
      const rows = await runPositional<{ id: string; sealed: string }>(
        db,
        `select id, ${column} as sealed from ${table} where id > ? and ${column} is not null order by id limit ?`,
        [after, ROWS_PER_STEP],
      );
      for (const { id, sealed } of rows) {
        const anew = await secrets.seal(await secrets.open(sealed));
        await runPositional(db, `update ${table} set ${column} = ? where id = ? and ${column} = ?`, [anew, id, sealed]);
      }
      resealed += rows.length;
      if (rows.length < ROWS_PER_STEP) break;
      after = rows.at(-1)?.id ?? after;
    }
  }
  return resealed;
}
