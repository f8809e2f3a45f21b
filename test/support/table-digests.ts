import type { Db } from '../../src/db/db.ts';
import { runSql } from './sql.ts';

/** A digest of the rows of each table of ours, by table, of one moment. */
export async function digestTables(db: Db): Promise<Record<string, string>> {
  const tables = await runSql<{ name: string }>(
    db,
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1`,
  );
  const digests = tables.map(
    ({ name }) =>
      `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(t::text, e'\\n' order by t::text)), '') as digest
       from ${name} t`,
  );
  const rows = await runSql<{ name: string; digest: string }>(db, digests.join(' union all '));
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}
