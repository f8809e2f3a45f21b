import { inTransaction, later, type Db, type Trx } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { FIRST_SWEEP_AFTER_MS, retryAfterS } from '../queue/jobs.ts';

/** Deliveries that nothing holds up: their time has come, and their endpoint is not paused. */
export interface DeliveryBacklog {
  /** For how long the oldest of them has been due; 0: none is. One that is just being sent counts. */
  oldestDueS: number;
  /** Endpoints that deliveries wait for, and that are left alone for a while. */
  pausedEndpoints: number;
}

/** Whoever reads gives up by then; the database must not go on for nobody. */
const STATEMENT_TIMEOUT_MS = 2_000;

/** So many messages are looked at for the oldest: what failed and waits for its next turn may stand before it. */
const OLDEST_OF = 1_000;

/** So many of the newest messages are looked at one by one, to count them. */
const COUNTED = 20_000;

/**
 * For how many seconds the accepted message that waits for longest has: since it was stored, replayed or last tried. 0: none
 * waits. `inbox_watches` lists what may wait, in the order in which it came, so that a large table and a large backlog cost
 * nothing (measured with a million that wait: 10 to 20 ms).
 */
export async function readOldestUnsettled(db: Db, now: Date): Promise<number> {
  return readBriefly(db, async (trx) => {
    const [row] = await runSql<{ since: Date | null }>(
      trx,
      'readOldestUnsettled',
      `select min(since) as since from (
         select e.since from inbox_watches w cross join unnest(w.event_ids) as of (id) cross join lateral (
           select next_enqueue_at - case when attempts = 0 then :firstS::float8 else ${retryAfterS('attempts')} end
                    * interval '1 second' as since
             from inbox_events where id = of.id and (status = 'received') is true limit 1) e
          order by w.id limit :oldestOf::integer) o`,
      { oldestOf: OLDEST_OF, firstS: FIRST_SWEEP_AFTER_MS / 1_000 },
    );
    return ageOf(row?.since ?? null, now);
  });
}

/**
 * How many accepted messages are not settled yet. The newest are looked at one by one. Of older ones that came together the first
 * speaks for all (one that failed stands there twice), and where the sweep would long have let go of them none is looked at
 * (measured with a million that wait: 0.4 s).
 */
export async function countUnsettled(db: Db, counted: number = COUNTED): Promise<number> {
  return readBriefly(db, async (trx) => {
    const [row] = await runSql<{ waiting: bigint }>(
      trx,
      'countUnsettled',
      `with listed as materialized (
         select event_ids, due_at, coalesce(sum(cardinality(event_ids)) over (order by id desc
                  rows between unbounded preceding and 1 preceding), 0) < :counted::integer as is_new
           from inbox_watches
       )
       select (select count(distinct e.id) from listed cross join unnest(event_ids) as of (id) cross join lateral (
                 select id from inbox_events where id = of.id and (status = 'received') is true limit 1) e
                where is_new)
              + (select coalesce(sum(cardinality(event_ids)), 0)::bigint from listed
                  where not is_new and (due_at <= now() or exists (
                    select 1 from inbox_events where id = event_ids[1] and (status = 'received') is true))) as waiting`,
      { counted },
    );
    return Number(row?.waiting ?? 0);
  });
}

/** As `findDueEndpoints` it steps through the index from one endpoint to the next, however many wait for each. */
export async function readDeliveryBacklog(db: Db, now: Date): Promise<DeliveryBacklog> {
  return readBriefly(db, async (trx) => {
    const [row] = await runSql<{ since: Date | null; paused: bigint }>(
      trx,
      'readDeliveryBacklog',
      `with recursive pending as (
         (select endpoint_id from deliveries where status = 'pending' order by endpoint_id limit 1)
         union all
         select (select endpoint_id from deliveries
                  where status = 'pending' and endpoint_id > p.endpoint_id order by endpoint_id limit 1)
           from pending p where p.endpoint_id is not null
       )
       select min(d.next_attempt_at) filter (where not e.paused) as since, count(*) filter (where e.paused) as paused
         from pending p
        cross join lateral (select coalesce(paused_until > :now, false) as paused from webhook_endpoints
                             where id = p.endpoint_id and disabled_at is null and deleted_at is null limit 1) e
        cross join lateral (select next_attempt_at from deliveries
                             where endpoint_id = p.endpoint_id and status = 'pending' order by next_attempt_at limit 1) d`,
      { now },
    );
    return { oldestDueS: ageOf(row?.since ?? null, now), pausedEndpoints: Number(row?.paused ?? 0) };
  });
}

/** Clocks of several machines differ: what comes from ahead is new. */
function ageOf(since: Date | null, now: Date): number {
  return since === null ? 0 : Math.max(0, (now.getTime() - since.getTime()) / 1_000);
}

function readBriefly<T>(db: Db, read: (trx: Trx) => Promise<T>): Promise<T> {
  return inTransaction(
    db,
    (trx) => {
      const limit = `select set_config('statement_timeout', :ms, true)`;
      later(trx, runSql(trx, 'limitRead', limit, { ms: String(STATEMENT_TIMEOUT_MS) }));
      return read(trx);
    },
    { readOnly: true },
  );
}
