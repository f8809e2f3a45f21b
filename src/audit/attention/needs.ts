import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { leastIdSince } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import { readInboxCounts } from '../../inbound/inbox/inbox-counts.ts';
import { mostEndpoints } from './endpoints.ts';

export const attentionKinds = [
  'failed_messages',
  'unprocessable_messages',
  'refused_messages',
  'silent_sources',
  'failing_endpoints',
  'disabled_endpoints',
  'exhausted_deliveries',
  'parked_orders',
  'held_reviews',
  'commissions_past_hold',
  'negative_balances',
] as const;

export type AttentionKind = (typeof attentionKinds)[number];

/** A source or an endpoint that a line is about. */
export interface AttentionSubject {
  id: string;
  name: string;
  /** When a source was last heard of, or since when an endpoint fails. */
  at: Date | null;
}

/** Something that waits for a person. */
export interface Attention {
  kind: AttentionKind;
  count: number;
  /** Whether it is counted no further. */
  hasMore: boolean;
  /** The first of them, where they are sources or endpoints. */
  subjects: AttentionSubject[];
}

export const DAY_MS = 86_400_000;
export const LATELY_DAYS = 7;
/** Nobody needs to know how many more there are. */
export const COUNTED = 1_000;
const SUBJECTS = 5;
/** So many orders whose hold is over are looked at: those that wait are among them, or it is no long list. */
const LOOKED_AT = 10_000;

/** What needs a person, without what there is none of. Each count ends early, and an index leads to it. */
export async function readAttention(db: Db, scope: Scope, now: Date): Promise<Attention[]> {
  const since = new Date(now.getTime() - LATELY_DAYS * DAY_MS);
  const inbox = await readInboxCounts(db, { ...scope, from: since, until: new Date(now.getTime() + 1) });
  const silent = await findSilentSources(db, scope, now);
  const endpoints = await findUnwellEndpoints(db, scope);
  const counts = await countRows(db, scope, now, since);
  const ofStatus = (wanted: string): number =>
    inbox.counts.reduce((sum, { status, count }) => sum + (status === wanted ? count : 0), 0);
  const counted = (kind: AttentionKind, count: number): Attention => ({ kind, count, hasMore: false, subjects: [] });
  const capped = (kind: AttentionKind, count: number): Attention => ({
    ...counted(kind, Math.min(count, COUNTED)),
    hasMore: count > COUNTED,
  });
  const named = (kind: AttentionKind, subjects: AttentionSubject[]): Attention => ({
    ...counted(kind, subjects.length),
    subjects: subjects.slice(0, SUBJECTS),
  });
  return [
    counted('failed_messages', ofStatus('failed')),
    counted('unprocessable_messages', ofStatus('unprocessable')),
    counted('refused_messages', Number(counts.refused)),
    named('silent_sources', silent),
    named(
      'failing_endpoints',
      endpoints.filter(({ isDisabled }) => !isDisabled),
    ),
    named(
      'disabled_endpoints',
      endpoints.filter(({ isDisabled }) => isDisabled),
    ),
    capped('exhausted_deliveries', Number(counts.exhausted)),
    capped('parked_orders', Number(counts.parked)),
    capped('held_reviews', Number(counts.reviews)),
    capped('commissions_past_hold', Number(counts.pastHold)),
    capped('negative_balances', Number(counts.negative)),
  ].filter(({ count }) => count > 0);
}

interface Counts {
  refused: bigint;
  exhausted: bigint;
  parked: bigint;
  reviews: bigint;
  pastHold: bigint;
  negative: bigint;
}

/** A commission with an end of its hold that settling knows of is approved by itself: only those without wait for somebody. */
async function countRows(db: Db, { programId, livemode }: Scope, now: Date, since: Date): Promise<Counts> {
  const [row] = await runSql<Counts>(
    db,
    'countAttention',
    `select
       (select coalesce(sum(c.count), 0)::bigint from sources s join refused_counts c on c.program_id = s.program_id
          and c.source_id = s.id and c.hour >= date_trunc('hour', :yesterday::timestamptz)
        where s.program_id = :programId and s.livemode = :livemode and s.deleted_at is null) as refused,
       (select count(*) from (select 1 from (${mostEndpoints}) e cross join lateral (
          select 1 from deliveries d where d.endpoint_id = e.id and d.program_id = :programId and d.status = 'failed'
            and d.trigger <> 'test' and d.message_id >= :sinceMessage limit :most) d limit :most) x) as exhausted,
       (select count(*) from (select 1 from orders where program_id = :programId and livemode = :livemode
          and reason = 'no_attribution' and status = 'parked' and id >= :sinceOrder limit :most) x) as parked,
       (select count(*) from (select 1 from orders where program_id = :programId and livemode = :livemode
          and review is not null and merged_into is null limit :most) x) as reviews,
       (select count(*) from (select status, approvable_at, review from orders
          where program_id = :programId and livemode = :livemode
            and id < 'cnv_' || lpad(to_hex((extract(epoch from :now::timestamptz) * 1000)::bigint - 86400000::bigint
              * (select hold_days from programs where id = :programId)), 12, '0')
          order by id desc limit :lookedAt) o
        where status = 'pending' and approvable_at is null and review is null) as "pastHold",
       (select count(*) from (select 1 from (
            select affiliate_id, currency, posted - pending - in_payout - paid as approved
              from balance_rollups where program_id = :programId
            union all
            select affiliate_id, currency, posted - pending - in_payout - paid
              from balance_deltas where program_id = :programId) b
          where :livemode group by affiliate_id, currency having sum(approved) < 0 limit :most) x) as negative`,
    {
      programId,
      livemode,
      now,
      yesterday: new Date(now.getTime() - DAY_MS),
      sinceMessage: leastIdSince('evt', since),
      sinceOrder: leastIdSince('cnv', since),
      most: COUNTED + 1,
      lookedAt: LOOKED_AT,
    },
  );
  return row as Counts;
}

async function findUnwellEndpoints(db: Db, scope: Scope): Promise<(AttentionSubject & { isDisabled: boolean })[]> {
  return runSql(
    db,
    'findUnwellEndpoints',
    `select w.id, coalesce(w.description, w.url) as name, coalesce(w.disabled_at, w.failing_since) as at,
       w.disabled_at is not null as "isDisabled"
     from (${mostEndpoints}) e join webhook_endpoints w on w.program_id = :programId and w.id = e.id
     where w.disabled_reason in ('gone', 'failing') or (w.disabled_at is null and w.failing_since is not null)
     order by at`,
    { ...scope },
  );
}

const MOST_SOURCES = 50;
/** A week of a source that is heard of every hour. */
const STEPS = 170;
/** Who was heard of less often has no rhythm. */
const STEPS_OF_RHYTHM = 6;

/**
 * Sources that are silent for more than twice as long as ever within their last messages. It steps back through them an hour
 * at a time, so that a busy source costs no more than a slow one.
 */
async function findSilentSources(db: Db, { programId, livemode }: Scope, now: Date): Promise<AttentionSubject[]> {
  return runSql(
    db,
    'findSilentSources',
    `select s.ref as id, coalesce(s.name, s.kind) as name, rhythm.last as at
     from (select id, ref, name, kind from sources where program_id = :programId and livemode = :livemode
             and deleted_at is null order by ref desc limit :mostSources) s
     cross join lateral (
       with recursive steps as (
         (select received_at, null::timestamptz as later, 1 as n from inbox_events
           where right(source_id, 12) = right(s.id, 12) and source_id = s.id and program_id = :programId
           order by id desc limit 1)
         union all
         select e.received_at, p.received_at, p.n + 1 from steps p cross join lateral (
           select received_at from inbox_events
            where right(source_id, 12) = right(s.id, 12) and source_id = s.id and program_id = :programId
              and id < 'ibx_' || lpad(to_hex((extract(epoch from p.received_at) * 1000)::bigint - 3600000), 12, '0')
            order by id desc limit 1) e
          where p.n < :steps)
       select max(received_at) as last, max(later - received_at) as longest, count(*) as n from steps) rhythm
     where rhythm.n >= :stepsOfRhythm and :now::timestamptz - rhythm.last > 2 * rhythm.longest
     order by rhythm.last`,
    { programId, livemode, now, mostSources: MOST_SOURCES, steps: STEPS, stepsOfRhythm: STEPS_OF_RHYTHM },
  );
}
