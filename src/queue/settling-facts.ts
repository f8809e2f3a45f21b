import { escapeLiteral } from 'pg';
import { WORKER_LOCKS } from './channels.ts';
import { FIRST_SWEEP_AFTER_MS } from './jobs.ts';

// What the database knows of settling, for whoever asks once a second: so each statement looks at a few rows by an index,
// however many messages wait. Exact figures of the backlog are for metrics, which are read less often.

/** A message that nobody has settled since it was stored or replayed, `waitsS` seconds ago. */
export interface WaitingMessage {
  id: string;
  waitsS: number;
}

/** How many workers hold their lock (channels.ts). Behind a transaction pooler none does. */
export const countWorkers = `select count(*)::integer as workers from pg_locks
          where locktype = 'advisory' and granted and classid::bigint = ${WORKER_LOCKS}
            and database = (select oid from pg_database where datname = current_database())`;

/**
 * Some of the messages that have waited for longest, at least ten seconds: the watches that are due, and those that a sweep
 * put off, which are due later than any new one. A message that failed by itself is no sign that settling stands still.
 * `known` were the oldest when it was last asked: between two turns of a sweep they are found by their ids alone.
 */
export function findOldestWaiting(known: readonly string[]): string {
  return `
  with listed as (
    (select event_ids from inbox_watches where due_at <= now() order by due_at limit 20)
    union all
    (select event_ids from inbox_watches where due_at > now() + interval '${FIRST_SWEEP_AFTER_MS + 500} milliseconds' order by due_at limit 20)
    union all
    select array[${known.map(escapeLiteral).join(', ')}]::text[]
  )
  select distinct e.id, extract(epoch from now() - e.next_enqueue_at)::float8 + ${FIRST_SWEEP_AFTER_MS / 1_000} as "waitsS"
    from listed cross join unnest(event_ids[1:20]) as of (id)
   cross join lateral (
     select id, next_enqueue_at from inbox_events
      where id = of.id and (status = 'received') is true and attempts = 0 limit 1) e
   order by 2 desc limit 20`;
}

/** Whether any of the messages that came some five to ten seconds ago is settled. */
export const findProgress = `
    select exists (
      select from (
        select event_ids from inbox_watches where due_at > now() and due_at <= now() + interval '10 seconds'
         order by due_at limit 50) w
       cross join unnest(w.event_ids[1:5]) as of (id)
       cross join lateral (
         select 1 from inbox_events
          where id = of.id and status <> 'received' and settled_at > now() - interval '15 seconds' limit 1) e
    ) as progress`;
