import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';

/**
 * One step of forgetting clicks: of the next `limit` in the order of their ids those go that are older than the longest
 * window of their program's offers and its `clickRetentionDays` together, and that no fact, order, customer or test session
 * names. How many there were by the quarter of an hour is kept, so that statistics stay. `last` is where the next step
 * begins; null: this was the last.
 */
export async function deleteOldClicks(
  db: Db,
  now: Date,
  after: string | null,
  limit: number,
): Promise<{ deleted: number; last: string | null }> {
  const [row] = await runSql<{ deleted: number; last: string | null; seen: number }>(
    db,
    'deleteOldClicks',
    `with ages as materialized (
       -- A program without offers may get one, with the usual window.
       select p.id as program_id, :now::timestamptz - make_interval(days => p.click_retention_days
           + greatest(30, (select max(attribution_window_days) from offers o where o.program_id = p.id))) as oldest
       from programs p
     ), step as materialized (
       select c.id, c.program_id, c.occurred_at from clicks c
       where c.id > coalesce(:after::text, '') and c.occurred_at < (select max(oldest) from ages)
       order by c.id limit :limit
     ), gone as (
       delete from clicks where id in (
         select s.id from step s join ages on ages.program_id = s.program_id
         where s.occurred_at < ages.oldest
           and not exists (select 1 from orders where click_id = s.id)
           and not exists (select 1 from customers where click_id = s.id)
           and not exists (select 1 from facts where fact #>> '{evidence,clickId}' = s.id and not names_its_click)
           and not exists (select 1 from facts where fact #>> '{evidence,reference}' = s.id)
           and not exists (select 1 from test_sessions where click_id = s.id))
       returning *
     ), counted as (
       insert into forgotten_clicks (program_id, livemode, occurred_at, offer_id, affiliate_id, link_id, clicks)
       select program_id, livemode, date_bin('15 minutes', occurred_at, '2000-01-01Z'), offer_id, affiliate_id, link_id,
         count(*)
       from gone group by 1, 2, 3, 4, 5, 6
     )
     select (select count(*)::int from gone) as deleted, max(id) as last, count(*)::int as seen from step`,
    { now, after, limit },
  );
  return { deleted: row?.deleted ?? 0, last: row && row.seen === limit ? row.last : null };
}
