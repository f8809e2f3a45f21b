import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { leastIdSince } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import { readInboxCounts } from '../../inbound/inbox/inbox-counts.ts';
import { mostEndpoints } from './endpoints.ts';

/** What went through the hub since midnight, and how fast. */
export interface Flow {
  /** Midnight, in the time zone of the program. */
  since: Date;
  received: { count: number; lastAt: Date | null };
  settled: { count: number; waiting: number; p95Ms: number | null };
  delivered: { count: number; hasMore: boolean; waiting: number; p95Ms: number | null };
}

/** How fast is told by so many of the newest. */
const TIMED = 100;
/** Of each endpoint. */
const TIMED_EACH = 20;
/** More are not counted one by one. */
const DELIVERIES = 10_000;

interface FlowRow {
  since: Date;
  lastAt: Date | null;
  settleMs: number | null;
  delivered: bigint;
  waiting: bigint;
  deliverMs: number | null;
}

export async function readFlow(db: Db, scope: Scope, now: Date): Promise<Flow> {
  const since = await readMidnight(db, scope.programId, now);
  const inbox = await readInboxCounts(db, { ...scope, from: since, until: new Date(now.getTime() + 1) });
  const [row] = await runSql<FlowRow>(
    db,
    'readFlow',
    `with newest as materialized (
       select received_at, settled_at from inbox_events where program_id = :programId and livemode = :livemode
       order by id desc limit :timed
     ), told as materialized (${mostEndpoints})
     select (select max(received_at) from newest) as "lastAt",
       (select percentile_disc(0.95) within group (order by extract(epoch from settled_at - received_at) * 1000)::float8
          from newest) as "settleMs",
       (select count(*) from (select 1 from told t cross join lateral (
          select 1 from deliveries d where d.endpoint_id = t.id and d.program_id = :programId
            and d.status in ('succeeded', 'cancelled') and d.status = 'succeeded' and d.trigger <> 'test'
            and d.message_id >= :sinceId limit :deliveries) d limit :deliveries) x) as delivered,
       (select count(*) from (select 1 from told t cross join lateral (
          select 1 from deliveries d where d.endpoint_id = t.id and d.program_id = :programId and d.status = 'pending'
          limit :deliveries) d limit :deliveries) x) as waiting,
       (select percentile_disc(0.95) within group (order by extract(epoch from attempted_at - created_at) * 1000)::float8
          from (select d.attempted_at, d.created_at from told t cross join lateral (
                  select attempted_at, created_at from deliveries d where d.endpoint_id = t.id
                    and d.program_id = :programId and d.status in ('succeeded', 'cancelled') and d.status = 'succeeded'
                    and d.trigger <> 'test' and d.attempted_at is not null
                  order by d.message_id desc limit :timedEach) d
                order by d.attempted_at desc limit :timed) x) as "deliverMs"`,
    {
      ...scope,
      sinceId: leastIdSince('evt', since),
      timed: TIMED,
      timedEach: TIMED_EACH,
      deliveries: DELIVERIES + 1,
    },
  );
  const total = inbox.counts.reduce((sum, { count }) => sum + count, 0);
  const open = inbox.counts.reduce((sum, { status, count }) => sum + (status === 'received' ? count : 0), 0);
  const delivered = Number(row?.delivered ?? 0);
  return {
    since,
    received: { count: total, lastAt: row?.lastAt ?? null },
    settled: { count: total - open, waiting: open, p95Ms: rounded(row?.settleMs) },
    delivered: {
      count: Math.min(delivered, DELIVERIES),
      hasMore: delivered > DELIVERIES,
      waiting: Number(row?.waiting ?? 0),
      p95Ms: rounded(row?.deliverMs),
    },
  };
}

function rounded(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.max(0, Math.round(ms));
}

async function readMidnight(db: Db, programId: string, now: Date): Promise<Date> {
  const [row] = await runSql<{ midnight: Date }>(
    db,
    'readMidnight',
    `select date_trunc('day', :now::timestamptz at time zone timezone) at time zone timezone as midnight
     from programs where id = :programId`,
    { programId, now },
  );
  return row?.midnight ?? now;
}
