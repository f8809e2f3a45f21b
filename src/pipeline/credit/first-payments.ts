import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { rowsBefore, type LoadedOrder } from '../orders/loaded-order.ts';
import type { OrderRow } from '../rows/order-rows.ts';
import { findOrdersOfSubscriptions, subscriptionKey, type SubscriptionKey } from '../rows/subscription-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import type { SubscriptionBindings } from './bind-subscriptions.ts';
import type { BoundCustomer, CreditedOrder } from './credited-order.ts';
import { isPayment } from './who-is-first.ts';

/** When the months of a revenue share begin. */
export interface FirstPayments {
  /**
   * Of each order: the first payment of its customer since they were bound (or since the anonymous lead, where nothing else
   * credits the order); without a customer of its subscription.
   */
  of(order: CreditedOrder): string | null;
  /** Customers whose first payment moved although they have other orders. */
  movedCustomers: Set<string>;
  /** The other orders of subscriptions whose first payment moved. */
  requests: ResettlementRequest[];
}

/**
 * The first payment of each customer since they were bound, and of each subscription that nobody is known to pay for. An
 * earlier one that arrives late moves the months of those that are settled: they are to be settled again.
 */
export async function findFirstPayments(
  trx: Trx,
  customers: Customers<BoundCustomer>,
  subscriptions: SubscriptionBindings,
  orders: readonly CreditedOrder[],
  batchOrderIds: readonly string[],
): Promise<FirstPayments> {
  const ofCustomers = await findOfCustomers(trx, customers, orders, batchOrderIds, boundSince);
  const ofLeads = await findOfCustomers(trx, customers, orders, batchOrderIds, ({ lead }) => lead?.boundAt ?? null);
  const ofSubscriptions = await findOfSubscriptions(trx, subscriptions, orders, batchOrderIds);
  const moved = [...ofSubscriptions.moved].flatMap((name) => ofSubscriptions.keys.get(name) ?? []);
  const others = await findOrdersOfSubscriptions(trx, moved, batchOrderIds);
  return {
    of: (order) =>
      order.customerId === null
        ? (ofSubscriptions.at.get(nameOf(order) ?? '') ?? null)
        : ((order.credit.byLead ? ofLeads : ofCustomers).at.get(order.customerId) ?? null),
    movedCustomers: new Set([...ofCustomers.moved, ...ofLeads.moved]),
    requests: others.map(({ id, programId, livemode }) => ({
      scope: { programId, livemode },
      customerId: null,
      orderId: id,
    })),
  };
}

/** The months go on where a person binds the customer to somebody else. */
function boundSince({ binding, rebindings }: BoundCustomer): string | null {
  return rebindings.reduce((first, { boundAt }) => earlier(first, boundAt), binding?.boundAt ?? null);
}

interface Found {
  at: Map<string, string>;
  moved: Set<string>;
}

async function findOfCustomers(
  trx: Trx,
  customers: Customers<BoundCustomer>,
  orders: readonly CreditedOrder[],
  batchOrderIds: readonly string[],
  boundSince: (customer: BoundCustomer) => string | null,
): Promise<Found> {
  const since = new Map<string, string>();
  for (const customer of customers.byId.values()) {
    const boundAt = boundSince(customer);
    if (boundAt !== null) since.set(customer.id, boundAt);
  }
  if (since.size === 0) return { at: new Map(), moved: new Set() };
  const others = await readOfCustomers(trx, customers.storedRootOf, since, batchOrderIds);
  const { at, moved } = compare(
    since,
    others,
    orders,
    ({ customerId }) => customerId,
    ({ customerId }) => customers.rootOf.get(customerId ?? '') ?? null,
  );
  // Of those who pay for the first time most have no other order; of a new record none has.
  const paid = [...moved].filter((id) => others.has(id));
  const unpaid = [...moved].filter((id) => !others.has(id) && isKnown(customers.byId.get(id)));
  return { at, moved: new Set([...paid, ...(await findWithSalesOfNothing(trx, customers, unpaid, batchOrderIds))]) };
}

function isKnown(customer: BoundCustomer | undefined): boolean {
  return customer !== undefined && [customer, ...customer.others].some(({ before }) => before !== null);
}

/** Customers with another order that is a sale of nothing: no payment, but in a month of the revenue share like one. */
async function findWithSalesOfNothing(
  trx: Trx,
  { rootOf }: Customers,
  customerIds: readonly string[],
  batchOrderIds: readonly string[],
): Promise<string[]> {
  if (customerIds.length === 0) return [];
  const wanted = new Set(customerIds);
  const members = [...rootOf].filter(([, root]) => wanted.has(root));
  const rows = await runSql<{ root: string }>(
    trx,
    'findCustomersWithSalesOfNothing',
    `select distinct member.root
     from unnest(:customerIds::text[], :roots::text[]) as member (id, root)
     cross join lateral (
       select 1 from orders
       where customer_id = member.id and net_minor = 0 and gross_minor > 0 and merged_into is null
         and not (id = any(:batchOrderIds)) limit 1) o`,
    { customerIds: members.map(([id]) => id), roots: members.map(([, root]) => root), batchOrderIds },
  );
  return rows.map(({ root }) => root);
}

async function findOfSubscriptions(
  trx: Trx,
  subscriptions: SubscriptionBindings,
  orders: readonly CreditedOrder[],
  batchOrderIds: readonly string[],
): Promise<Found & { keys: Map<string, SubscriptionKey> }> {
  const keys = new Map<string, SubscriptionKey>();
  const since = new Map<string, string>();
  for (const order of orders) {
    const { scope, subscription } = order;
    const binding = subscriptions.of(order);
    if (order.customerId !== null || subscription === null || !binding) continue;
    const key = { scope, subscription };
    keys.set(subscriptionKey(key), key);
    since.set(subscriptionKey(key), binding.boundAt);
  }
  if (since.size === 0) return { at: new Map(), moved: new Set(), keys };
  const others = await readOfSubscriptions(trx, keys, since, batchOrderIds);
  const found = compare(
    since,
    others,
    orders,
    (order) => (order.customerId === null ? nameOf(order) : null),
    ({ customerId, subscription }, { scope }) =>
      customerId === null && subscription !== null ? subscriptionKey({ scope, subscription }) : null,
  );
  return { ...found, keys };
}

function nameOf({ scope, subscription }: CreditedOrder): string | null {
  return subscription === null ? null : subscriptionKey({ scope, subscription });
}

/** The first payments with the batch's orders, and those that are not what they were. */
function compare(
  since: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
  orders: readonly CreditedOrder[],
  payerNow: (order: CreditedOrder) => string | null,
  payerBefore: (row: OrderRow, order: LoadedOrder) => string | null,
): Found {
  const now = new Map(others);
  const before = new Map(others);
  const offer = (first: Map<string, string>, payer: string | null, at: string | null): void => {
    const from = payer === null ? undefined : since.get(payer);
    if (payer === null || from === undefined || at === null || at < from) return;
    first.set(payer, earlier(first.get(payer) ?? null, at));
  };
  for (const order of orders) {
    if (isPayment(order.summary)) offer(now, payerNow(order), order.summary.countedAt);
    for (const row of rowsBefore(order)) {
      if (row.isPayment) offer(before, payerBefore(row, order), row.countedAt ?? row.occurredAt);
    }
  }
  const moved = [...since.keys()].filter((payer) => now.get(payer) !== before.get(payer));
  return { at: now, moved: new Set(moved) };
}

/** The first payment of each customer among the orders that are not of this batch. */
async function readOfCustomers(
  trx: Trx,
  rootOf: ReadonlyMap<string, string>,
  since: ReadonlyMap<string, string>,
  batchOrderIds: readonly string[],
): Promise<Map<string, string>> {
  const members = [...rootOf].filter(([, root]) => since.has(root));
  if (members.length === 0) return new Map();
  const rows = await runSql<{ payer: string; countedAt: Date }>(
    trx,
    'readFirstPayments',
    `select member.root as payer, o.counted_at as "countedAt"
     from unnest(:customerIds::text[], :roots::text[], :since::timestamptz[]) as member (id, root, since)
     -- Their index has those that may bind apart from those that may not.
     cross join (values (0), (1)) as kind (unowned)
     cross join lateral (
       select coalesce(counted_at, occurred_at) as counted_at from orders
       where customer_id = member.id and num_nulls(own) = unowned and claims_payment
         and coalesce(counted_at, occurred_at) >= member.since and not (id = any(:batchOrderIds))
       order by coalesce(counted_at, occurred_at) limit 1) o`,
    {
      customerIds: members.map(([id]) => id),
      roots: members.map(([, root]) => root),
      since: members.map(([, root]) => since.get(root)),
      batchOrderIds,
    },
  );
  return firstOfPayers(rows);
}

/** The first payment of each subscription among the orders without a customer that are not of this batch. */
async function readOfSubscriptions(
  trx: Trx,
  keys: ReadonlyMap<string, SubscriptionKey>,
  since: ReadonlyMap<string, string>,
  batchOrderIds: readonly string[],
): Promise<Map<string, string>> {
  const wanted = [...keys];
  const rows = await runSql<{ payer: string; countedAt: Date }>(
    trx,
    'readFirstPaymentsOfSubscriptions',
    `select wanted.payer, o.counted_at as "countedAt"
     from unnest(:payers::text[], :programIds::text[], :livemodes::boolean[], :subscriptions::text[], :since::timestamptz[])
       as wanted (payer, program_id, livemode, subscription, since)
     cross join lateral (
       select coalesce(counted_at, occurred_at) as counted_at from orders
       where program_id = wanted.program_id and livemode = wanted.livemode and subscription = wanted.subscription
         and claims_payment and customer_id is null and coalesce(counted_at, occurred_at) >= wanted.since
         and not (id = any(:batchOrderIds))
       order by coalesce(counted_at, occurred_at) limit 1) o`,
    {
      payers: wanted.map(([payer]) => payer),
      programIds: wanted.map(([, { scope }]) => scope.programId),
      livemodes: wanted.map(([, { scope }]) => scope.livemode),
      subscriptions: wanted.map(([, { subscription }]) => subscription),
      since: wanted.map(([payer]) => since.get(payer)),
      batchOrderIds,
    },
  );
  return firstOfPayers(rows);
}

function firstOfPayers(rows: readonly { payer: string; countedAt: Date }[]): Map<string, string> {
  const first = new Map<string, string>();
  for (const { payer, countedAt } of rows) {
    first.set(payer, earlier(first.get(payer) ?? null, countedAt.toISOString()));
  }
  return first;
}

function earlier(known: string | null, at: string): string {
  return known === null || at < known ? at : known;
}
