import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { foldCode } from '../domain/codes.ts';
import { conversionIdOf } from '../domain/ids.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import { findMessage } from '../outbound/messages/message-rows.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import {
  customerReferencesOf,
  findByCustomer,
  findByReference,
  findBySubscription,
  findClickBySub1,
  readOwnScopes,
  referencesOf,
} from './trace/find-named.ts';

export const searchKinds = [
  'conversion',
  'adjustment',
  'customer',
  'click',
  'affiliate',
  'offer',
  'link',
  'source',
  'endpoint',
  'payout',
  'message',
  'inbox_event',
] as const;
export type SearchKind = (typeof searchKinds)[number];

export interface SearchHit {
  kind: SearchKind;
  id: string;
  title: string;
  mode: 'live' | 'test';
}

export const MOST_HITS = 20;
const MOST_OF_A_KIND = 8;

interface Row {
  kind: SearchKind;
  id: string;
  title: string;
  livemode: boolean;
  /** 0: its id. 1: another name of it, whole. 2: the beginning of its name. */
  place: number;
}

/**
 * What a text names or begins to name, the exact id first: rows of the scope, configuration within reach. Each look-up goes by
 * an index and gives a handful. `text` is trimmed and not empty.
 */
export async function search(db: Db, scope: Scope, reach: Reach, text: string): Promise<SearchHit[]> {
  const named = await restoreSourceIds(db, scope.programId, text);
  const rows = [
    ...(await findByIds(db, scope, reach, named)),
    ...(await findOrders(db, scope, named)),
    ...(await findByOtherNames(db, reach, named)),
  ];
  const once = new Map(rows.map((row) => [`${row.kind} ${row.id}`, row] as const).reverse());
  return [...once.values()]
    .toReversed()
    .sort((a, b) => a.place - b.place || Number(b.livemode === scope.livemode) - Number(a.livemode === scope.livemode))
    .slice(0, MOST_HITS)
    .map(({ kind, id, title, livemode }) => ({ kind, id, title, mode: livemode ? 'live' : 'test' }));
}

async function findByIds(db: Db, scope: Scope, { modes }: Reach, text: string): Promise<Row[]> {
  const rows = await runSql<Row>(
    db,
    'searchIds',
    `select 'affiliate' as kind, id, display_name as title, livemode, 0 as place from affiliates
      where id = :text and program_id = :programId and livemode = any(:modes)
     union all
     select 'offer', id, name, livemode, 0 from offers where id = :text and program_id = :programId and livemode = any(:modes)
     union all
     select 'link', id, code, livemode, 0 from tracking_links
      where id = :text and program_id = :programId and livemode = any(:modes)
     union all
     select 'source', id, coalesce(name, kind), livemode, 0 from sources
      where id = :text and program_id = :programId and livemode = any(:modes) and deleted_at is null
     union all
     select 'endpoint', id, url, livemode, 0 from webhook_endpoints
      where id = :text and program_id = :programId and livemode = any(:modes) and deleted_at is null
     union all
     select 'payout', p.id, a.display_name, true, 0 from payouts p
      join affiliates a on a.id = p.affiliate_id and a.program_id = p.program_id
      where p.id = :text and p.program_id = :programId and :livemode
     union all
     select 'click', c.id, a.display_name, c.livemode, 0 from clicks c
      join affiliates a on a.id = c.affiliate_id and a.program_id = c.program_id
      where c.program_id = :programId and c.livemode = :livemode and c.id = :text
     union all
     select 'customer', id, coalesce(email, id), livemode, 0 from customers
      where program_id = :programId and livemode = :livemode and id = :text
     union all
     select 'inbox_event', id, kind || ': ' || coalesce(outcome, status), livemode, 0 from inbox_events
      where program_id = :programId and livemode = :livemode and id = :text`,
    { ...scope, modes, text },
  );
  if (!text.startsWith('evt_')) return rows;
  const message = await findMessage(db, scope.programId, scope.livemode, text);
  if (!message) return rows;
  const { id, type, livemode } = message;
  return [{ kind: 'message', id, title: type, livemode, place: 0 }, ...rows];
}

/** Conversions and adjustments by every id that they are known by, and customers with their newest orders. */
async function findOrders(db: Db, scope: Scope, text: string): Promise<Row[]> {
  const sources = await readOwnScopes(db, scope);
  const byId = conversionIdOf(text) ?? text;
  const byReference = await findByReference(db, scope, referencesOf(text, sources));
  const bySubscription = await findBySubscription(db, scope, text);
  const { customerId, orderIds } = await findByCustomer(db, scope, customerReferencesOf(text, sources));
  const clickId = await findClickBySub1(db, scope, text);
  return await runSql<Row>(
    db,
    'searchOrders',
    `select case o.status when 'adjustment' then 'adjustment' else 'conversion' end as kind, o.id,
       case o.status when 'adjustment' then o.explanation #>> '{adjustment,reason}'
         else coalesce(o.kind, 'order') || ' ' || coalesce(o.order_id, o.reference, o.id) || ': ' || o.status end as title,
       o.livemode, case when o.id = :byId then 0 else 1 end as place
     from unnest(:orderIds::text[]) with ordinality as named (id, at) cross join lateral (
       select * from orders
        where id = named.id and program_id = :programId and livemode = :livemode offset 0) o
     union all
     select 'customer', id, coalesce(email, id), livemode, 1 from customers
      where program_id = :programId and livemode = :livemode and id = :customerId
     union all
     select 'click', c.id, a.display_name, c.livemode, 1 from clicks c
      join affiliates a on a.id = c.affiliate_id and a.program_id = c.program_id
      where c.program_id = :programId and c.livemode = :livemode and c.id = :clickId`,
    {
      ...scope,
      byId,
      orderIds: [...new Set([byId, ...byReference, ...bySubscription, ...orderIds])],
      customerId,
      clickId,
    },
  );
}

/** Codes and e-mails as a whole; names by how they begin. */
function findByOtherNames(db: Db, { programId, modes }: Reach, text: string): Promise<Row[]> {
  return runSql<Row>(
    db,
    'searchNames',
    `select * from (
       select 'affiliate' as kind, a.id, a.display_name as title, a.livemode, 1 as place
       from affiliate_codes c join affiliates a on a.id = c.affiliate_id and a.program_id = c.program_id
       where c.program_id = :programId and c.kind in ('referral', 'coupon') and c.code = :code and c.livemode = any(:modes)
       union
       select 'affiliate', id, display_name, livemode, 1 from affiliates
       where program_id = :programId and lower(email) collate "C" = lower(:text) collate "C" and livemode = any(:modes)
     ) affiliate
     union all
     select 'link', id, code, livemode, 1 from tracking_links
      where lower(code) = lower(:text) and program_id = :programId and livemode = any(:modes)
     union all
     select 'offer', id, name, livemode, 1 from offers
      where program_id = :programId and code = :text and livemode = any(:modes)
     union all
     (select 'affiliate', id, display_name, livemode, 2 from affiliates
       where program_id = :programId and livemode = any(:modes)
         and lower(display_name) collate "C" >= lower(:text) collate "C"
         and lower(display_name) collate "C" < (lower(:text) || chr(1114111)) collate "C"
       order by lower(display_name) collate "C" limit :most)
     union all
     (select 'offer', id, name, livemode, 2 from offers
       where program_id = :programId and livemode = any(:modes)
         and lower(name) collate "C" >= lower(:text) collate "C"
         and lower(name) collate "C" < (lower(:text) || chr(1114111)) collate "C"
       order by lower(name) collate "C" limit :most)
     union all
     (select 'source', id, coalesce(name, kind), livemode, 2 from sources
       where program_id = :programId and livemode = any(:modes) and deleted_at is null
         and starts_with(lower(coalesce(name, kind)), lower(:text))
       order by ref desc limit :most)`,
    { programId, modes, code: foldCode(text), text, most: MOST_OF_A_KIND },
  );
}
