import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import type { CustomerWork } from '../orders/lock-customers.ts';
import { isEarlier } from '../../domain/orderings.ts';
import type { OrderRow } from '../rows/order-rows.ts';
import { rowsBefore, type OrderWork } from '../orders/order-work.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { OrderSummary } from '../rules/summarize.ts';

/**
 * Who is first decides who is paid: the first payment of a subscription is its sale, the first claim of a CPA slot is
 * paid, the first payment of a customer starts the clock of a revenue share. First by (occurredAt, reference), never by
 * who was processed first; so an order that arrives late may take a place, and whoever loses it is settled again.
 */
interface Place {
  scope: Scope;
  orderId: string;
  occurredAt: string;
  reference: string;
}

/** A stored order that won or lost a place to this batch. */
export interface Displaced {
  scope: Scope;
  orderId: string;
}

/** Places found among the orders that are not in this batch. */
type StoredPlaces = Map<string, Place>;

/**
 * Marks the batch's orders that are the first of their subscription. Gives the stored orders whose place changed hands:
 * they are settled again later.
 */
export async function rankSubscriptions(trx: Trx, orders: OrderWork[], affected: string[]): Promise<Displaced[]> {
  const keyed = rankable(
    orders,
    ({ subscription }) => subscription,
    ({ subscription }) => subscription,
  );
  if (keyed.keys.length === 0) return [];
  const stored = await readFirst(trx, 'subscription', keyed.keys, affected);
  return award(keyed, stored, (order, first) => {
    order.firstOfSubscription = first;
  });
}

/**
 * Says for each order with a CPA claim whether it holds the slot. Claims of customers are safe under the customer's
 * lock; for claims by click the clicks are locked first.
 */
export async function rankCpaClaims(
  trx: Trx,
  orders: OrderWork[],
  affected: string[],
  lock = lockClicks,
): Promise<{ holds: Set<string>; displaced: Displaced[] }> {
  const holds = new Set<string>();
  const keyed = rankable(
    orders,
    (order) => order.draft?.cpaClaim ?? null,
    ({ cpaClaim }) => cpaClaim,
  );
  if (keyed.keys.length === 0) return { holds, displaced: [] };
  const clickIds = keyed.keys.flatMap(({ key }) => (key.startsWith('click:') ? [key.split(':')[1] ?? ''] : []));
  if (clickIds.length > 0) await lock(trx, clickIds);
  const stored = await readFirst(trx, 'cpa_claim', keyed.keys, affected);
  const displaced = award(keyed, stored, (order, first) => {
    if (first) holds.add(order.id);
  });
  return { holds, displaced };
}

async function lockClicks(trx: Trx, clickIds: string[]): Promise<void> {
  await runPositional(trx, 'select 1 from clicks where id = any(?) order by id for no key update', [clickIds]);
}

/**
 * The instant of each customer's first payment since they were bound, and the customers for whom it moved although they
 * have other orders.
 */
export async function firstPayments(
  trx: Trx,
  customers: Iterable<CustomerWork>,
  members: Map<string, string>,
  affected: string[],
): Promise<{ at: Map<string, string>; moved: Set<string> }> {
  const bound = [...customers].filter((customer) => customer.binding !== null);
  const at = new Map<string, string>();
  const moved = new Set<string>();
  if (bound.length === 0) return { at, moved };
  const since = new Map(bound.map((customer) => [customer.id, customer.binding?.boundAt ?? '']));
  const pairs = [...members].filter(([, root]) => since.has(root));
  const rows = await runPositional<{ root: string; occurred_at: Date }>(
    trx,
    `select member.root, o.occurred_at
     from unnest(?::text[], ?::text[], ?::timestamptz[]) as member (id, root, since)
     cross join lateral (
       select occurred_at from orders
       where customer_id = member.id and claims_payment and occurred_at >= member.since and not (id = any(?))
       order by occurred_at limit 1) o`,
    [pairs.map(([id]) => id), pairs.map(([, root]) => root), pairs.map(([, root]) => since.get(root)), affected],
  );
  const others = new Map<string, string>();
  for (const row of rows) keepLeast(others, row.root, row.occurred_at.toISOString());
  for (const customer of bound) {
    const boundAt = customer.binding?.boundAt ?? '';
    const now = new Map<string, string>();
    const before = new Map<string, string>();
    const other = others.get(customer.id);
    if (other !== undefined) {
      keepLeast(now, customer.id, other);
      keepLeast(before, customer.id, other);
    }
    for (const order of customer.orders) {
      const paidAt = claimsPayment(order.summary) ? order.summary.occurredAt : null;
      if (paidAt !== null && paidAt >= boundAt) keepLeast(now, customer.id, paidAt);
      for (const row of rowsBefore(order)) {
        const wasOurs = members.get(row.customerId ?? '') === customer.id;
        if (wasOurs && row.claimsPayment && row.occurredAt !== null && row.occurredAt >= boundAt) {
          keepLeast(before, customer.id, row.occurredAt);
        }
      }
    }
    const first = now.get(customer.id);
    if (first !== undefined) at.set(customer.id, first);
    if (other !== undefined && first !== before.get(customer.id)) moved.add(customer.id);
  }
  return { at, moved };
}

/** Whether an order is money by its customer, and so may be their first payment. */
export function claimsPayment({ payment, imported }: OrderSummary): boolean {
  return payment === null ? imported : payment.netMinor > 0n;
}

interface Keyed {
  keys: { scope: Scope; key: string }[];
  claims: Map<string, { now: { order: OrderWork; place: Place }[]; before: Place[] }>;
}

function rankable(
  orders: OrderWork[],
  keyNow: (order: OrderWork) => string | null,
  keyBefore: (row: OrderRow) => string | null,
): Keyed {
  const keys = new Map<string, { scope: Scope; key: string }>();
  const claims: Keyed['claims'] = new Map();
  const claimOf = (scope: Scope, key: string): { now: { order: OrderWork; place: Place }[]; before: Place[] } => {
    const name = `${scopeKey(scope)} ${key}`;
    keys.set(name, { scope, key });
    const known = claims.get(name) ?? { now: [], before: [] };
    claims.set(name, known);
    return known;
  };
  for (const order of orders) {
    const now = keyNow(order);
    if (now !== null && order.summary.occurredAt !== null) {
      const place = {
        scope: order.scope,
        orderId: order.id,
        occurredAt: order.summary.occurredAt,
        reference: order.reference,
      };
      claimOf(order.scope, now).now.push({ order, place });
    }
    for (const row of rowsBefore(order)) {
      const before = keyBefore(row);
      if (before === null || row.occurredAt === null || row.reference === null) continue;
      claimOf(order.scope, before).before.push({
        scope: order.scope,
        orderId: row.id,
        occurredAt: row.occurredAt,
        reference: row.reference,
      });
    }
  }
  return { keys: [...keys.values()], claims };
}

/** Hands each place to the first of all its claims; gives the stored orders that won or lost one. */
function award(keyed: Keyed, stored: StoredPlaces, tell: (order: OrderWork, first: boolean) => void): Displaced[] {
  const displaced: Displaced[] = [];
  for (const [name, { now, before }] of keyed.claims) {
    const other = stored.get(name) ?? null;
    const places = now.map(({ place }) => place);
    const holder = firstOf(other === null ? places : [...places, other]);
    const heldBefore = firstOf(other === null ? before : [...before, other]);
    for (const { order, place } of now) tell(order, place === holder);
    if (other !== null && (holder === other) !== (heldBefore === other))
      displaced.push({ scope: other.scope, orderId: other.orderId });
  }
  return displaced;
}

function firstOf(places: Place[]): Place | null {
  return places.reduce<Place | null>((best, place) => (best === null || isEarlier(place, best) ? place : best), null);
}

async function readFirst(
  trx: Trx,
  column: 'subscription' | 'cpa_claim',
  keys: { scope: Scope; key: string }[],
  affected: string[],
): Promise<StoredPlaces> {
  const rows = await runPositional<{
    program_id: string;
    livemode: boolean;
    key: string;
    id: string;
    occurred_at: Date;
    reference: string;
  }>(
    trx,
    `select wanted.program_id, wanted.livemode, wanted.key, o.id, o.occurred_at, o.reference
     from unnest(?::text[], ?::boolean[], ?::text[]) as wanted (program_id, livemode, key)
     cross join lateral (
       select id, occurred_at, reference from orders
       where program_id = wanted.program_id and livemode = wanted.livemode and ${column} = wanted.key
         and not (id = any(?))
       order by occurred_at, reference limit 1) o`,
    [
      keys.map(({ scope }) => scope.programId),
      keys.map(({ scope }) => scope.livemode),
      keys.map(({ key }) => key),
      affected,
    ],
  );
  return new Map(
    rows.map((row) => [
      `${scopeKey({ programId: row.program_id, livemode: row.livemode })} ${row.key}`,
      {
        scope: { programId: row.program_id, livemode: row.livemode },
        orderId: row.id,
        occurredAt: row.occurred_at.toISOString(),
        reference: row.reference,
      },
    ]),
  );
}

function keepLeast(into: Map<string, string>, key: string, value: string): void {
  const known = into.get(key);
  if (known === undefined || value < known) into.set(key, value);
}
