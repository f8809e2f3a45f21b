import { inTransaction, type Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { requestResettlements } from '../rows/resettlement-rows.ts';

/**
 * Events still waiting whose job was probably lost, of at most `limit` watches that are due; they are found again after
 * `againAfterS`. `dueBefore` looks ahead, to what whoever died was told of; what failed keeps its turn. A watch of which
 * nothing waits any more is removed. Several sweeps at once take different watches.
 */
export async function takeOverdueEvents(
  db: Db,
  limit: number,
  againAfterS: number,
  dueBefore: Date | null = null,
): Promise<{ eventIds: string[]; more: boolean }> {
  const [row] = await runSql<{ event_ids: string[] | null; watches: bigint }>(
    db,
    'takeOverdueEvents',
    `with due as (
       select id, event_ids from inbox_watches where due_at <= greatest(now(), :dueBefore::timestamptz) order by due_at limit :limit for update skip locked
     ), unsettled as (
       select due.id as watch_id, e.id, o.overdue,
              case when o.overdue then now() + :againAfterS * interval '1 second' else e.next_enqueue_at end as due_at
         from due cross join unnest(due.event_ids) as listed (id) join inbox_events e on e.id = listed.id
         cross join lateral (
           select e.next_enqueue_at <= now() or e.attempts = 0 and :dueBefore::timestamptz is not null as overdue) o
        where (e.status = 'received') is true
     ), kept as (
       update inbox_watches w set event_ids = k.event_ids, due_at = k.due_at
         from (select watch_id, array_agg(id) as event_ids, min(due_at) as due_at from unsettled group by watch_id) k
        where w.id = k.watch_id
     ), removed as (
       delete from inbox_watches where id in (select id from due except select watch_id from unsettled)
     )
     select (select array_agg(distinct id order by id) from unsettled where overdue) as event_ids,
            (select count(*) from due) as watches`,
    { limit, againAfterS, dueBefore },
  );
  return { eventIds: row?.event_ids ?? [], more: Number(row?.watches ?? 0) === limit };
}

/** Resettlements that have waited for longer than their job takes. */
export async function findOverdueResettlements(db: Db, olderThanS: number, limit: number): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    'findOverdueResettlements',
    `select id from resettlements
     where created_at < now() - :olderThanS * interval '1 second' order by created_at limit :limit`,
    { olderThanS, limit },
  );
  return rows.map(({ id }) => id);
}

/**
 * Requests the settling of commissions whose hold is over; settling approves them. An order settled since its hold ended
 * is left alone: it was approved then, or a tracker still holds it.
 */
export async function requestDueApprovals(db: Db, now: Date, limit: number): Promise<string[]> {
  return inTransaction(db, async (trx) => {
    const due = await runSql<{ id: string; programId: string; livemode: boolean }>(
      trx,
      'lockDueApprovals',
      `select id, program_id as "programId", livemode from orders o
       where status = 'pending' and approvable_at <= :now and updated_at < approvable_at
         and not exists (select 1 from resettlements r where r.order_id = o.id)
       order by approvable_at limit :limit for update skip locked`,
      { now: now.toISOString(), limit },
    );
    return requestResettlements(
      trx,
      due.map(({ id, programId, livemode }) => ({ scope: { programId, livemode }, customerId: null, orderId: id })),
    );
  });
}
