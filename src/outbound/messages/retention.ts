import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';

/**
 * Deletes up to `limit` messages older than `before`, oldest first, with their deliveries and attempts. Ids begin with
 * their time, so the primary key finds them. Messages with a pending delivery stay, however old. Returns how many were
 * deleted.
 */
export async function deleteOldMessages(db: Db, before: Date, limit: number): Promise<number> {
  const rows = await runSql(
    db,
    'deleteOldMessages',
    `with old as (
       select id from messages m
        where id < :beforeId and not exists (select 1 from deliveries where message_id = m.id and status = 'pending')
        order by id limit :limit for update skip locked
     ), attempts as (
       delete from delivery_attempts where message_id in (select id from old)
     ), deliveries as (
       delete from deliveries where message_id in (select id from old)
     )
     delete from messages where id in (select id from old) returning 1`,
    { beforeId: lowestMessageId(before), limit },
  );
  return rows.length;
}

/** Finished recoveries only report their progress, which nobody needs once it is old. */
export async function deleteOldRecoveries(db: Db, before: Date): Promise<void> {
  await runSql(db, 'deleteOldRecoveries', `delete from recoveries where status <> 'running' and updated_at < :before`, {
    before,
  });
}

/** A UUIDv7 begins with its milliseconds in 12 hex digits. */
function lowestMessageId(at: Date): string {
  return `evt_${Math.max(0, at.getTime()).toString(16).padStart(12, '0')}`;
}
