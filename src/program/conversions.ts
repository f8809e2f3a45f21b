import type { Knex } from 'knex';
import { runSql } from '../db/sql.ts';
import type { Fact } from '../domain/facts.ts';
import type { ConversionColumns } from './conversion-view.ts';
import { noteColumns, type ConversionNotes } from './conversion-notes.ts';
import { totalOf } from './conversion-totals.ts';
import { conditionOf, countRows, selectPage, type Condition, type Page, type PageRequest } from './page.ts';

/** A row of `orders` as the reading sides need it; the pipeline alone writes it. */
export type Conversion = ConversionColumns & {
  mergedInto: string | null;
  updatedAt: string;
  /** Where it was asked for. */
  offerCode?: string | null;
} & Partial<ConversionNotes>;

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
  db: Knex,
  programId: string,
  livemode: boolean,
  conversionId: string,
): Promise<Conversion | null> {
  const [row] = await runSql<ConversionRow>(
    db,
    `select ${columns} from orders o
     where o.program_id = ? and o.livemode = ? and o.id = ? and (o.kind is not null or o.status = 'merged')`,
    [programId, livemode, conversionId],
  );
  return row ? toConversion(row) : null;
}

/** The conversion that is known by one of these references (`order:…`, `stripe:pi_…`); null where none is. */
export async function findConversionByReference(
  db: Knex,
  programId: string,
  livemode: boolean,
  references: readonly string[],
): Promise<Conversion | null> {
  const [row] = await runSql<{ orderId: string }>(
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
export async function listReferences(db: Knex, conversionIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await runSql<{ id: string; refs: string[] }>(
    db,
    `${family} select root as id, array_agg(ref order by ref) as refs
     from family join order_refs on order_id = id group by root`,
    [conversionIds],
  );
  return new Map(rows.map(({ id, refs }) => [id, refs]));
}

export async function readConversionDetail(db: Knex, conversionId: string): Promise<ConversionDetail> {
  const [row] = await runSql<ConversionDetail>(
    db,
    `${family} select o.explanation,
       array(select ref from order_refs join family on order_id = family.id order by ref) as references,
       coalesce((select jsonb_agg(f.fact order by f.occurred_at, f.id) from facts f where f.order_id = o.id), '[]') as facts
     from orders o where o.id = ?`,
    [[conversionId], conversionId],
  );
  return row ?? { references: [], facts: [], explanation: null };
}

/** More that a surface shows of each conversion, read in the same statement. */
export interface ConversionExtras {
  /** The offer's code, which some surfaces show instead of its id. */
  offerCodes?: boolean;
  notes?: boolean;
}

/** Newest first. */
export async function listConversions(
  db: Knex,
  programId: string,
  filter: ConversionFilter,
  page: PageRequest,
  { offerCodes = false, notes = false }: ConversionExtras = {},
): Promise<Page<Conversion>> {
  const code = offerCodes ? ', (select code from offers where id = o.offer_id) as "offerCode"' : '';
  const noted = notes ? `, ${noteColumns}` : '';
  const { items, ...rest } = await selectPage<ConversionRow>(
    db,
    `select ${columns}${code}${noted} from orders o`,
    'o.id',
    conditionsOf(programId, filter),
    page,
    knownTotal(programId, filter),
  );
  return { items: items.map(toConversion), ...rest };
}

export function countConversions(db: Knex, programId: string, filter: ConversionFilter): Promise<number> {
  const known = knownTotal(programId, filter);
  if (!known) return countRows(db, 'orders o', conditionsOf(programId, filter));
  return runSql<{ total: bigint }>(db, `select (${known.sql}) as total`, known.bindings).then(([row]) =>
    Number(row?.total ?? 0n),
  );
}

/** The total that is known without counting, where the filter tells nothing apart but what is totalled. */
function knownTotal(programId: string, filter: ConversionFilter): Condition | undefined {
  const { livemode, statuses, earning, credited, ...others } = filter;
  if (statuses?.includes('merged') || Object.values(others).some((value) => value !== undefined && value !== null)) {
    return undefined;
  }
  return totalOf({ programId, livemode, statuses, earning, credited });
}

type Timestamps = 'occurredAt' | 'paidAt' | 'createdAt' | 'updatedAt';
type ConversionRow = Omit<Conversion, Timestamps> & {
  occurredAt: Date | null;
  paidAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

const columns = `o.id, o.livemode, o.kind, o.status, o.reason, o.net_minor as "netMinor", o.gross_minor as "grossMinor",
  o.refunded_minor as "refundedMinor", o.currency, o.affiliate_id as "affiliateId", o.offer_id as "offerId",
  o.customer_id as "customerId", o.click_id as "clickId", o.order_id as "orderId", o.goal,
  o.commission_minor as "commissionMinor", o.commission_currency as "commissionCurrency",
  o.occurred_at as "occurredAt", o.paid_at as "paidAt", o.created_at as "createdAt",
  o.updated_at as "updatedAt", o.merged_into as "mergedInto"`;

function toConversion(row: ConversionRow): Conversion {
  return {
    ...row,
    occurredAt: row.occurredAt?.toISOString() ?? null,
    paidAt: row.paidAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
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
