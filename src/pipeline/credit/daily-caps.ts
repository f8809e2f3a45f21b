import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { localDay } from '../../domain/calendar.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { LoadedOrder } from '../orders/loaded-order.ts';
import type { CapDecision } from '../rows/order-rows.ts';

/** An order that needs a slot of its offer's day. */
export interface SlotRequest {
  order: LoadedOrder;
  offerId: string;
  dailyCap: number;
}

/** The counter of an offer's day. */
interface Counter {
  scope: Scope;
  offerId: string;
  day: string;
  /** Of orders that were told of without a key: they take no slot from others. */
  keyless: boolean;
}

/**
 * Gives out the slots of daily caps, in the order given. A day is a calendar day of the program's zone, by when the sale
 * happened; without a key by when it was received, and counted apart, up to the same cap. What is decided here is recorded with
 * the order and reused by every later settlement: slots are the one thing that goes to whoever is processed first.
 */
export async function grantSlots(trx: Trx, requests: SlotRequest[]): Promise<Map<string, CapDecision>> {
  const decisions = new Map<string, CapDecision>();
  const requested = new Map<string, Counter & { requests: SlotRequest[] }>();
  for (const request of requests) {
    const { order, offerId } = request;
    const day = localDay(order.summary.countedAt ?? '', order.catalog.program.timezone);
    const counter = { scope: order.scope, offerId, day, keyless: order.summary.keyless };
    const known = requested.get(keyOf(counter));
    if (known) known.requests.push(request);
    else requested.set(keyOf(counter), { ...counter, requests: [request] });
  }
  if (requested.size === 0) return decisions;
  const counters = [...requested.values()];
  const taken = await lockCounters(trx, counters);
  const granted: number[] = [];
  for (const counter of counters) {
    const start = taken.get(keyOf(counter)) ?? 0;
    let count = start;
    for (const { order, offerId, dailyCap } of counter.requests) {
      const free = count < dailyCap;
      if (free) count += 1;
      decisions.set(order.id, { offerId, day: counter.day, granted: free });
    }
    granted.push(count - start);
  }
  await runSql(
    trx,
    'takeSlots',
    `update cap_counters c set taken = c.taken + g.count
     from unnest(:programIds::text[], :livemodes::boolean[], :offerIds::text[], :days::date[], :keyless::boolean[],
         :granted::integer[])
       as g (program_id, livemode, offer_id, day, keyless, count)
     where c.program_id = g.program_id and c.livemode = g.livemode and c.offer_id = g.offer_id
       and c.day = g.day and c.keyless = g.keyless and g.count > 0`,
    { ...columnsOf(counters), granted },
  );
  return decisions;
}

/** Makes the counters where they are missing and locks them all, in one sorted order; gives how much of each is taken. */
async function lockCounters(trx: Trx, counters: Counter[]): Promise<Map<string, number>> {
  const rows = await runSql<CounterRow>(
    trx,
    'lockCapCounters',
    `insert into cap_counters (program_id, livemode, offer_id, day, keyless, taken)
     select program_id, livemode, offer_id, day, keyless, 0
     from unnest(:programIds::text[], :livemodes::boolean[], :offerIds::text[], :days::date[], :keyless::boolean[])
       as c (program_id, livemode, offer_id, day, keyless)
     order by program_id, livemode, offer_id, day, keyless
     on conflict (program_id, livemode, offer_id, day, keyless) do update set taken = cap_counters.taken
     returning program_id as "programId", livemode, offer_id as "offerId", day::text as day, keyless, taken`,
    columnsOf(counters),
  );
  return new Map(
    rows.map(({ taken, offerId, day, keyless, ...scope }) => [keyOf({ scope, offerId, day, keyless }), taken]),
  );
}

interface CounterRow extends Scope {
  offerId: string;
  day: string;
  keyless: boolean;
  taken: number;
}

function keyOf({ scope, offerId, day, keyless }: Counter): string {
  return `${scopeKey(scope)} ${offerId} ${day} ${keyless}`;
}

function columnsOf(counters: Counter[]): Record<string, unknown[]> {
  return {
    programIds: counters.map(({ scope }) => scope.programId),
    livemodes: counters.map(({ scope }) => scope.livemode),
    offerIds: counters.map(({ offerId }) => offerId),
    days: counters.map(({ day }) => day),
    keyless: counters.map(({ keyless }) => keyless),
  };
}
