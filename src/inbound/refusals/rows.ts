import { conditionOf } from '../../db/conditions.ts';
import { selectList, type Columns } from '../../db/columns.ts';
import type { Db } from '../../db/db.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import { runSql } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Refusal } from '../../http/refusals.ts';
import type { RefusedSample, RefusedSource } from './sample.ts';

/** How often a source refused for a reason within an hour. */
export interface RefusedCount {
  source: RefusedSource;
  reason: Refusal;
  /** Its beginning, in Unix milliseconds. */
  hourMs: number;
  count: number;
}

/**
 * A message that was turned away, without its secrets; equal ones are one. `count`: how often it came, as far as it was told from
 * others in a flood: the counts by hour have all.
 */
export interface RefusedRequest extends Omit<RefusedSample, 'source' | 'digest' | 'refusal'> {
  id: string;
  sourceId: string;
  livemode: boolean;
  reason: Refusal;
}

/** So many samples of a source are kept: the newest. */
export const SAMPLES_KEPT = 100;

/** Adds to the counts. In one order, so that processes that add to the same rows wait for each other and never in a circle. */
export async function addRefusedCounts(db: Db, counts: readonly RefusedCount[]): Promise<void> {
  if (counts.length === 0) return;
  await runSql(
    db,
    'addRefusedCounts',
    `insert into refused_counts as known (program_id, source_id, hour, reason, count)
     select program_id, source_id, hour, reason, count
     from unnest(:programIds::text[], :sourceIds::text[], :hours::timestamptz[], :reasons::text[], :counts::bigint[])
       as c (program_id, source_id, hour, reason, count)
     order by 1, 2, 3, 4
     on conflict (program_id, source_id, hour, reason) do update set count = known.count + excluded.count`,
    {
      programIds: counts.map(({ source }) => source.programId),
      sourceIds: counts.map(({ source }) => source.id),
      hours: counts.map(({ hourMs }) => new Date(hourMs)),
      reasons: counts.map(({ reason }) => reason),
      counts: counts.map(({ count }) => count),
    },
  );
}

/** Keeps samples, or counts them as repeats; of each source the newest stay. */
export async function keepSamples(db: Db, samples: readonly RefusedSample[]): Promise<void> {
  if (samples.length === 0) return;
  const valuesOf = <V>(read: (sample: RefusedSample) => V): V[] => samples.map(read);
  const ids = samples.map(() => newId('rfs'));
  const kept = await runSql<{ isNew: boolean }>(
    db,
    'keepRefusedRequests',
    `insert into refused_requests as known (id, program_id, livemode, source_id, digest, reason, status, message, method,
       network, query, body, content_type, user_agent, refs, count, first_at, last_at, place)
     select id, program_id, livemode, source_id, digest, reason, status, message, method, network, query, body,
       content_type, user_agent, array(select json_array_elements_text(refs::json)), count, first_at, last_at, place
     from unnest(:ids::text[], :programIds::text[], :livemodes::boolean[], :sourceIds::text[], :digests::text[],
       :reasons::text[], :statuses::smallint[], :messages::text[], :methods::text[], :networks::text[], :queries::text[],
       :bodies::text[], :contentTypes::text[], :userAgents::text[], :refs::text[], :counts::bigint[],
       :firsts::timestamptz[], :lasts::timestamptz[], :places::text[])
       as s (id, program_id, livemode, source_id, digest, reason, status, message, method, network, query, body,
         content_type, user_agent, refs, count, first_at, last_at, place)
     order by program_id, source_id, digest
     on conflict (program_id, source_id, digest) do update set count = known.count + excluded.count,
       last_at = greatest(known.last_at, excluded.last_at), place = greatest(known.place, excluded.place),
       message = excluded.message, network = excluded.network, query = excluded.query, body = excluded.body
     returning xmax = 0 as "isNew"`,
    {
      ids,
      programIds: valuesOf(({ source }) => source.programId),
      livemodes: valuesOf(({ source }) => source.livemode),
      sourceIds: valuesOf(({ source }) => source.id),
      digests: valuesOf(({ digest }) => digest),
      reasons: valuesOf(({ refusal }) => refusal),
      statuses: valuesOf(({ status }) => status),
      messages: valuesOf(({ message }) => message),
      methods: valuesOf(({ method }) => method),
      networks: valuesOf(({ network }) => network),
      queries: valuesOf(({ query }) => query),
      bodies: valuesOf(({ body }) => body),
      contentTypes: valuesOf(({ contentType }) => contentType),
      userAgents: valuesOf(({ userAgent }) => userAgent),
      refs: valuesOf(({ references }) => JSON.stringify(references)),
      counts: valuesOf(({ count }) => count),
      firsts: valuesOf(({ firstAt }) => firstAt),
      lasts: valuesOf(({ lastAt }) => lastAt),
      places: samples.map(({ lastAt }, index) => placeOf(lastAt, index, ids[index] ?? '')),
    },
  );
  if (kept.some(({ isNew }) => isNew)) await dropOldest(db, [...new Set(valuesOf(({ source }) => source.id))]);
}

/** Sorts as the time, and those of a millisecond as they came; no two are the same. */
function placeOf(at: Date, index: number, id: string): string {
  return at.getTime().toString(16).padStart(12, '0') + String(index).padStart(4, '0') + id.slice(-16);
}

/** What another process is just counting stays for a while longer. */
async function dropOldest(db: Db, sourceIds: readonly string[]): Promise<void> {
  await runSql(
    db,
    'dropOldestRefusedRequests',
    `delete from refused_requests where id in (
       select r.id from unnest(:sourceIds::text[]) as s (id) cross join lateral (
         select place from refused_requests where source_id = s.id order by place desc offset :kept limit 1) last
       join refused_requests r on r.source_id = s.id and r.place <= last.place
       for update of r skip locked)`,
    { sourceIds, kept: SAMPLES_KEPT },
  );
}

export interface RefusedFilter {
  reasons?: readonly Refusal[] | undefined;
  reference?: string | undefined;
  /** By `lastAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

/** Of one source, the last that came first. A page ends at a `place`. */
export function listRefusedRequests(
  db: Db,
  programId: string,
  sourceId: string,
  filter: RefusedFilter,
  page: PageRequest,
): Promise<Page<RefusedRequest & { place: string }>> {
  const list = { name: 'listRefusedRequests', select: `select ${selected}, place from refused_requests`, id: 'place' };
  const conditions = [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('source_id = :sourceId', sourceId),
    ...conditionOf('reason = any(:reasons)', filter.reasons),
    ...(filter.reference === undefined ? [] : conditionOf('refs && :names::text[]', namesOf(filter.reference))),
    ...conditionOf('last_at >= :from', filter.from),
    ...conditionOf('last_at < :until', filter.until),
  ];
  return selectPage(db, list, conditions, page);
}

/**
 * What was turned away at any source of the scope and carried this id (of an order, a click, a customer, Stripe, RevenueCat, an
 * e-mail, a code): the newest first. An index has the ids.
 */
export function findRefusals(
  db: Db,
  { programId, livemode, reference }: Scope & { reference: string },
  limit = 20,
): Promise<RefusedRequest[]> {
  return runSql<RefusedRequest>(
    db,
    'findRefusals',
    `select ${selected} from refused_requests
     where refs && :names::text[] and program_id = :programId and livemode = :livemode order by place desc limit :limit`,
    { programId, livemode, names: namesOf(reference), limit },
  );
}

/** E-mails are kept in lower case. */
function namesOf(reference: string): string[] {
  return reference.includes('@') ? [reference, reference.toLowerCase()] : [reference];
}

/** How often sources refused since the beginning of the hour in which `since` is, by source id and reason. */
export async function countRefusals(
  db: Db,
  programId: string,
  sourceIds: readonly string[],
  since: Date,
): Promise<Map<string, { reason: Refusal; count: number }[]>> {
  const rows = await runSql<{ sourceId: string; reason: Refusal; count: bigint }>(
    db,
    'countRefusals',
    `select source_id as "sourceId", reason, sum(count)::bigint as count from refused_counts
     where program_id = :programId and source_id = any(:sourceIds) and hour >= date_trunc('hour', :since::timestamptz)
     group by 1, 2 order by 3 desc, 2`,
    { programId, sourceIds, since },
  );
  const bySource = new Map<string, { reason: Refusal; count: number }[]>();
  for (const { sourceId, reason, count } of rows) {
    bySource.set(sourceId, [...(bySource.get(sourceId) ?? []), { reason, count: Number(count) }]);
  }
  return bySource;
}

/** Deletes some of what is older than `before`; tells how many rows. */
export async function deleteOldRefusals(db: Db, before: Date, limit: number): Promise<number> {
  const [row] = await runSql<{ deleted: bigint }>(
    db,
    'deleteOldRefusals',
    `with samples as (
       delete from refused_requests where ctid = any(array(
         select ctid from refused_requests where last_at < :before limit :limit for update skip locked)) returning 1
     ), counts as (
       delete from refused_counts where ctid = any(array(
         select ctid from refused_counts where hour < :before limit :limit for update skip locked)) returning 1
     )
     select (select count(*) from samples) + (select count(*) from counts) as deleted`,
    { before, limit },
  );
  return Number(row?.deleted ?? 0n);
}

const columns: Columns<keyof RefusedRequest> = {
  id: 'id',
  sourceId: 'source_id',
  livemode: 'livemode',
  reason: 'reason',
  status: 'status',
  message: 'message',
  method: 'method',
  network: 'network',
  query: 'query',
  body: 'body',
  contentType: 'content_type',
  userAgent: 'user_agent',
  references: 'refs',
  count: 'count::float8',
  firstAt: 'first_at',
  lastAt: 'last_at',
};
const selected = selectList(columns);
