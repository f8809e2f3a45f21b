import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../db/db.ts';
import { nameFor, runSql } from '../db/sql.ts';
import { scopeKey, type Scope } from '../domain/scope.ts';
import { familiesOf } from '../ledger/customer-families.ts';
import { creditOrders, findContexts } from '../pipeline/credit/credit-orders.ts';
import type { CreditedOrder } from '../pipeline/credit/credited-order.ts';
import { settledRow, sumsThatStay, targetsOf, type OrderContext } from '../pipeline/credit/settle-order.ts';
import { loadOrders } from '../pipeline/orders/load-orders.ts';
import type { LoadedOrder } from '../pipeline/orders/loaded-order.ts';
import { readFamilies } from '../pipeline/orders/families.ts';
import { identify } from '../pipeline/orders/introductions.ts';
import { readKnownCustomers, type Customers } from '../pipeline/orders/lock-customers.ts';
import { findPairingCandidates, type PairingSearch } from '../pipeline/orders/lock-orders.ts';
import { CatalogLoader } from '../pipeline/rows/load-catalog.ts';
import { readRoots } from '../pipeline/rows/merged-rows.ts';
import { orderColumns, toOrderRow, type OrderRow } from '../pipeline/rows/order-rows.ts';
import type { ResettlementRequest } from '../pipeline/rows/resettlement-rows.ts';
import type { LedgerSum } from '../pipeline/rules/postings.ts';
import type { Target } from '../pipeline/rules/commission.ts';
import type { Findings } from './verify-findings.ts';

/**
 * Settles a page of orders again, from their facts and what was recorded with them, and compares with what is stored: the
 * conversion, what it ranks by, and the sum of its postings. Who is first is judged by what is stored of the other orders,
 * which are compared on their own pages. Orders that are about to be settled again are passed over. Call it in a
 * transaction that sees one moment (REPEATABLE READ).
 */
export async function verifyOrders(
  trx: Trx,
  page: OrderRow[],
  findings: Findings,
  ignored: ReadonlySet<keyof OrderRow> = new Set(),
): Promise<void> {
  const [merged, unmerged] = [page.filter(isMerged), page.filter((row) => !isMerged(row))];
  await verifyMerged(trx, merged, findings);
  const ids = await withPairingCandidates(trx, unmerged);
  const catalogs = new CatalogLoader();
  const loaded = await loadOrders(trx, [], ids, catalogs, { onlyRemembered: true });
  const wanted = new Map(unmerged.map((row) => [row.id, row]));
  const own = loaded.orders.filter(({ id }) => wanted.has(id));
  const toBeSettled = await findOrdersToBeSettled(trx, own);

  const batchOrderIds = [...own, ...loaded.merged].map(({ id }) => id);
  const customers = await findCustomers(trx, own, findings, toBeSettled);
  const credited = await creditOrders(trx, own, customers, batchOrderIds, catalogs);
  const { contexts, requests } = await findContexts(trx, credited, batchOrderIds, '', noEffects);
  await verifyReferences(trx, own, findings);
  const customerIds = unmerged.flatMap(({ customerId }) => customerId ?? []);
  const { rootOf: roots } = await readFamilies(trx, [...new Set(customerIds)]);
  const orders = new Map(credited.orders.map((order) => [order.id, order]));
  for (const [id, row] of wanted) {
    findings.count('orders');
    const order = orders.get(id);
    const context = contexts.get(id);
    if (toBeSettled.has(id)) findings.count('waiting');
    else if (!order || !context) {
      findings.differ('order', id, 'status', row.status, 'merged: it is joined to another order without a link');
    } else verifyOrder(order, row, { ...context, now: row.updatedAt }, roots, findings, ignored);
  }
  for (const { factId, orderId } of loaded.moves) {
    if (wanted.has(orderId) && !toBeSettled.has(orderId)) findings.differ('fact', factId, 'order', 'another', orderId);
  }
  // While something is to be settled again, that may be what displaces another.
  if (toBeSettled.size === 0) for (const request of [...credited.requests, ...requests]) report(request, findings);
}

/** A proof gives out no slots and locks nothing. */
const noEffects = { grantSlots: () => Promise.resolve(new Map()), lockClicks: () => Promise.resolve() };

function isMerged({ status }: OrderRow): boolean {
  return status === 'merged';
}

/** The fields of a stored order that its facts and records decide. */
const compared: (keyof OrderRow)[] = [
  'kind',
  'status',
  'reason',
  'grossMinor',
  'netMinor',
  'refundedMinor',
  'currency',
  'affiliateId',
  'offerId',
  'clickId',
  'reference',
  'orderId',
  'goal',
  'note',
  'subscription',
  'sub1',
  'occurredAt',
  'commissionMinor',
  'commissionCurrency',
  'terms',
  'cap',
  'own',
  'isPayment',
  'cpaSlot',
  'ranksLast',
  'holdDays',
  'pairingKey',
  'pairingAt',
  'approvableAt',
  'countedAt',
  'bindsSubscription',
];

function verifyOrder(
  order: CreditedOrder,
  stored: OrderRow,
  context: OrderContext,
  roots: ReadonlyMap<string, string>,
  findings: Findings,
  ignored: ReadonlySet<keyof OrderRow>,
): void {
  const target = targetsOf(order, context).all;
  const expected = settledRow(order, target, context);
  for (const field of compared) {
    if (ignored.has(field)) continue;
    // What is stored has been JSON, which has no undefined.
    if (!isDeepStrictEqual(stored[field], plain(expected[field]))) {
      findings.differ('order', stored.id, field, stored[field], expected[field]);
    }
  }
  const [was, is] = [stored.explanation?.amounts ?? null, expected.explanation?.amounts ?? null];
  if (!isDeepStrictEqual(was, is)) findings.differ('order', stored.id, 'explanation.amounts', was, is);
  const [said, says] = [stored.explanation?.adjustment, expected.explanation?.adjustment];
  if (!isDeepStrictEqual(said, says)) findings.differ('order', stored.id, 'explanation.adjustment', said, says);
  const customer = roots.get(stored.customerId ?? '') ?? null;
  if (customer !== expected.customerId) {
    findings.differ('order', stored.id, 'customerId', stored.customerId, expected.customerId);
  }
  verifyPostings(order, target, findings);
}

/** The order holds what it earns, and it and those that turned out to be it hold what was paid to others. */
function verifyPostings(order: CreditedOrder, target: Target, findings: Findings): void {
  const stays = sumsThatStay(order, target);
  const posted = order.ledgerSums.flatMap((sum) => {
    const { orderId, affiliateId, currency } = sum;
    const amountMinor = sum.amountMinor - (stays.get(sum) ?? 0n);
    return amountMinor === 0n ? [] : [{ orderId, affiliateId, currency, amountMinor }];
  });
  const { affiliateId, commissionCurrency: currency, commissionMinor: amountMinor } = target;
  const due: (LedgerSum & { orderId: string })[] =
    amountMinor === 0n || affiliateId === null || currency === null
      ? []
      : [{ orderId: order.id, affiliateId, currency, amountMinor }];
  if (!isDeepStrictEqual(posted, due)) findings.differ('order', order.id, 'sum of postings', posted, due);
}

function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

/** A merged order earns nothing, and its facts are with the one that it was merged into; so is what the ledger holds of it. */
async function verifyMerged(trx: Trx, merged: OrderRow[], findings: Findings): Promise<void> {
  if (merged.length === 0) return;
  const ids = merged.map(({ id }) => id);
  const rows = await runSql<{ id: string; facts: number; survivors: number }>(
    trx,
    'readMergedOrders',
    `select o.id, (select count(*)::int from facts f where f.order_id = o.id) as facts,
       (select count(*)::int from orders s where s.id = o.merged_into and s.program_id = o.program_id) as survivors
     from orders o where o.id = any(:ids)`,
    { ids },
  );
  for (const row of merged) {
    findings.count('orders');
    if (row.commissionMinor !== 0n) findings.differ('order', row.id, 'commissionMinor', row.commissionMinor, 0n);
  }
  for (const { id, facts, survivors } of rows) {
    if (facts > 0) findings.differ('order', id, 'facts', facts, 0);
    if (survivors !== 1) findings.differ('order', id, 'mergedInto', 'no such order', 'an order of the program');
  }
}

/** The orders, with those that may be paired with them. */
async function withPairingCandidates(trx: Trx, orders: OrderRow[]): Promise<string[]> {
  const searches = orders.flatMap(({ programId, livemode, pairingKey, pairingAt }): PairingSearch[] =>
    pairingKey === null || pairingAt === null
      ? []
      : [{ scope: { programId, livemode }, key: pairingKey, at: pairingAt }],
  );
  const candidates = await findPairingCandidates(trx, searches);
  const ids = new Set(orders.map(({ id }) => id));
  for (const { id, representative } of candidates) ids.add(id).add(representative ?? id);
  return [...ids].sort();
}

/** Orders that a later batch is to settle again, by themselves or with their customer: what differs there is no fault. */
async function findOrdersToBeSettled(trx: Trx, orders: LoadedOrder[]): Promise<Set<string>> {
  const rows = await runSql<{ id: string }>(
    trx,
    'findOrdersToBeSettled',
    `${familiesOf('select customer_id from resettlements where customer_id is not null')}
     select o.id from orders o where o.id = any(:orderIds)
       and (o.customer_id in (select id from family) or exists (select 1 from resettlements r where r.order_id = o.id)
         or exists (select 1 from settling_rounds s where s.finished_at is null and o.id > s.after_id)
         or exists (select 1 from affiliate_bans b where b.affiliate_id = o.affiliate_id and b.checked_at is null
                     and coalesce(o.counted_at, o.occurred_at) >= b.banned_at))`,
    { orderIds: orders.map(({ id }) => id) },
  );
  return new Set(rows.map(({ id }) => id));
}

/** The customers whom the orders' references lead to. */
async function findCustomers(
  trx: Trx,
  orders: LoadedOrder[],
  findings: Findings,
  toBeSettled: Set<string>,
): Promise<Customers> {
  const identified = orders
    .map(({ id, scope, summary }) => ({ id, scope, refs: identify(summary.customerRefs, summary.emails) }))
    .filter(({ refs }) => refs.length > 0);
  const owners = await readOwners(trx, 'customer_refs', 'customer_id', identified);
  const families = await readFamilies(trx, [...new Set(owners.values())]);
  const customers = await readKnownCustomers(trx, families);
  for (const { id: orderId, scope, refs } of identified) {
    const found = new Set(
      refs.map((ref) => families.rootOf.get(owners.get(`${scopeKey(scope)} ${ref}`) ?? '') ?? null),
    );
    const [id] = found;
    if (found.size === 1 && id) customers.ofOrder.set(orderId, id);
    else if (!toBeSettled.has(orderId)) findings.differ('order', orderId, 'customer', [...found], 'one customer');
  }
  return customers;
}

/** Who owns each reference, by scope and reference. */
async function readOwners(
  trx: Trx,
  table: 'customer_refs' | 'order_refs',
  column: 'customer_id' | 'order_id',
  groups: { scope: Scope; refs: string[] }[],
): Promise<Map<string, string>> {
  const wanted = groups.flatMap(({ scope, refs }) => refs.map((ref) => ({ ...scope, ref })));
  if (wanted.length === 0) return new Map();
  const rows = await runSql<{ program_id: string; livemode: boolean; ref: string; owner: string }>(
    trx,
    nameFor('readOwnersIn', table),
    `select r.program_id, r.livemode, r.ref, r.${column} as owner
     from unnest(:programIds::text[], :livemodes::boolean[], :refs::text[]) as w (program_id, livemode, ref)
     join ${table} r using (program_id, livemode, ref)`,
    {
      programIds: wanted.map(({ programId }) => programId),
      livemodes: wanted.map(({ livemode }) => livemode),
      refs: wanted.map(({ ref }) => ref),
    },
  );
  return new Map(
    rows.map((row) => [`${scopeKey({ programId: row.program_id, livemode: row.livemode })} ${row.ref}`, row.owner]),
  );
}

/** Every reference that the facts know an order by leads to it. */
async function verifyReferences(trx: Trx, orders: LoadedOrder[], findings: Findings): Promise<void> {
  const groups = orders.map(({ id, scope, facts }) => ({
    id,
    scope,
    refs: [...new Set([...facts.values()].flatMap(({ fact }) => fact.refs))],
  }));
  const owners = await readOwners(trx, 'order_refs', 'order_id', groups);
  const roots = await readRoots(trx, [...new Set(owners.values())]);
  for (const { id, scope, refs } of groups) {
    for (const ref of refs) {
      const owner = owners.get(`${scopeKey(scope)} ${ref}`) ?? null;
      const root = owner === null ? null : (roots.get(owner) ?? owner);
      if (root !== id) findings.differ('order', id, `reference ${ref}`, root, id);
    }
  }
}

function report({ customerId, orderId }: ResettlementRequest, findings: Findings): void {
  if (customerId !== null) findings.differ('customer', customerId, 'binding or first payment', 'as stored', 'another');
  if (orderId !== null) findings.differ('order', orderId, 'who is first', 'as stored', 'another');
}

/** A page of orders by id. */
export async function readOrderPage(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
): Promise<OrderRow[]> {
  const rows = await runSql<Record<string, unknown>>(
    trx,
    'readOrderPage',
    `select ${orderColumns} from orders
     where id > :afterId and (:programId::text is null or program_id = :programId) order by id limit :limit`,
    { afterId, programId, limit },
  );
  return rows.map(toOrderRow);
}
