import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { isEarlier } from '../../domain/orderings.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { rowsBefore, type LoadedOrder } from '../orders/loaded-order.ts';
import type { OrderSummary } from '../rules/summarize.ts';
import type { OrderRow } from '../rows/order-rows.ts';
import type { CreditedOrder } from './credited-order.ts';

/**
 * Who is first decides who is paid: the first payment of a subscription is its sale, the first order that asks for a CPA
 * slot is paid, the first payment of a customer starts the clock of a revenue share. First by (countedAt, reference), never
 * by who was processed first; so an order that arrives late may come first, and whoever was first is settled again. A CPA slot
 * goes to an order that was told of without a key, or by an anonymous lead alone, only where no other asks for it.
 */
export interface FirstOrders {
  /** The batch's orders that are first. */
  first: ReadonlySet<string>;
  /** Stored orders that became first or stopped being first. */
  displaced: Displaced[];
}

export interface Displaced {
  scope: Scope;
  orderId: string;
}

/** An order that may be first, and by what it is judged. */
interface Contender extends Displaced {
  /** By when it counts (`countedAt`). */
  occurredAt: string;
  reference: string;
  /** It comes after all others, whenever it was. */
  last: boolean;
}

/** Finds the batch's orders that are the first of their subscription. */
export function rankFirstOfSubscriptions(
  trx: Trx,
  orders: readonly LoadedOrder[],
  batchOrderIds: readonly string[],
): Promise<FirstOrders> {
  const contests = gatherContests(
    orders,
    ({ subscription }) => placeIn(subscription),
    ({ subscription }) => placeIn(subscription),
  );
  return rankFirsts(trx, 'subscription', contests, batchOrderIds);
}

/**
 * Finds the batch's orders that hold the CPA slot which they ask for. The slots of customers are safe under the customer's
 * lock; for slots of clicks the clicks are locked first.
 */
export async function rankCpaSlots(
  trx: Trx,
  orders: readonly CreditedOrder[],
  batchOrderIds: readonly string[],
  lock = lockClicks,
): Promise<FirstOrders> {
  const contests = gatherContests(
    orders,
    ({ credit }) => placeIn(credit.cpaSlot, credit.ranksLast),
    ({ cpaSlot, ranksLast }) => placeIn(cpaSlot, ranksLast),
  );
  const clickIds = [...contests.values()].flatMap(({ key }) =>
    key.startsWith('click:') ? [key.split(':')[1] ?? ''] : [],
  );
  if (clickIds.length > 0) await lock(trx, clickIds);
  return rankFirsts(trx, 'cpa_claim', contests, batchOrderIds);
}

async function lockClicks(trx: Trx, clickIds: string[]): Promise<void> {
  await runSql(trx, 'lockClicks', 'select 1 from clicks where id = any(:clickIds) order by id for no key update', {
    clickIds,
  });
}

/** Whether an order is money by its customer, and so may be their first payment. */
export function isPayment({ payment, imported }: OrderSummary): boolean {
  return payment === null ? imported : payment.netMinor > 0n;
}

/** What several orders ask for and only the first gets: who asks now, and which of the batch's orders asked before. */
interface Contest {
  scope: Scope;
  key: string;
  now: Contender[];
  before: Contender[];
}

/** What an order asks for, and whether only after all others. */
interface Place {
  key: string;
  last: boolean;
}

function placeIn(key: string | null, last = false): Place | null {
  return key === null ? null : { key, last };
}

function gatherContests<O extends LoadedOrder>(
  orders: readonly O[],
  placeNow: (order: O) => Place | null,
  placeBefore: (row: OrderRow) => Place | null,
): Map<string, Contest> {
  const contests = new Map<string, Contest>();
  const contestOf = (scope: Scope, key: string): Contest => {
    const name = `${scopeKey(scope)} ${key}`;
    const contest = contests.get(name) ?? { scope, key, now: [], before: [] };
    contests.set(name, contest);
    return contest;
  };
  for (const order of orders) {
    const { scope, id: orderId, reference, summary } = order;
    const { countedAt } = summary;
    const place = placeNow(order);
    if (place && countedAt !== null) {
      contestOf(scope, place.key).now.push({ scope, orderId, occurredAt: countedAt, reference, last: place.last });
    }
    for (const row of rowsBefore(order)) {
      const then = placeBefore(row);
      const occurredAt = row.countedAt ?? row.occurredAt;
      if (!then || occurredAt === null || row.reference === null) continue;
      const contender = { scope, orderId: row.id, occurredAt, reference: row.reference };
      contestOf(scope, then.key).before.push({ ...contender, last: then.last });
    }
  }
  return contests;
}

async function rankFirsts(
  trx: Trx,
  column: 'subscription' | 'cpa_claim',
  contests: Map<string, Contest>,
  batchOrderIds: readonly string[],
): Promise<FirstOrders> {
  const first = new Set<string>();
  const displaced: Displaced[] = [];
  if (contests.size === 0) return { first, displaced };
  const stored = await readFirsts(trx, column, [...contests.values()], batchOrderIds);
  for (const [name, { now, before }] of contests) {
    const other = stored.get(name) ?? null;
    const winner = firstOf(other === null ? now : [...now, other]);
    const winnerBefore = firstOf(other === null ? before : [...before, other]);
    if (winner !== null && winner !== other) first.add(winner.orderId);
    if (other !== null && (winner === other) !== (winnerBefore === other)) {
      displaced.push({ scope: other.scope, orderId: other.orderId });
    }
  }
  return { first, displaced };
}

function firstOf(contenders: Contender[]): Contender | null {
  return contenders.reduce<Contender | null>(
    (best, one) => (best === null || comesFirst(one, best) ? one : best),
    null,
  );
}

function comesFirst(a: Contender, b: Contender): boolean {
  return a.last === b.last ? isEarlier(a, b) : b.last;
}

/** The first in each contest among the orders that are not of this batch: of those that rank last only where no other is. */
async function readFirsts(
  trx: Trx,
  column: 'subscription' | 'cpa_claim',
  contests: Contest[],
  batchOrderIds: readonly string[],
): Promise<Map<string, Contender>> {
  const rows = await runSql<{
    program_id: string;
    livemode: boolean;
    key: string;
    id: string;
    counted_at: Date;
    reference: string;
    last: boolean;
  }>(
    trx,
    column === 'subscription' ? 'readFirstOfSubscriptions' : 'readHoldersOfCpaSlots',
    `select wanted.program_id, wanted.livemode, wanted.key, o.*
     from unnest(:programIds::text[], :livemodes::boolean[], :keys::text[]) as wanted (program_id, livemode, key)
     cross join lateral (
       select id, coalesce(counted_at, occurred_at) as counted_at, reference,
         ${column === 'cpa_claim' ? 'ranks_last' : 'false'} as last
       from orders
       where program_id = wanted.program_id and livemode = wanted.livemode and ${column} = wanted.key
         and not (id = any(:batchOrderIds))
       order by ${column === 'cpa_claim' ? 'ranks_last, ' : ''}coalesce(counted_at, occurred_at), reference limit 1) o`,
    {
      programIds: contests.map(({ scope }) => scope.programId),
      livemodes: contests.map(({ scope }) => scope.livemode),
      keys: contests.map(({ key }) => key),
      batchOrderIds,
    },
  );
  return new Map(
    rows.map((row) => {
      const scope = { programId: row.program_id, livemode: row.livemode };
      const { id: orderId, reference, last } = row;
      const occurredAt = row.counted_at.toISOString();
      return [`${scopeKey(scope)} ${row.key}`, { scope, orderId, occurredAt, reference, last }];
    }),
  );
}
