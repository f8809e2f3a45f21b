import type { Db } from '../db/db.ts';
import { nameFor, runSql } from '../db/sql.ts';

const named = { affiliate: ['affiliates', 'display_name'], offer: ['offers', 'name'] } as const;

/** What people call these affiliates or offers, by id. */
export async function readNames(
  db: Db,
  programId: string,
  what: keyof typeof named,
  ids: readonly string[],
): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const [table, column] = named[what];
  const rows = await runSql<{ id: string; name: string }>(
    db,
    nameFor('readNamesOf', table),
    `select id, ${column} as name from ${table} where id = any(:ids) and program_id = :programId`,
    { ids, programId },
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}
