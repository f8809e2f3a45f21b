import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import { findMessage } from '../../outbound/messages/message-rows.ts';

/** A stored message with what came. */
export interface MessageRow {
  id: string;
  kind: string;
  livemode: boolean;
  sourceId: string | null;
  sourceRef: string | null;
  receivedAt: Date;
  settledAt: Date | null;
  status: string;
  outcome: string | null;
  reason: string | null;
  error: string | null;
  conversionId: string | null;
  raw: Buffer;
  headers: Record<string, string>;
  facts: Fact[];
}

const selected = `e.id, e.kind, e.livemode, e.source_id as "sourceId", s.ref as "sourceRef", e.received_at as "receivedAt",
  e.settled_at as "settledAt", e.status, e.outcome, e.reason, e.error, e.conversion_id as "conversionId", e.raw, e.headers,
  e.facts`;

/** These messages, in the order of their ids. */
export function readMessages(db: Db, scope: Scope, ids: readonly string[]): Promise<MessageRow[]> {
  return runSql<MessageRow>(
    db,
    'traceMessages',
    `select ${selected} from inbox_events e left join sources s on s.id = e.source_id
     where e.program_id = :programId and e.livemode = :livemode and e.id = any(:ids) order by e.id`,
    { ...scope, ids },
  );
}

/** The order that a message of ours (evt_…) tells of; null where it is no message of the program, or tells of none. */
export async function findTold(db: Db, { programId, livemode }: Scope, text: string): Promise<string | null> {
  if (!text.startsWith('evt_')) return null;
  const message = await findMessage(db, programId, livemode, text);
  const { id, conversionId = id } = message?.data ?? {};
  if (typeof conversionId !== 'string') return null;
  return conversionId.startsWith('cnv_') ? conversionId : null;
}

// No index tells what stands in messages that made no order: so many of the newest are looked through.
const NEWEST_IN_ERROR = 2_000;
const NEWEST_OF_ALL = 1_000;
const NEWEST_OF_EACH_PROVIDER = 1_000;
const MOST_PROVIDERS = 4;
const MOST_FOUND = 10;
// What is shorter stands in too many messages.
const SHORTEST = 3;

/**
 * Messages that carry a text and made no order, the newest first: among the newest in error, the newest of the program, and
 * the newest of its providers, most of whose messages are ignored.
 */
export async function findMessagesNaming(db: Db, scope: Scope, text: string): Promise<MessageRow[]> {
  if (text.length < SHORTEST) return [];
  const rows = await runSql<MessageRow>(
    db,
    'traceMessagesNaming',
    `with looked_through as (
       (select id from inbox_events
         where program_id = :programId and livemode = :livemode and error is not null
         order by id desc limit :inError)
       union
       (select id from inbox_events where program_id = :programId and livemode = :livemode order by id desc limit :ofAll)
       union
       select newest.id from (
         select id from sources where program_id = :programId and kind in ('stripe', 'revenuecat')
         order by created_at desc limit :providers) source
       cross join lateral (
         select e.id, e.source_id from inbox_events e where right(e.source_id, 12) = right(source.id, 12)
         order by e.id desc limit :ofEach) newest
       where newest.source_id = source.id)
     select ${selected} from (
       select e.* from looked_through l cross join lateral (
         select * from inbox_events e
          where e.program_id = :programId and e.livemode = :livemode and e.id = l.id
            and (e.status <> 'processed' or e.outcome not in ('recorded', 'updated') or e.conversion_id is null)
            and (position(convert_to(:text, 'UTF8') in e.raw) > 0
              or position(lower(:quoted) in lower(e.facts::text)) > 0)
          offset 0) e
       order by e.id desc limit :limit) e
     left join sources s on s.id = e.source_id
     order by e.id desc`,
    {
      ...scope,
      text,
      quoted: JSON.stringify(text).slice(1, -1),
      inError: NEWEST_IN_ERROR,
      ofAll: NEWEST_OF_ALL,
      ofEach: NEWEST_OF_EACH_PROVIDER,
      providers: MOST_PROVIDERS,
      limit: 5 * MOST_FOUND,
    },
  );
  return rows.filter((row) => standsIn(row, text)).slice(0, MOST_FOUND);
}

/** As a whole word: `A-1` does not stand in `A-10`. */
function standsIn({ raw, facts, headers }: MessageRow, text: string): boolean {
  const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const whole = new RegExp(`(?<![\\p{L}\\p{N}_-])${escaped}(?![\\p{L}\\p{N}_-])`, 'iu');
  return whole.test(raw.toString('utf8')) || whole.test(JSON.stringify(facts)) || whole.test(headers['url'] ?? '');
}

/** What was said again of these orders, and added nothing to them: of the newest messages in error those with words about it. */
export async function findRepeats(db: Db, scope: Scope, orderIds: readonly string[]): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    'traceRepeats',
    `select id from (
       select id, conversion_id from inbox_events
       where program_id = :programId and livemode = :livemode and error is not null order by id desc limit :inError) newest
     where conversion_id = any(:orderIds) order by id desc limit :limit`,
    { ...scope, orderIds, inError: NEWEST_IN_ERROR, limit: MOST_FOUND },
  );
  return rows.map(({ id }) => id);
}
