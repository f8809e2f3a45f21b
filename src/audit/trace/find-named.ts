import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { adjustmentRef } from '../../domain/adjustment-ref.ts';
import { foldCode } from '../../domain/codes.ts';
import { conversionIdOf } from '../../domain/ids.ts';
import { keylessRef } from '../../domain/keyless.ts';
import { namedBy, type Scope } from '../../domain/scope.ts';
import { orderRefs, subscriptionRef } from '../../inbound/fields/references.ts';
import { familiesOf } from '../../ledger/customer-families.ts';
import type { Subject } from './trace-story.ts';

/** So many orders of what somebody asks for are told of, the newest. */
export const MOST_ORDERS = 5;

/** What a text names, in one program and mode. */
export interface Named {
  /** Ids of orders, the newest first; at most one more than are told of. */
  orderIds: string[];
  /** The conversion that the text is the id of, where that was merged into the first of `orderIds`. */
  mergedFrom: string | null;
  subject: Subject | null;
  /** A customer who is known by it, whether or not they have orders. */
  customerId: string | null;
}

/**
 * Finds what a text names: the id of a conversion, a commission or an adjustment, a reference of an order or a subscription, a click, a code or an
 * affiliate, a customer, an e-mail, a sub id. Each way is an index and gives a handful; the first that finds orders is followed.
 */
export async function findNamed(db: Db, scope: Scope, text: string): Promise<Named> {
  const sources = await readOwnScopes(db, scope);
  const byId = await findById(db, scope, text);
  if (byId) return { ...byId, subject: null, customerId: null };
  const subject = (await findClick(db, scope, text)) ?? (await findCode(db, scope, text));
  const ways = [
    () => findByReference(db, scope, referencesOf(text, sources)),
    () => findBySubscription(db, scope, text),
    () => (subject?.kind === 'click' ? findByClick(db, scope, subject.value) : Promise.resolve([])),
    () => (subject && subject.kind !== 'click' ? findByAffiliate(db, scope, subject.affiliateId) : Promise.resolve([])),
  ];
  for (const way of ways) {
    const orderIds = await way();
    if (orderIds.length > 0) return { orderIds, mergedFrom: null, subject, customerId: null };
  }
  const { customerId, orderIds } = await findByCustomer(db, scope, customerReferencesOf(text, sources));
  if (customerId !== null) return { orderIds, mergedFrom: null, subject, customerId };
  if (subject) return { orderIds: [], mergedFrom: null, subject, customerId: null };
  return await findBySubId(db, scope, text);
}

/** The click by its sub id: `sub1` by its index, the others among the newest clicks. */
async function findBySubId(db: Db, scope: Scope, text: string): Promise<Named> {
  const clickId = (await findClickBySub1(db, scope, text)) ?? (await findClickByOtherSubs(db, scope, text));
  const found = clickId === null ? null : await findClick(db, scope, clickId);
  if (!found) return { orderIds: [], mergedFrom: null, subject: null, customerId: null };
  const orderIds = await findByClick(db, scope, found.value);
  return { orderIds, mergedFrom: null, subject: found, customerId: null };
}

const MOST_SOURCES = 100;

/** Sources whose order ids are their own, or all that they name. */
export async function readOwnScopes(db: Db, { programId }: Scope): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    'readOwnScopes',
    `select id from sources where program_id = :programId and order_scope = 'source' and deleted_at is null
     order by ref desc limit :limit`,
    { programId, limit: MOST_SOURCES },
  );
  return rows.map(({ id }) => id);
}

/** Every reference by which an order may be known by this text. */
export function referencesOf(text: string, sources: readonly string[]): string[] {
  const own = [text, ...orderRefs(text, null)];
  const refs = [
    ...own,
    adjustmentRef({ reference: text }),
    `stripe:${text}`,
    ...sources.flatMap((id) => [...orderRefs(text, id), ...own.map((ref) => keylessRef(id, ref))]),
  ];
  return [...new Set(refs)];
}

export function customerReferencesOf(text: string, sources: readonly string[]): string[] {
  const own = [text, `id:${text}`, `stripe:${text}`, `email:${text.toLowerCase()}`];
  return [...own, ...sources.flatMap((id) => own.map((ref) => keylessRef(id, ref)))];
}

async function findById(db: Db, scope: Scope, text: string): Promise<Pick<Named, 'orderIds' | 'mergedFrom'> | null> {
  const id = conversionIdOf(text) ?? text;
  if (!id.startsWith('cnv_') && !id.startsWith('adj_')) return null;
  const rows = await runSql<{ id: string; merged_into: string | null }>(
    db,
    'traceById',
    `with recursive chain as (
       select id, merged_into, 0 as step from orders
        where program_id = :programId and livemode = :livemode and id = :id
       union all
       select o.id, o.merged_into, chain.step + 1 from chain join orders o on o.id = chain.merged_into)
     select id, merged_into from chain order by step desc limit 1`,
    { ...scope, id },
  );
  const [end] = rows;
  return end ? { orderIds: [end.id], mergedFrom: end.id === id ? null : id } : null;
}

/** The ends of the chains of orders that merged, newest first. `start` is SQL that selects `id`s. */
function endsOf(start: string): string {
  return `with recursive known as (
      select id from (${start}) as start
      union
      select o.merged_into from known join orders o on o.id = known.id where o.merged_into is not null)
    select o.id from known cross join lateral (
      select id, created_at from orders
       where id = known.id and program_id = :programId and livemode = :livemode and merged_into is null offset 0) o
    order by o.created_at desc, o.id desc limit :limit`;
}

async function idsOf(rows: Promise<{ id: string }[]>): Promise<string[]> {
  return (await rows).map(({ id }) => id);
}

export function findByReference(db: Db, scope: Scope, refs: string[]): Promise<string[]> {
  return idsOf(
    runSql<{ id: string }>(
      db,
      'traceByReference',
      endsOf(`select order_id as id from order_refs
        where program_id = :programId and livemode = :livemode and ref = any(:refs)`),
      { ...scope, refs, limit: MOST_ORDERS + 1 },
    ),
  );
}

export function findBySubscription(db: Db, scope: Scope, text: string): Promise<string[]> {
  return idsOf(
    runSql<{ id: string }>(
      db,
      'traceBySubscription',
      `select id from orders
       where program_id = :programId and livemode = :livemode and subscription = any(:refs) and merged_into is null
       order by occurred_at desc, id desc limit :limit`,
      { ...scope, refs: [...new Set([text, subscriptionRef(text)])], limit: MOST_ORDERS + 1 },
    ),
  );
}

/** Orders that are credited by the click, then those that name it beside what counts more. */
function findByClick(db: Db, scope: Scope, clickId: string): Promise<string[]> {
  return idsOf(
    runSql<{ id: string }>(
      db,
      'traceByClick',
      `select id from (
         (select id, 0 as place from orders
           where click_id = :clickId and program_id = :programId and livemode = :livemode and merged_into is null
           order by id desc limit :limit)
         union all
         (select order_id, 1 from facts
           where fact #>> '{evidence,clickId}' = :clickId and not names_its_click
             and program_id = :programId and livemode = :livemode and order_id is not null
           limit :limit)) named
       group by id order by min(place), id desc limit :limit`,
      { ...scope, clickId, limit: MOST_ORDERS + 1 },
    ),
  );
}

function findByAffiliate(db: Db, scope: Scope, affiliateId: string): Promise<string[]> {
  return idsOf(
    runSql<{ id: string }>(
      db,
      'traceByAffiliate',
      `select id from orders
       where affiliate_id = :affiliateId and program_id = :programId and livemode = :livemode and merged_into is null
       order by id desc limit :limit`,
      { ...scope, affiliateId, limit: MOST_ORDERS + 1 },
    ),
  );
}

export async function findByCustomer(
  db: Db,
  scope: Scope,
  refs: string[],
): Promise<{ customerId: string | null; orderIds: string[] }> {
  const rows = await runSql<{ customer_id: string; id: string | null }>(
    db,
    'traceByCustomer',
    `${familiesOf(`select customer_id from customer_refs
       where program_id = :programId and livemode = :livemode and ref = any(:refs)
       union select id from customers where program_id = :programId and livemode = :livemode and id = any(:refs)`)},
     everybody as (select distinct id from family)
     select everybody.id as customer_id, o.id from everybody left join lateral (
       select id from orders
        where customer_id = everybody.id and program_id = :programId and livemode = :livemode and merged_into is null
        order by id desc limit :limit) o on true
     order by o.id desc nulls last limit :limit`,
    { ...scope, refs, limit: MOST_ORDERS + 1 },
  );
  return { customerId: rows[0]?.customer_id ?? null, orderIds: rows.flatMap(({ id }) => id ?? []) };
}

async function findClick(db: Db, scope: Scope, text: string): Promise<Subject | null> {
  const [row] = await runSql<Omit<Subject, 'kind' | 'occurredAt'> & { occurredAt: Date }>(
    db,
    'traceClick',
    `select c.id as value, c.affiliate_id as "affiliateId", a.display_name as "affiliateName", c.occurred_at as "occurredAt"
     from clicks c join affiliates a on a.id = c.affiliate_id and a.program_id = c.program_id
     where c.program_id = :programId and c.livemode = :livemode and c.id = :text`,
    { ...scope, text },
  );
  return row ? { ...row, kind: 'click', occurredAt: row.occurredAt.toISOString() } : null;
}

// How far back clicks are looked through for what affiliates put on their links beside the first.
const NEWEST_CLICKS = 10_000;

/** The newest click whose first sub id this is. */
export async function findClickBySub1(db: Db, scope: Scope, text: string): Promise<string | null> {
  const [row] = await runSql<{ id: string }>(
    db,
    'traceSubId',
    `select id from clicks
     where hashtextextended(program_id || ' ' || sub1, livemode::integer)
         = hashtextextended(:programId || ' ' || :text, :livemode::boolean::integer)
       and program_id = :programId and livemode = :livemode and sub1 = :text and sub1 is not null
     order by id desc limit 1`,
    { ...scope, text },
  );
  return row?.id ?? null;
}

async function findClickByOtherSubs(db: Db, scope: Scope, text: string): Promise<string | null> {
  const [row] = await runSql<{ id: string }>(
    db,
    'traceOtherSubIds',
    `select id from (
       select id, sub2, sub3, sub4, sub5 from clicks
       where program_id = :programId and livemode = :livemode order by id desc limit :newest) newest
     where :text in (sub2, sub3, sub4, sub5) order by id desc limit 1`,
    { ...scope, text, newest: NEWEST_CLICKS },
  );
  return row?.id ?? null;
}

async function findCode(db: Db, scope: Scope, text: string): Promise<Subject | null> {
  const { programId, modes } = namedBy(scope);
  const [row] = await runSql<Omit<Subject, 'occurredAt'>>(
    db,
    'traceCode',
    `select found.kind, found.value, a.id as "affiliateId", a.display_name as "affiliateName"
     from (
       select case kind when 'coupon' then 'coupon' else 'referral_code' end as kind, display as value, affiliate_id, 1 as place
         from affiliate_codes where program_id = :programId and livemode = any(:modes) and code = :code
          and kind in ('referral', 'coupon')
       union all
       select 'affiliate', id, id, 0 from affiliates where program_id = :programId and id = :text
       union all
       select 'link', code, affiliate_id, 2 from tracking_links
        where lower(code) = lower(:text) and program_id = :programId and livemode = any(:modes)
       union all
       select 'link', id, affiliate_id, 2 from tracking_links where program_id = :programId and id = :text
       union all
       select 'affiliate', id, id, 3 from affiliates
        where program_id = :programId and lower(email) collate "C" = lower(:text) collate "C" and livemode = any(:modes)
     ) found
     join affiliates a on a.id = found.affiliate_id and a.program_id = :programId and a.livemode = any(:modes)
     order by found.place, a.livemode = :livemode desc, a.id limit 1`,
    { programId, modes, livemode: scope.livemode, code: foldCode(text), text },
  );
  return row ? { ...row, occurredAt: null } : null;
}
