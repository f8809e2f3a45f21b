import type { Db } from '../db/db.ts';
import { selectList, type Columns } from '../db/columns.ts';
import type { Page, PageRequest } from '../db/page.ts';
import { runSql } from '../db/sql.ts';
import { familiesOf, whoStandsFor } from './customer-families.ts';

/** The advertiser's customer, and the affiliate that they are bound to. */
export interface Customer {
  id: string;
  livemode: boolean;
  email: string | null;
  /** The customer that this one turned out to be, or stands for. */
  mergedInto: string | null;
  /** Every id that the customer is known by: `stripe:cus_…`, `id:…`, `rc:…`. */
  references: string[];
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  boundAt: Date | null;
  /** The conversion that bound them, or the fact; an anonymous lead where nothing did. */
  boundBy: string | null;
  /** Of a person who bound them: why, and by which key. Null where nobody did. */
  boundReason: string | null;
  boundByKey: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/**
 * By id, by the caller's own id, or by any reference. A reference of somebody who turned out to be another customer finds
 * that one, and so does an e-mail that stands for one; the id finds the record as it was left.
 */
export async function findCustomer(
  db: Db,
  programId: string,
  livemode: boolean,
  idOrReference: string,
): Promise<Customer | null> {
  const references = [idOrReference, `id:${idOrReference}`, `stripe:${idOrReference}`];
  const [row] = await runSql<Customer & { standsFor: string | null }>(
    db,
    'findCustomer',
    `${familiesOf(`select r.customer_id from customer_refs r
       where r.program_id = :programId and r.livemode = :livemode and r.ref = any(:references)
       union select c.id from customers c where c.program_id = :programId and c.livemode = :livemode and c.id = :id`)}
     select ${selected}, ${whoStandsFor} as "standsFor"
     from customers c left join lateral lead_of(c.id) l on c.affiliate_id is null
     left join lateral ${rebinding} d on true
     where c.program_id = :programId and c.livemode = :livemode and c.id = coalesce(
       (select id from customers where program_id = :programId and livemode = :livemode and id = :id),
       ${whoStandsFor})`,
    { programId, livemode, references, id: idOrReference },
  );
  if (!row) return null;
  const { standsFor, ...customer } = row;
  return { ...customer, mergedInto: customer.mergedInto ?? (standsFor === customer.id ? null : standsFor) };
}

/**
 * Everybody who was told of by one of these references (`email:…`, `id:…`), newest first: those that turned out to be another
 * one are that one, and an e-mail is somebody by itself only where nobody with an id came with it.
 */
export async function listCustomers(
  db: Db,
  programId: string,
  livemode: boolean,
  references: readonly string[],
  page: PageRequest,
): Promise<Page<Customer>> {
  const rows = await runSql<Customer>(
    db,
    'listCustomers',
    `with recursive named as (
       select r.customer_id as id from customer_refs r
       where r.program_id = :programId and r.livemode = :livemode and r.ref = any(:references)
     ), told as (
       select id from named
       union
       select i.customer_id from named join introductions i on i.email_id = named.id
     ), ends as (
       select id from told
       union
       select m.merged_into from ends join customers m on m.id = ends.id where m.merged_into is not null
     )
     select ${selected} from ends cross join lateral (
       select * from customers where program_id = :programId and livemode = :livemode and id = ends.id offset 0) c
     left join lateral lead_of(c.id) l on c.affiliate_id is null
     left join lateral (with recursive family as (${familyOfCustomer}) select * from ${rebinding} newest) d on true
     where c.merged_into is null
       and not (c.is_email and exists (select 1 from introductions i where i.email_id = c.id))
       and (:beforeId::text is null or c.id < :beforeId)
     order by c.id desc limit :rowsWanted`,
    { programId, livemode, references, beforeId: page.beforeId ?? null, rowsWanted: page.limit + 1 },
  );
  return { items: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

// A customer who turned out to be another one keeps their references; the other one is known by them, too.
const familyOfCustomer = `
  select c.id union all select child.id from family cross join lateral (
    select id from customers where merged_into = family.id offset 0) child`;
const referencesOfCustomer = `array(
  with recursive family as (${familyOfCustomer})
  select ref from family cross join lateral refs_of_customer(family.id) as ref order by ref collate "C")`;

// The newest decision of a person that has begun, by whatever record of the customer it names.
const rebinding = `(
  select f.fact, f.attribution from family cross join lateral (
    select id, occurred_at, fact, attribution from facts
    where customer_id = family.id and order_id is null and fact ->> 'type' = 'binding' and attribution is not null
    offset 0) f
  where (f.fact ->> 'since')::timestamptz <= now() order by f.occurred_at desc, f.id desc limit 1)`;

// Whoever is bound to nobody is credited by an anonymous lead, where one counts (l).
const columns: Columns<Exclude<keyof Customer, 'references'>> = {
  id: 'c.id',
  livemode: 'c.livemode',
  email: 'c.email',
  mergedInto: 'c.merged_into',
  affiliateId: `coalesce(d.attribution #>> '{terms,affiliateId}', c.affiliate_id, l.attribution -> 'terms' ->> 'affiliateId')`,
  offerId: `coalesce(d.attribution #>> '{terms,offerId}', c.offer_id, l.attribution -> 'terms' ->> 'offerId')`,
  clickId: 'case when d.fact is null then coalesce(c.click_id, l.click_id) end',
  boundAt: `coalesce((d.fact ->> 'since')::timestamptz, c.bound_at, l.received_at)`,
  boundBy: `coalesce(d.fact ->> 'id', c.bound_by, l.fact_id)`,
  boundReason: `d.fact ->> 'reason'`,
  boundByKey: `d.fact ->> 'by'`,
  createdAt: 'c.created_at',
  updatedAt: 'c.updated_at',
};
const selected = `${selectList(columns)}, ${referencesOfCustomer} as references`;
