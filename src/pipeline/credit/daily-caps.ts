import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import { localDay } from '../../domain/calendar.ts';
import type { CapDecision } from '../rows/order-rows.ts';
import type { OrderWork } from '../orders/order-work.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';

/** An order that needs a slot of its offer's day. */
export interface SlotRequest {
  order: OrderWork;
  offerId: string;
  dailyCap: number;
}

/**
 * Gives out the slots of daily caps, in the order given. A day is a calendar day of the program's zone, by when the sale
 * happened. What is decided here is recorded with the order and reused by every later settlement: slots are the one
 * thing that goes to whoever is processed first.
 */
export async function grantSlots(trx: Trx, requests: SlotRequest[]): Promise<Map<string, CapDecision>> {
  const decisions = new Map<string, CapDecision>();
  const counters = new Map<string, { scope: Scope; offerId: string; day: string; requests: SlotRequest[] }>();
  for (const request of requests) {
    const { order, offerId } = request;
    const day = localDay(order.summary.occurredAt ?? '', order.world.program.timezone);
    const key = `${scopeKey(order.scope)} ${offerId} ${day}`;
    const counter = counters.get(key) ?? { scope: order.scope, offerId, day, requests: [] };
    counters.set(key, counter);
    counter.requests.push(request);
  }
  if (counters.size === 0) return decisions;
  const list = [...counters.values()];
  const taken = await lockCounters(trx, list);
  const used: number[] = [];
  for (const [index, counter] of list.entries()) {
    const start = taken[index] ?? 0;
    let count = start;
    for (const { order, offerId, dailyCap } of counter.requests) {
      const granted = count < dailyCap;
      if (granted) count += 1;
      decisions.set(order.id, { offerId, day: counter.day, granted });
    }
    used.push(count - start);
  }
  await runPositional(
    trx,
    `update cap_counters c set taken = c.taken + used.count
     from unnest(?::text[], ?::boolean[], ?::text[], ?::date[], ?::integer[])
       as used (program_id, livemode, offer_id, day, count)
     where c.program_id = used.program_id and c.livemode = used.livemode and c.offer_id = used.offer_id
       and c.day = used.day and used.count > 0`,
    [...keysOf(list), used],
  );
  return decisions;
}

/** Makes the counters where they are missing and locks them all, in one sorted order; gives how much of each is taken. */
async function lockCounters(
  trx: Trx,
  list: { scope: Scope; offerId: string; day: string }[],
): Promise<(number | undefined)[]> {
  const rows = await runPositional<{
    program_id: string;
    livemode: boolean;
    offer_id: string;
    day: string;
    taken: number;
  }>(
    trx,
    `insert into cap_counters (program_id, livemode, offer_id, day, taken)
     select program_id, livemode, offer_id, day, 0
     from unnest(?::text[], ?::boolean[], ?::text[], ?::date[]) as c (program_id, livemode, offer_id, day)
     order by program_id, livemode, offer_id, day
     on conflict (program_id, livemode, offer_id, day) do update set taken = cap_counters.taken
     returning program_id, livemode, offer_id, day::text as day, taken`,
    keysOf(list),
  );
  return list.map(
    ({ scope, offerId, day }) =>
      rows.find(
        (row) =>
          row.program_id === scope.programId &&
          row.livemode === scope.livemode &&
          row.offer_id === offerId &&
          row.day === day,
      )?.taken,
  );
}

function keysOf(list: { scope: Scope; offerId: string; day: string }[]): unknown[][] {
  return [
    list.map(({ scope }) => scope.programId),
    list.map(({ scope }) => scope.livemode),
    list.map(({ offerId }) => offerId),
    list.map(({ day }) => day),
  ];
}
