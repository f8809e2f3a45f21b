import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/** What the database tells of itself and of who is connected to it. */
export interface DatabaseFacts {
  /** As PostgreSQL names it. */
  serverVersion: string;
  sizeBytes: number;
  /** Connections of this hub's processes, by what they call themselves: web, worker, queue-consumer, …. */
  connections: { name: string; connections: number }[];
}

export async function readDatabaseFacts(db: Db): Promise<DatabaseFacts> {
  const [row] = await runSql<Omit<DatabaseFacts, 'sizeBytes'> & { sizeBytes: bigint }>(
    db,
    'readDatabaseFacts',
    `select current_setting('server_version') as "serverVersion", pg_database_size(current_database()) as "sizeBytes",
       array(select json_build_object('name', substr(application_name, 11), 'connections', count(*))
             from pg_stat_activity
             where datname = current_database() and application_name like 'tributary-%'
             group by application_name order by application_name) as connections`,
  );
  return {
    serverVersion: row?.serverVersion ?? '',
    sizeBytes: Number(row?.sizeBytes ?? 0),
    connections: row?.connections ?? [],
  };
}

/** Names of the applied migrations, in their order. */
export async function listAppliedMigrations(db: Db): Promise<string[]> {
  const rows = await runSql<{ name: string }>(
    db,
    'listAppliedMigrations',
    'select name from schema_migrations order by name',
  );
  return rows.map(({ name }) => name);
}
