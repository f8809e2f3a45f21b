import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { creditOrders, settleContexts } from '../pipeline/credit/credit-orders.ts';
import { readCustomers, readMembers } from '../pipeline/rows/customer-rows.ts';
import { identify, type Customers, type CustomerWork } from '../pipeline/orders/lock-customers.ts';
import { findMembers, type PoolSeed } from '../pipeline/orders/lock-orders.ts';
import { loadOrders } from '../pipeline/orders/load-orders.ts';
import { orderColumnList, toOrderRow, type OrderRow } from '../pipeline/rows/order-rows.ts';
import type { OrderWork } from '../pipeline/orders/order-work.ts';
import type { Standing } from '../pipeline/rules/postings.ts';
import { type ReferenceGroup } from '../pipeline/orders/references.ts';
import { settledRow, settlePart, type OrderContext } from '../pipeline/credit/settle-order.ts';
import type { ResettlementRequest } from '../pipeline/rows/resettlement-rows.ts';
import type { Findings } from './verify-findings.ts';
import { Worlds } from '../pipeline/rows/load-catalog.ts';
import { scopeKey, type Scope } from '../domain/scope.ts';
import { readStandings } from '../pipeline/rows/ledger-rows.ts';

/**
 * Settles a page of orders anew, from their facts and what was recorded with them, and compares with what is stored: the
 * conversion, its claims, and the sum of its postings. Who is first is judged by the stored claims of the other orders,
 * which are compared on their own pages. Orders that are about to be settled again are passed over. Call it in a
 * transaction that sees one moment (REPEATABLE READ).
 */
export async function verifyOrders(trx: Trx, page: OrderRow[], findings: Findings): Promise<void> {
  const faces = page.filter(({ status }) => status !== 'merged');
  await verifyMerged(
    trx,
    page.filter(({ status }) => status === 'merged'),
    findings,
  );
  const ids = await withPools(trx, faces);
  const worlds = new Worlds();
  const { orders, merged, moves } = await loadOrders(trx, [], ids, worlds, true);
  const wanted = new Map(faces.map((row) => [row.id, row]));
  const own = orders.filter(({ id }) => wanted.has(id));
  const waiting = await findWaiting(trx, own);

  const customers = await findCustomers(trx, own, findings, waiting);
  const affected = [...own.map(({ id }) => id), ...merged.map(({ id }) => id)];
  const requests = await creditOrders(trx, own, customers, affected, worlds);
  const contexts = await settleContexts(trx, own, customers, affected, '', requests, {
    grantSlots: () => Promise.resolve(new Map()),
    lockClicks: () => Promise.resolve(),
  });
  await verifyReferences(trx, own, findings);
  const roots = await readRoots(
    trx,
    'customers',
    faces.flatMap(({ customerId }) => customerId ?? []),
  );
  for (const [id, row] of wanted) {
    findings.count('orders');
    const order = own.find((one) => one.id === id);
    const context = contexts.get(id);
    if (waiting.has(id)) findings.count('waiting');
    else if (!order || !context) {
      findings.differ('order', id, 'status', row.status, 'merged: it is joined to another order by a hint');
    } else verifyOrder(order, row, { ...context, now: row.updatedAt }, roots, findings);
  }
  for (const { factId, orderId } of moves) {
    if (wanted.has(orderId) && !waiting.has(orderId)) findings.differ('fact', factId, 'order', 'another', orderId);
  }
  for (const request of requests) reportRequest(request, waiting, findings);
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
  'claimsPayment',
  'cpaClaim',
  'holdDays',
  'hint',
  'hintAt',
  'approvableAt',
];

function verifyOrder(
  order: OrderWork,
  stored: OrderRow,
  context: OrderContext,
  roots: Map<string, string>,
  findings: Findings,
): void {
  const target = settlePart(order, context, order.state);
  const expected = settledRow(order, target, context);
  for (const field of compared) {
    // What is stored has been JSON, which has no undefined.
    if (!isDeepStrictEqual(stored[field], plain(expected[field]))) {
      findings.differ('order', stored.id, field, stored[field], expected[field]);
    }
  }
  const [was, is] = [stored.explanation?.amounts ?? null, expected.explanation?.amounts ?? null];
  if (!isDeepStrictEqual(was, is)) findings.differ('order', stored.id, 'explanation.amounts', was, is);
  const customer = roots.get(stored.customerId ?? '') ?? null;
  if (customer !== expected.customerId) {
    findings.differ('order', stored.id, 'customerId', stored.customerId, expected.customerId);
  }
  const posted = order.standings.filter(({ amountMinor }) => amountMinor !== 0n);
  const due: Standing[] =
    target.commissionMinor === 0n || target.affiliateId === null || target.commissionCurrency === null
      ? []
      : [
          {
            affiliateId: target.affiliateId,
            currency: target.commissionCurrency,
            amountMinor: target.commissionMinor,
          },
        ];
  if (!isDeepStrictEqual(posted, due)) findings.differ('order', stored.id, 'sum of postings', posted, due);
}

function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

/** A merged order earns nothing, and its facts are with the one that it was merged into. */
async function verifyMerged(trx: Trx, merged: OrderRow[], findings: Findings): Promise<void> {
  if (merged.length === 0) return;
  const ids = merged.map(({ id }) => id);
  const standings = await readStandings(trx, ids);
  const rows = await runPositional<{ id: string; facts: number; survivors: number }>(
    trx,
    `select o.id, (select count(*)::int from facts f where f.order_id = o.id) as facts,
       (select count(*)::int from orders s where s.id = o.merged_into and s.program_id = o.program_id) as survivors
     from orders o where o.id = any(?)`,
    [ids],
  );
  for (const row of merged) {
    findings.count('orders');
    if (row.commissionMinor !== 0n) findings.differ('order', row.id, 'commissionMinor', row.commissionMinor, 0n);
    for (const { amountMinor } of standings.get(row.id) ?? []) {
      if (amountMinor !== 0n) findings.differ('order', row.id, 'sum of postings', amountMinor, 0n);
    }
  }
  for (const { id, facts, survivors } of rows) {
    if (facts > 0) findings.differ('order', id, 'facts', facts, 0);
    if (survivors !== 1) findings.differ('order', id, 'mergedInto', 'no such order', 'an order of the program');
  }
}

/** The orders, with those that hints may join to them. */
async function withPools(trx: Trx, faces: OrderRow[]): Promise<string[]> {
  const seeds = faces.flatMap(({ programId, livemode, hint, hintAt }): PoolSeed[] =>
    hint === null || hintAt === null ? [] : [{ scope: { programId, livemode }, key: hint, at: hintAt }],
  );
  const members = await findMembers(trx, seeds);
  const ids = new Set([...faces.map(({ id }) => id), ...members.flatMap(({ id, face }) => (face ? [id, face] : [id]))]);
  return [...ids].sort();
}

/** Orders that a later batch is to settle again, by themselves or with their customer: what differs there is no fault. */
async function findWaiting(trx: Trx, orders: OrderWork[]): Promise<Set<string>> {
  const rows = await runPositional<{ id: string }>(
    trx,
    `with recursive waiting as (
       select customer_id as id from resettlements where customer_id is not null
       union
       select c.id from customers c join waiting w on c.merged_into = w.id
     ), up as (
       select id from waiting
       union
       select c.merged_into from customers c join up on c.id = up.id where c.merged_into is not null
     ), family as (
       select id from up union select c.id from customers c join family f on c.merged_into = f.id
     )
     select o.id from orders o where o.id = any(?)
       and (o.customer_id in (select id from family) or exists (select 1 from resettlements r where r.order_id = o.id))`,
    [orders.map(({ id }) => id)],
  );
  return new Set(rows.map(({ id }) => id));
}

/** The customers whom the orders' references lead to. */
async function findCustomers(
  trx: Trx,
  orders: OrderWork[],
  findings: Findings,
  waiting: Set<string>,
): Promise<Customers> {
  const groups = orders
    .map((order): ReferenceGroup<OrderWork> => ({
      scope: order.scope,
      refs: identify(order.summary.customerRefs, order.summary.emails),
      members: [order],
    }))
    .filter(({ refs }) => refs.length > 0);
  const owners = await readOwners(trx, 'customer_refs', 'customer_id', groups);
  const roots = await readRoots(trx, 'customers', [...new Set(owners.values())]);
  const rows = await readCustomers(trx, [...new Set(roots.values())]);
  const byId = new Map<string, CustomerWork>();
  for (const { scope, refs, members } of groups) {
    const [order] = members;
    if (!order) continue;
    const found = new Set(refs.map((ref) => roots.get(owners.get(`${scopeKey(scope)} ${ref}`) ?? '') ?? null));
    const [id] = found;
    if (found.size > 1 || !id) {
      if (!waiting.has(order.id)) findings.differ('order', order.id, 'customer', [...found], 'one customer');
      continue;
    }
    order.customerId = id;
    const row = rows.get(id) ?? null;
    const customer: CustomerWork = byId.get(id) ?? {
      id,
      scope,
      before: row,
      merged: [],
      email: row?.email ?? null,
      orders: [],
      facts: [],
      attributions: new Map(),
      binding: null,
    };
    byId.set(id, customer);
    customer.orders.push(order);
  }
  return { byId, members: await readMembers(trx, [...byId.keys()]) };
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
  const rows = await runPositional<{ program_id: string; livemode: boolean; ref: string; owner: string }>(
    trx,
    `select r.program_id, r.livemode, r.ref, r.${column} as owner
     from unnest(?::text[], ?::boolean[], ?::text[]) as w (program_id, livemode, ref)
     join ${table} r using (program_id, livemode, ref)`,
    [wanted.map(({ programId }) => programId), wanted.map(({ livemode }) => livemode), wanted.map(({ ref }) => ref)],
  );
  return new Map(
    rows.map((row) => [`${scopeKey({ programId: row.program_id, livemode: row.livemode })} ${row.ref}`, row.owner]),
  );
}

/** Every reference that the facts know an order by leads to it. */
async function verifyReferences(trx: Trx, orders: OrderWork[], findings: Findings): Promise<void> {
  const groups = orders.map(({ id, scope, state }) => ({
    id,
    scope,
    refs: [...new Set([...state.values()].flatMap(({ fact }) => fact.refs))],
  }));
  const owners = await readOwners(trx, 'order_refs', 'order_id', groups);
  const roots = await readRoots(trx, 'orders', [...new Set(owners.values())]);
  for (const { id, scope, refs } of groups) {
    for (const ref of refs) {
      const owner = owners.get(`${scopeKey(scope)} ${ref}`) ?? null;
      const root = owner === null ? null : (roots.get(owner) ?? owner);
      if (root !== id) findings.differ('order', id, `reference ${ref}`, root, id);
    }
  }
}

/** Each of them, to the one that it was merged into. */
async function readRoots(trx: Trx, table: 'customers' | 'orders', ids: string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await runPositional<{ start: string; id: string }>(
    trx,
    `with recursive chain as (
       select id as start, id, merged_into from ${table} where id = any(?)
       union all
       select chain.start, t.id, t.merged_into from chain join ${table} t on t.id = chain.merged_into)
     select start, id from chain where merged_into is null`,
    [ids],
  );
  return new Map(rows.map(({ start, id }) => [start, id]));
}

function reportRequest({ customerId, orderId }: ResettlementRequest, waiting: Set<string>, findings: Findings): void {
  if (waiting.size > 0) return;
  if (customerId !== null) findings.differ('customer', customerId, 'binding or first payment', 'as stored', 'another');
  if (orderId !== null) findings.differ('order', orderId, 'place among the claims', 'as stored', 'another');
}

/** A page of orders by id. */
export async function readOrderPage(
  trx: Trx,
  afterId: string,
  limit: number,
  programId: string | null,
): Promise<OrderRow[]> {
  const rows = await runPositional<Record<string, unknown>>(
    trx,
    `select ${orderColumnList} from orders where id > ? and (?::text is null or program_id = ?) order by id limit ?`,
    [afterId, programId, programId, limit],
  );
  return rows.map(toOrderRow);
}
