import type { Knex } from 'knex';
import { runSql } from '../db/sql.ts';
import { newId } from '../domain/ids.ts';

/**
 * Takes waiting inbox events whose job was probably lost, and dates their next turn. Several sweeps at once take
 * different rows.
 */
export async function takeOverdueEvents(db: Knex, limit: number): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    `update inbox_events set next_enqueue_at = now() + interval '60 seconds'
     where id in (
       select id from inbox_events where status = 'received' and next_enqueue_at <= now()
       order by next_enqueue_at limit ? for update skip locked)
     returning id`,
    [limit],
  );
  return rows.map(({ id }) => id).sort();
}

/** Resettlements that have waited for longer than their job takes. */
export async function findOverdueResettlements(db: Knex, olderThanS: number, limit: number): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    `select id from resettlements where created_at < now() - ? * interval '1 second' order by created_at limit ?`,
    [olderThanS, limit],
  );
  return rows.map(({ id }) => id);
}

/**
 * Requests the settling of commissions whose hold is over; settling approves them. An order settled since its hold ended
 * is left alone: it was approved then, or a tracker still holds it.
 */
export async function requestDueApprovals(db: Knex, now: Date, limit: number): Promise<string[]> {
  return db.transaction(async (trx) => {
    const due = await runSql<{ id: string; program_id: string; livemode: boolean }>(
      trx,
      `select id, program_id, livemode from orders o
       where status = 'pending' and approvable_at <= ? and updated_at < approvable_at
         and not exists (select 1 from resettlements r where r.order_id = o.id)
       order by approvable_at limit ? for update skip locked`,
      [now.toISOString(), limit],
    );
    const ids = due.map(() => newId('ibx'));
    if (due.length === 0) return [];
    await runSql(
      trx,
      `insert into resettlements (id, program_id, livemode, order_id)
       select * from unnest(?::text[], ?::text[], ?::boolean[], ?::text[])`,
      [ids, due.map((row) => row.program_id), due.map((row) => row.livemode), due.map((row) => row.id)],
    );
    return ids;
  });
}
