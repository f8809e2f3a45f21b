import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import type { Fact, FactNote } from '../domain/facts.ts';
import { conversionColumns } from './conversion-columns.ts';
import type { ViewedOrder } from './conversion-view.ts';
import { totalOf } from '../statistics/conversion-totals.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';

/** A row of `orders` as it is read outside the pipeline, which alone writes it. */
export interface Conversion extends ViewedOrder {
  mergedInto: string | null;
  /** When its hold ends and it is approved by itself; null: a person approves it. */
  approvableAt: string | null;
  updatedAt: string;
}

/** What only some lists show. */
export interface ConversionExtras {
  offerCode: string | null;
  customerEmail: string | null;
  /** What its senders said beside the money. */
  note: FactNote | null;
  /** The first, by text, of the references that its order is known by; its beginning tells where it came from. */
  reference: string | null;
}

export interface ConversionFilter {
  livemode: boolean;
  /** Any of these; without any, all but `merged`. */
  statuses?: readonly string[] | undefined;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  customerId?: string | undefined;
  clickId?: string | undefined;
  orderId?: string | undefined;
  kind?: string | undefined;
  reason?: string | undefined;
  /** Of the amount. */
  currency?: string | undefined;
  commissionCurrency?: string | undefined;
  conversionId?: string | undefined;
  /** Those that have an entry in this payout. */
  payoutId?: string | undefined;
  /** True: only those that a person is asked about. */
  inReview?: true | undefined;
  /** Those that are in review for one of these. */
  reviewReasons?: readonly string[] | undefined;
  /** True: without the leads that earn nothing. (A signup that a CPA offer pays for is a lead that earns.) */
  earning?: boolean | undefined;
  /** True: only those that are credited to an affiliate. */
  credited?: boolean | undefined;
  /** Known by this moment. */
  knownBy?: Date | undefined;
  /** By `occurredAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

/** What stands behind one conversion. */
export interface ConversionDetail {
  /** Every id that the order is known by. */
  references: string[];
  facts: Fact[];
  /** Why this affiliate, why this amount; pipeline/rules/commission.ts writes it. */
  explanation: unknown;
}

export async function findConversion(
  db: Db,
  programId: string,
  livemode: boolean,
  conversionId: string,
): Promise<Conversion | null> {
  const [row] = await runSql<Record<string, unknown>>(db, 'findConversion', selectConversion(':conversionId'), {
    programId,
    livemode,
    conversionId,
  });
  return row ? readRow(row, conversionFields) : null;
}

/** The conversion, or the one into which it was merged. */
export async function findMergedConversion(
  db: Db,
  programId: string,
  livemode: boolean,
  conversionId: string,
): Promise<Conversion | null> {
  const start = `select id, merged_into from orders
    where program_id = :programId and livemode = :livemode and id = :conversionId`;
  const [row] = await runSql<Record<string, unknown>>(
    db,
    'findMergedConversion',
    selectConversion(`(${endOfChain(start)})`),
    { programId, livemode, conversionId },
  );
  return row ? readRow(row, conversionFields) : null;
}

/** The conversion that is known by one of these references (`order:…`, `stripe:pi_…`); null where none is. */
export async function findConversionByReference(
  db: Db,
  programId: string,
  livemode: boolean,
  references: readonly string[],
): Promise<Conversion | null> {
  const start = `select o.id, o.merged_into from order_refs r join orders o on o.id = r.order_id
    where r.program_id = :programId and r.livemode = :livemode and r.ref = any(:references)`;
  const [row] = await runSql<Record<string, unknown>>(
    db,
    'findConversionByReference',
    selectConversion(`(${endOfChain(start)})`),
    { programId, livemode, references },
  );
  return row ? readRow(row, conversionFields) : null;
}

/** The conversion with this id, which is SQL. */
function selectConversion(id: string): string {
  return `select ${conversionList} from orders o
    where o.program_id = :programId and o.livemode = :livemode and o.id = ${id}
      and (o.kind is not null or o.status = 'merged')`;
}

/** The id of the order at the end of the chain of merges from those that `start` selects. */
function endOfChain(start: string): string {
  return `with recursive found as (
      ${start}
      union all
      select o.id, o.merged_into from found join orders o on o.id = found.merged_into)
    select id from found where merged_into is null order by id limit 1`;
}

// An order that is merged into another one keeps its references; the other one is known by them, too.
const family = `with recursive family as (
  select id as root, id from orders where id = any(:conversionIds)
  union all
  select family.root, o.id from family join orders o on o.merged_into = family.id)`;

/** Each order with all that were merged into it, itself among them. */
export async function readFamilies(db: Db, orderIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await runSql<{ root: string; ids: string[] }>(
    db,
    'readOrderFamilies',
    `${family} select root, array_agg(id order by id) as ids from family group by root`,
    { conversionIds: orderIds },
  );
  return new Map(rows.map(({ root, ids }) => [root, ids]));
}

/**
 * A reference of the order, and one of each that is joined to it without a link: the first of each, since which of them
 * stands for the others depends on what came first.
 */
export async function readHalves(db: Db, orderId: string): Promise<string[]> {
  const rows = await runSql<{ ref: string }>(
    db,
    'readHalves',
    `with recursive half as (
       select id as half, id from orders where id = :orderId
       union all
       select case when o.joined_by_hint then o.id else half.half end, o.id
       from half join orders o on o.merged_into = half.id)
     select min(ref collate "C") as ref from half cross join lateral refs_of_order(half.id) as ref
     group by half.half order by 1`,
    { orderId },
  );
  return rows.map(({ ref }) => ref);
}

/** Every id that these conversions are known by, by conversion. */
export async function listReferences(db: Db, conversionIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await runSql<{ id: string; refs: string[] }>(
    db,
    'listReferences',
    `${family} select root as id, array_agg(ref order by ref collate "C") as refs
     from family cross join lateral refs_of_order(id) as ref group by root`,
    { conversionIds },
  );
  return new Map(rows.map(({ id, refs }) => [id, refs]));
}

export async function readConversionDetail(db: Db, conversionId: string): Promise<ConversionDetail> {
  const [row] = await runSql<ConversionDetail>(
    db,
    'readConversionDetail',
    `${family} select o.explanation,
       array(select ref from family cross join lateral refs_of_order(family.id) as ref order by ref collate "C") as references,
       coalesce((select jsonb_agg(f.fact order by f.occurred_at, f.id) from facts f where f.order_id = o.id), '[]') as facts
     from orders o where o.id = :conversionId`,
    { conversionIds: [conversionId], conversionId },
  );
  return row ?? { references: [], facts: [], explanation: null };
}

/** Newest first. `fields` are those that the caller shows: the others are neither read nor parsed. */
export async function listConversions<Field extends keyof ListedConversion = keyof Conversion>(
  db: Db,
  programId: string,
  filter: ConversionFilter,
  page: PageRequest,
  fields: readonly Field[] = conversionFields as readonly string[] as readonly Field[],
): Promise<Page<Pick<ListedConversion, Field>>> {
  const list = { name: 'listConversions', select: `select ${listOf(fields)} from orders o`, id: 'o.id' };
  const total = knownTotal(programId, filter);
  const { items, ...rest } = await selectPage<Record<string, unknown>>(
    db,
    list,
    conditionsOf(programId, filter),
    page,
    total,
  );
  return { items: items.map((row) => readRow(row, fields)), ...rest };
}

/** The newest conversions of each of these customers, newest first, by customer. */
export async function listConversionsOfCustomers(
  db: Db,
  { programId, livemode }: { programId: string; livemode: boolean },
  customerIds: readonly string[],
  limit: number,
): Promise<Map<string, Conversion[]>> {
  const rows = await runSql<Record<string, unknown>>(
    db,
    'listConversionsOfCustomers',
    `select newest.* from unnest(:customerIds::text[]) as customer (id) cross join lateral (
       select ${conversionList} from orders o
       where o.customer_id = customer.id and o.program_id = :programId and o.livemode = :livemode
         and o.status <> 'merged' and o.kind is not null
       order by o.id desc limit :limit) newest`,
    { programId, livemode, customerIds, limit },
  );
  const byCustomer = new Map(customerIds.map((id): [string, Conversion[]] => [id, []]));
  for (const row of rows) {
    const conversion = readRow(row, conversionFields);
    byCustomer.get(conversion.customerId ?? '')?.push(conversion);
  }
  return byCustomer;
}

/** The total that is known without counting: where the filter asks for nothing that the totals do not tell apart. */
function knownTotal(programId: string, filter: ConversionFilter): Condition | undefined {
  const { livemode, statuses, earning, credited, affiliateId, offerId, ...others } = filter;
  if (statuses?.includes('merged') || Object.values(others).some((value) => value !== undefined && value !== null)) {
    return undefined;
  }
  return totalOf({ programId, livemode, statuses, earning, credited, affiliateId, offerId });
}

type ListedConversion = Conversion & ConversionExtras;

const ownColumns = Object.entries(conversionColumns).map(([field, [column]]) => [field, `o.${column}`]);
const expressions: Readonly<Record<keyof ListedConversion, string>> = {
  ...(Object.fromEntries(ownColumns) as Record<keyof typeof conversionColumns, string>),
  approvableAt: 'o.approvable_at',
  offerCode: '(select code from offers where id = o.offer_id)',
  customerEmail: '(select email from customers where id = o.customer_id)',
};

const extras: ReadonlySet<string> = new Set<keyof ConversionExtras>([
  'offerCode',
  'customerEmail',
  'note',
  'reference',
]);
const conversionFields = Object.keys(expressions).filter((field) => !extras.has(field)) as (keyof Conversion)[];
const conversionList = listOf(conversionFields);

function listOf(fields: readonly (keyof ListedConversion)[]): string {
  return fields.map((field) => `${expressions[field]} as "${field}"`).join(', ');
}

/** Times as ISO 8601 UTC, all else as it was read. */
function readRow<Field extends keyof ListedConversion>(
  row: Record<string, unknown>,
  fields: readonly Field[],
): Pick<ListedConversion, Field> {
  const conversion: Record<string, unknown> = {};
  for (const field of fields) {
    const value = row[field];
    conversion[field] = value instanceof Date ? value.toISOString() : value;
  }
  return conversion as Pick<ListedConversion, Field>;
}

/**
 * The index of order ids leaves out orders whose first reference is their own order id (migration 020): that reference finds
 * them, and what they were merged into.
 */
function ofOrderId(orderId: string | undefined): Condition[] {
  if (orderId === undefined) return [];
  const sql = `o.order_id = :orderId and o.id in (
    with recursive known as (
      select order_id as id from order_refs
      where program_id = :programId and livemode = :livemode and ref = 'order:' || :orderId
      union
      select m.merged_into from known join orders m on m.id = known.id where m.merged_into is not null)
    select id from known
    union all
    select id from orders where order_id = :orderId and reference is distinct from 'order:' || order_id)`;
  return [{ sql, bindings: { orderId } }];
}

/** An order of which nothing is known that counts (a refund that came before its sale) is no conversion yet. */
function conditionsOf(programId: string, filter: ConversionFilter): Condition[] {
  const { statuses } = filter;
  return [
    ...conditionOf('o.program_id = :programId', programId),
    ...conditionOf('o.livemode = :livemode', filter.livemode),
    ...(statuses?.length
      ? conditionOf('o.status = any(:statuses)', statuses)
      : [{ sql: `o.status <> 'merged' and o.kind is not null`, bindings: {} }]),
    ...conditionOf('o.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('o.offer_id = :offerId', filter.offerId),
    ...conditionOf('o.customer_id = :customerId', filter.customerId),
    ...conditionOf('o.click_id = :clickId', filter.clickId),
    ...ofOrderId(filter.orderId),
    ...conditionOf('o.kind = :kind', filter.kind),
    ...conditionOf('o.reason = :reason', filter.reason),
    ...conditionOf('o.currency = :currency', filter.currency),
    ...conditionOf('o.commission_currency = :commissionCurrency', filter.commissionCurrency),
    ...conditionOf('o.id = :conversionId', filter.conversionId),
    ...conditionOf(
      'o.id in (select pe.order_id from payout_entries pe where pe.payout_id = :payoutId and pe.program_id = o.program_id)',
      filter.payoutId,
    ),
    ...(filter.inReview ? [{ sql: 'o.review is not null', bindings: {} }] : []),
    ...conditionOf(
      `exists (select 1 from json_array_elements_text(o.review -> 'reasons') as r (reason) where r.reason = any(:reviewReasons))`,
      filter.reviewReasons,
    ),
    // A lead earns only where a CPA offer pays for it; then it has a place among those of its customer or click.
    ...(filter.earning ? [{ sql: `(kind <> 'lead' or cpa_claim is not null)`, bindings: {} }] : []),
    ...(filter.credited ? [{ sql: 'o.affiliate_id is not null', bindings: {} }] : []),
    ...conditionOf('o.created_at <= :knownBy', filter.knownBy),
    ...conditionOf('o.occurred_at >= :from', filter.from),
    ...conditionOf('o.occurred_at < :until', filter.until),
  ];
}
