import type { Db } from '../../src/db/db.ts';
import { runSql } from './sql.ts';

/** What the worker counts of messages some seconds after they came, whatever happens meanwhile. */
const countedLater: readonly string[] = ['inbox_counting', 'inbox_counts', 'inbox_uncounted'];

/** That a key was used is no trace of what it was used for. */
const rowOf = (table: string): string => (table === 'api_keys' ? `(to_jsonb(t) - 'last_used_at')::text` : 't::text');

/** A digest of the rows of each table of ours, by table, of one moment. */
export async function digestTables(db: Db): Promise<Record<string, string>> {
  const tables = await runSql<{ name: string }>(
    db,
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> all(?) order by 1`,
    [[...countedLater]],
  );
  const digests = tables.map(
    ({ name }) =>
      `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(${rowOf(name)}, e'\\n' order by ${rowOf(name)})), '') as digest
       from ${name} t`,
  );
  const rows = await runSql<{ name: string; digest: string }>(db, digests.join(' union all '));
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}
