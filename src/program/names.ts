import type { Db } from '../db/db.ts';
import { nameFor, runSql } from '../db/sql.ts';
import type { Reach } from '../domain/scope.ts';

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

/** What people call those of these ids that are affiliates or offers in reach. */
export async function readNamesOfAny(
  db: Db,
  { programId, modes }: Reach,
  ids: readonly string[],
): Promise<{ id: string; name: string }[]> {
  return await runSql<{ id: string; name: string }>(
    db,
    'readNamesOfAny',
    `select id, display_name as name from affiliates
     where id = any(:ids) and program_id = :programId and livemode = any(:modes::boolean[])
     union all
     select id, name from offers
     where id = any(:ids) and program_id = :programId and livemode = any(:modes::boolean[])`,
    { ids, programId, modes },
  );
}
