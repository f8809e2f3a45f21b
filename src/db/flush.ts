import type { Db } from './db.ts';
import { runSql } from './sql.ts';

/**
 * Waits until all that was committed is on disk, and says whether this row still is: where the server crashed meanwhile, what
 * was to be flushed later is gone. The message is the least that makes a commit of its own, which waits for the disk.
 * https://www.postgresql.org/docs/18/functions-admin.html#FUNCTIONS-REPLICATION (read 2026-11)
 */
export async function isOnDisk(db: Db, table: string, id: string): Promise<boolean> {
  const [found] = await runSql<{ stored: boolean }>(
    db,
    'flushCommits',
    `select exists (select from ${table} where id = :id) as stored, pg_logical_emit_message(true, 'tributary', '')::text`,
    { id },
  );
  return found?.stored === true;
}
