import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import type { Fact, FactNote } from '../domain/facts.ts';
import type { ConversionColumns } from './conversion-view.ts';
import { totalOf } from '../statistics/conversion-totals.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';

/** A row of `orders` as the reading sides need it; the pipeline alone writes it. */
export interface Conversion extends ConversionColumns {
  mergedInto: string | null;
  updatedAt: string;
}

/** What some lists show besides. */
export interface ConversionExtras {
  offerCode: string | null;
  customerEmail: string | null;
  /** What its senders said beside the money. */
  note: FactNote | null;
  /** The least of the references that its order is known by; its beginning tells where it came from. */
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
  /** Those that can earn: leads that are only told of do not, a signup that a CPA offer pays for does. */
  earning?: boolean | undefined;
  /** Those that are credited to an affiliate. */
  credited?: boolean | undefined;
  /** By `occurredAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

/** The condition on a row of `orders` for one that can earn; what claims no CPA slot of its own is a lead only told of. */
export const earningOrder = `(kind <> 'lead' or cpa_claim is not null)`;

/** What stands behind one conversion. */
export interface ConversionDetail {
  /** Every id that the order is known by. */
  references: string[];
  facts: Fact[];
  /** Why this affiliate, why this amount (pipeline/settle.ts). */
  explanation: unknown;
}

export async function findConversion(
  db: Db,
  programId: string,
  livemode: boolean,
  conversionId: string,
): Promise<Conversion | null> {
  const [row] = await runPositional<Record<string, unknown>>(
    db,
    `select ${columnsOf(conversionFields)} from orders o
     where o.program_id = ? and o.livemode = ? and o.id = ? and (o.kind is not null or o.status = 'merged')`,
    [programId, livemode, conversionId],
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
  const [row] = await runPositional<{ orderId: string }>(
    db,
    `with recursive found as (
       select o.id, o.merged_into from order_refs r join orders o on o.id = r.order_id
       where r.program_id = ? and r.livemode = ? and r.ref = any(?)
       union all
       select o.id, o.merged_into from found join orders o on o.id = found.merged_into)
     select id as "orderId" from found where merged_into is null order by id limit 1`,
    [programId, livemode, references],
  );
  return row ? findConversion(db, programId, livemode, row.orderId) : null;
}

// An order keeps its references when it is merged into another one, which is known by them from then on.
const family = `with recursive family as (
  select id as root, id from orders where id = any(?)
  union all
  select family.root, o.id from family join orders o on o.merged_into = family.id)`;

/** Every id that these conversions are known by, by conversion. */
export async function listReferences(db: Db, conversionIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await runPositional<{ id: string; refs: string[] }>(
    db,
    `${family} select root as id, array_agg(ref order by ref) as refs
     from family join order_refs on order_id = id group by root`,
    [conversionIds],
  );
  return new Map(rows.map(({ id, refs }) => [id, refs]));
}

export async function readConversionDetail(db: Db, conversionId: string): Promise<ConversionDetail> {
  const [row] = await runPositional<ConversionDetail>(
    db,
    `${family} select o.explanation,
       array(select ref from order_refs join family on order_id = family.id order by ref) as references,
       coalesce((select jsonb_agg(f.fact order by f.occurred_at, f.id) from facts f where f.order_id = o.id), '[]') as facts
     from orders o where o.id = ?`,
    [[conversionId], conversionId],
  );
  return row ?? { references: [], facts: [], explanation: null };
}

/** Newest first. `fields` are those that the caller shows: each that is left out need not be read and parsed. */
export async function listConversions<Field extends keyof ListedConversion = keyof Conversion>(
  db: Db,
  programId: string,
  filter: ConversionFilter,
  page: PageRequest,
  fields: readonly Field[] = conversionFields as readonly string[] as readonly Field[],
): Promise<Page<Pick<ListedConversion, Field>>> {
  const { items, ...rest } = await selectPage<Record<string, unknown>>(
    db,
    `select ${columnsOf(fields)} from orders o`,
    'o.id',
    conditionsOf(programId, filter),
    page,
    knownTotal(programId, filter),
  );
  return { items: items.map((row) => readRow(row, fields)), ...rest };
}

/** The total that is known without counting, where the filter tells nothing apart but what is totalled. */
function knownTotal(programId: string, filter: ConversionFilter): Condition | undefined {
  const { livemode, statuses, earning, credited, affiliateId, offerId, ...others } = filter;
  if (statuses?.includes('merged') || Object.values(others).some((value) => value !== undefined && value !== null)) {
    return undefined;
  }
  return totalOf({ programId, livemode, statuses, earning, credited, affiliateId, offerId });
}

type ListedConversion = Conversion & ConversionExtras;

const columns: Record<keyof ListedConversion, string> = {
  id: 'o.id',
  livemode: 'o.livemode',
  kind: 'o.kind',
  status: 'o.status',
  reason: 'o.reason',
  netMinor: 'o.net_minor',
  grossMinor: 'o.gross_minor',
  refundedMinor: 'o.refunded_minor',
  currency: 'o.currency',
  affiliateId: 'o.affiliate_id',
  offerId: 'o.offer_id',
  customerId: 'o.customer_id',
  clickId: 'o.click_id',
  orderId: 'o.order_id',
  goal: 'o.goal',
  commissionMinor: 'o.commission_minor',
  commissionCurrency: 'o.commission_currency',
  occurredAt: 'o.occurred_at',
  paidAt: 'o.paid_at',
  createdAt: 'o.created_at',
  updatedAt: 'o.updated_at',
  mergedInto: 'o.merged_into',
  offerCode: '(select code from offers where id = o.offer_id)',
  customerEmail: '(select email from customers where id = o.customer_id)',
  note: 'o.note',
  reference: 'o.reference',
};

const extras: ReadonlySet<string> = new Set<keyof ConversionExtras>([
  'offerCode',
  'customerEmail',
  'note',
  'reference',
]);
const conversionFields = Object.keys(columns).filter((field) => !extras.has(field)) as (keyof Conversion)[];

function columnsOf(fields: readonly (keyof ListedConversion)[]): string {
  return fields.map((field) => `${columns[field]} as "${field}"`).join(', ');
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

/** An order of which nothing is known that counts (a refund that came before its sale) is no conversion yet. */
function conditionsOf(programId: string, filter: ConversionFilter): Condition[] {
  const { statuses } = filter;
  return [
    { sql: 'o.program_id = ? and o.livemode = ?', bindings: [programId, filter.livemode] },
    statuses?.length
      ? { sql: 'o.status = any(?)', bindings: [statuses] }
      : { sql: `o.status <> 'merged' and o.kind is not null`, bindings: [] },
    ...conditionOf('o.affiliate_id = ?', filter.affiliateId),
    ...conditionOf('o.offer_id = ?', filter.offerId),
    ...conditionOf('o.customer_id = ?', filter.customerId),
    ...conditionOf('o.click_id = ?', filter.clickId),
    ...conditionOf('o.order_id = ?', filter.orderId),
    ...conditionOf('o.kind = ?', filter.kind),
    ...(filter.earning ? [{ sql: earningOrder, bindings: [] }] : []),
    ...(filter.credited ? [{ sql: 'o.affiliate_id is not null', bindings: [] }] : []),
    ...conditionOf('o.occurred_at >= ?', filter.from),
    ...conditionOf('o.occurred_at < ?', filter.until),
  ];
}
