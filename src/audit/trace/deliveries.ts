import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import { eventTypeNames } from '../../outbound/events/event-types.ts';
import { streamNumber } from '../../outbound/wire/streams.ts';
import type { Story } from '../stories.ts';

/** What subscribers were told of an order, and whether they know. */
export interface ToldMessage {
  id: string;
  type: string;
  /** ISO 8601 UTC. */
  createdAt: string;
  deliveries: ToldDelivery[];
}

export interface ToldDelivery {
  endpointId: string;
  kind: string;
  url: string;
  status: string;
  attempts: number;
  nextAttemptAt: string | null;
}

const types = eventTypeNames.filter((type) => /^(?:conversion|lead|commission)[.]/.test(type));

/** An order that was settled more often is told of by its newest messages alone. */
const MOST_INSTANTS = 30;

// A message gets its id while its batch is settled; the clocks of database and hub may differ a little.
const EARLIER_MS = 1_000;
const LATER_MS = 9_000;
const MOST_OF_A_BATCH = 2_000;
const MOST_MESSAGES = 50;

/**
 * The messages about an order, the oldest first. No index leads from a conversion to them: each was written with a settlement of
 * it, and at such an instant there are few of a type.
 */
export async function findToldMessages(db: Db, scope: Scope, stories: readonly Story[]): Promise<ToldMessage[]> {
  const instants = apart(stories.flatMap(instantsOf)).slice(-MOST_INSTANTS);
  if (instants.length === 0) return [];
  const ids = stories.flatMap(({ order, merged }) => [order.id, ...merged]);
  const rows = await runSql<{ id: string; type: string; created_at: Date; deliveries: ToldDelivery[] | null }>(
    db,
    'traceToldMessages',
    `select m.id, m.type, m.created_at, (
       select json_agg(json_build_object('endpointId', d.endpoint_id, 'kind', w.kind, 'url', w.url, 'status', d.status,
         'attempts', d.attempts, 'nextAttemptAt',
         to_char(d.next_attempt_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by d.endpoint_id)
       from deliveries d join webhook_endpoints w on w.id = d.endpoint_id and w.program_id = d.program_id
       where d.message_id = m.id and d.program_id = :programId) as deliveries
     from unnest(:lowest::text[], :highest::text[]) as at (lowest, highest)
     cross join unnest(:types::text[], :streams::integer[]) as s (type, number)
     cross join lateral (
       select near.id, near.type, near.created_at from (
         select id, type, created_at, body, program_id, livemode from messages
         where stream = s.number and id >= at.lowest and id < at.highest order by id limit :ofABatch) near
       where near.type = s.type and near.program_id = :programId and near.livemode = :livemode
         and exists (select 1 from unnest(:ids::text[]) as told (id) where position('"' || told.id || '"' in near.body) > 0)) m
     group by m.id, m.type, m.created_at order by m.id limit :limit`,
    {
      ...scope,
      ids,
      lowest: instants.map((instant) => lowestId(instant, -EARLIER_MS)),
      highest: instants.map((instant) => lowestId(instant, LATER_MS)),
      types,
      streams: types.map((type) => streamNumber({ ...scope, type })),
      ofABatch: MOST_OF_A_BATCH,
      limit: MOST_MESSAGES,
    },
  );
  return rows.map(({ id, type, created_at, deliveries }) => ({
    id,
    type,
    createdAt: created_at.toISOString(),
    deliveries: deliveries ?? [],
  }));
}

/** When it was settled, as far as its row, its messages and its postings tell. */
function instantsOf({ order, chapters }: Story): string[] {
  const settled = chapters.flatMap(({ message, postings }) => [
    message?.settledAt ?? null,
    ...postings.map(({ createdAt }) => createdAt),
  ]);
  const all = [order.createdAt, order.updatedAt, order.approvedAt, order.paidAt, ...settled];
  return [...new Set(all.filter((instant) => instant !== null))];
}

/** Sorted, and of those that are as good as one the first. */
function apart(instants: readonly string[]): string[] {
  const kept: string[] = [];
  for (const instant of instants.toSorted()) {
    const last = kept.at(-1);
    if (last === undefined || Date.parse(instant) - Date.parse(last) > EARLIER_MS) kept.push(instant);
  }
  return kept;
}

/** A UUIDv7 begins with its milliseconds in 12 hex digits. */
function lowestId(instant: string, laterMs: number): string {
  return `evt_${(Date.parse(instant) + laterMs).toString(16).padStart(12, '0')}`;
}
