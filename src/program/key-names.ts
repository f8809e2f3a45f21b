import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** What people call API keys, by id, revoked ones too; absent: nothing of the program is called so. */
export async function readKeyNames(db: Db, programId: string, ids: readonly string[]): Promise<Record<string, string>> {
  if (ids.length === 0) return {};
  const rows = await runSql<{ id: string; name: string }>(
    db,
    'readKeyNames',
    `select id, name from api_keys where program_id = :programId and id = any(:ids)`,
    { programId, ids: [...new Set(ids)] },
  );
  return Object.fromEntries(rows.map(({ id, name }) => [id, name]));
}
