import type { Trx } from '../../db/db.ts';
import { rowSource, type Column, type ColumnType } from '../../db/rows.ts';
import { runSql } from '../../db/sql.ts';
import { isEarlier } from '../../domain/orderings.ts';
import type { Binding, OwnAttribution } from '../rules/attribution.ts';
import type { Candidate } from '../rules/evidence.ts';
import type { TermsSnapshot } from '../rules/catalog.ts';

/** A row of `customers`; `binding` null: nobody brought them (yet). */
export interface CustomerRow {
  id: string;
  programId: string;
  livemode: boolean;
  email: string | null;
  /** It stands for an e-mail, and not for an id. */
  isEmail: boolean;
  /** It is known to a source that asks for no key, and to nobody else. */
  isKeyless: boolean;
  mergedInto: string | null;
  /** The references that the record was made with, as those of an order (order-rows.ts). */
  refs: string[] | null;
  binding: Binding | null;
}

/** Column, type and value: the one list that reading and writing whole rows go by. */
const columns: [name: string, type: ColumnType, read: (row: CustomerRow) => string | boolean | null][] = [
  ['id', 'text', (row) => row.id],
  ['program_id', 'text', (row) => row.programId],
  ['livemode', 'boolean', (row) => row.livemode],
  ['email', 'text', (row) => row.email],
  ['is_email', 'boolean', (row) => row.isEmail],
  ['is_keyless', 'boolean', (row) => row.isKeyless],
  ['merged_into', 'text', (row) => row.mergedInto],
  ['refs', 'json', (row) => (row.refs === null ? null : JSON.stringify(row.refs))],
  ['affiliate_id', 'text', ({ binding }) => binding?.affiliateId ?? null],
  ['offer_id', 'text', ({ binding }) => binding?.offerId ?? null],
  ['click_id', 'text', ({ binding }) => binding?.clickId ?? null],
  ['bound_at', 'timestamptz', ({ binding }) => binding?.boundAt ?? null],
  ['bound_by', 'text', ({ binding }) => binding?.boundBy ?? null],
  ['bound_ref', 'text', ({ binding }) => binding?.boundRef ?? null],
  ['terms', 'jsonb', ({ binding }) => (binding ? JSON.stringify(binding.terms) : null)],
];

const columnNames = columns.map(([name]) => name).join(', ');
const unchanging: ReadonlySet<string> = new Set(['id', 'program_id', 'livemode', 'refs', 'is_email', 'is_keyless']);
const assignments = columns
  .filter(([name]) => !unchanging.has(name))
  .map(([name]) => `${name} = row.${name}`)
  .join(', ');

export async function readCustomers(trx: Trx, ids: readonly string[]): Promise<Map<string, CustomerRow>> {
  if (ids.length === 0) return new Map();
  const rows = await runSql<CustomerDbRow>(
    trx,
    'readCustomers',
    `select ${columnNames} from customers where id = any(:ids)`,
    { ids },
  );
  return new Map(rows.map((row) => [row.id, toCustomer(row)]));
}

/** A binding that an order proposes; the earliest wins. */
export interface BindingCandidate {
  customerId: string;
  orderId: string;
  /** By when it counts: without a key, when it was first received. */
  occurredAt: string;
  reference: string;
  own: OwnAttribution;
}

/** The earliest binding that each customer's other orders offer: those that are not of this batch. */
export async function readEarliestBindings(
  trx: Trx,
  rootOf: ReadonlyMap<string, string>,
  batchOrderIds: readonly string[],
): Promise<Map<string, BindingCandidate>> {
  if (rootOf.size === 0) return new Map();
  const rows = await runSql<BindingRow>(
    trx,
    'readEarliestBindings',
    `select member.root as customer_id, o.id, o.counted_at, o.reference, o.own, o.terms
     from unnest(:customerIds::text[], :roots::text[]) as member (id, root)
     cross join lateral (
       select id, coalesce(counted_at, occurred_at) as counted_at, reference, own, terms from orders
       where customer_id = member.id and num_nulls(own) = 0 and not (id = any(:batchOrderIds))
       order by coalesce(counted_at, occurred_at), reference limit 1) o`,
    { customerIds: [...rootOf.keys()], roots: [...rootOf.values()], batchOrderIds },
  );
  const earliest = new Map<string, BindingCandidate>();
  for (const row of rows) {
    const terms = row.terms.find((one) => one.affiliateId === row.own.affiliateId && one.offerId === row.own.offerId);
    if (!terms) throw new Error(`order ${row.id} is attributed, but its terms are not recorded`);
    const candidate: BindingCandidate = {
      customerId: row.customer_id,
      orderId: row.id,
      occurredAt: row.counted_at.toISOString(),
      reference: row.reference,
      own: { candidate: row.own, terms },
    };
    const known = earliest.get(row.customer_id);
    if (!known || isEarlier(candidate, known)) earliest.set(row.customer_id, candidate);
  }
  return earliest;
}

/** The customers who have orders beside those of this batch: a binding that moved concerns them. */
export async function readCustomersWithOtherOrders(
  trx: Trx,
  rootOf: ReadonlyMap<string, string>,
  batchOrderIds: readonly string[],
): Promise<Set<string>> {
  if (rootOf.size === 0) return new Set();
  const rows = await runSql<{ root: string }>(
    trx,
    'readCustomersWithOtherOrders',
    `select distinct member.root from unnest(:customerIds::text[], :roots::text[]) as member (id, root)
     where exists (select 1 from orders o where o.customer_id = member.id and not (o.id = any(:batchOrderIds)))`,
    { customerIds: [...rootOf.keys()], roots: [...rootOf.values()], batchOrderIds },
  );
  return new Set(rows.map((row) => row.root));
}

/** Both are sent before this returns. */
export async function writeCustomers(trx: Trx, inserted: CustomerRow[], updated: CustomerRow[]): Promise<void> {
  await Promise.all([insertCustomers(trx, inserted), updateCustomers(trx, updated)]);
}

async function insertCustomers(trx: Trx, rows: CustomerRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { sql, bindings } = rowSource('row', columnsOf(rows));
  const text = `insert into customers (${columnNames}) select ${columnNames} from ${sql}`;
  await runSql(trx, 'insertCustomers', text, bindings);
}

async function updateCustomers(trx: Trx, rows: CustomerRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { sql, bindings } = rowSource('row', columnsOf(rows));
  const text = `update customers c set ${assignments}, updated_at = now() from ${sql} where c.id = row.id`;
  await runSql(trx, 'updateCustomers', text, bindings);
}

function columnsOf(rows: CustomerRow[]): Column[] {
  return columns.map(([name, type, read]) => ({ name, type, values: rows.map(read) }));
}

function toCustomer(row: CustomerDbRow): CustomerRow {
  return {
    id: row.id,
    programId: row.program_id,
    livemode: row.livemode,
    email: row.email,
    isEmail: row.is_email,
    isKeyless: row.is_keyless,
    mergedInto: row.merged_into,
    refs: row.refs,
    binding: toBinding(row),
  };
}

function toBinding(row: CustomerDbRow): Binding | null {
  const { affiliate_id: affiliateId, offer_id: offerId, bound_at: boundAt, bound_by: boundBy, terms } = row;
  if (affiliateId === null || offerId === null || boundAt === null || boundBy === null || !terms) return null;
  return {
    affiliateId,
    offerId,
    clickId: row.click_id,
    boundAt: boundAt.toISOString(),
    boundBy,
    boundRef: row.bound_ref ?? '',
    terms,
  };
}

interface CustomerDbRow {
  id: string;
  program_id: string;
  livemode: boolean;
  email: string | null;
  is_email: boolean;
  is_keyless: boolean;
  merged_into: string | null;
  refs: string[] | null;
  affiliate_id: string | null;
  offer_id: string | null;
  click_id: string | null;
  bound_at: Date | null;
  bound_by: string | null;
  bound_ref: string | null;
  terms: TermsSnapshot | null;
}

interface BindingRow {
  customer_id: string;
  id: string;
  counted_at: Date;
  reference: string;
  own: Candidate;
  terms: TermsSnapshot[];
}
