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
  /** It takes no slot that somebody else could have. */
  apart: boolean;
}

/** The counter of an offer's day. */
interface Counter {
  scope: Scope;
  offerId: string;
  day: string;
}

/** How many slots of a day are taken, and how many of those that are counted apart. */
interface Taken {
  taken: number;
  apart: number;
}

/**
 * Gives out the slots of daily caps, in the order given. A day is a calendar day of the program's zone, by when the sale
 * happened (without a key: by when it was received). What was told of without a key, or is credited by nothing but an
 * anonymous lead, is counted apart, up to the same cap. What is decided here is recorded with the order and reused by every
 * later settlement: slots are the one thing that goes to whoever is processed first.
 */
export async function grantSlots(trx: Trx, requests: SlotRequest[]): Promise<Map<string, CapDecision>> {
  const decisions = new Map<string, CapDecision>();
  const requested = new Map<string, Counter & { requests: SlotRequest[] }>();
  for (const request of requests) {
    const { order, offerId } = request;
    const day = localDay(order.summary.countedAt ?? '', order.catalog.program.timezone);
    const counter = requested.get(keyOf({ scope: order.scope, offerId, day }));
    if (counter) counter.requests.push(request);
    else {
      const scope = order.scope;
      requested.set(keyOf({ scope, offerId, day }), { scope, offerId, day, requests: [request] });
    }
  }
  if (requested.size === 0) return decisions;
  const counters = [...requested.values()];
  const taken = await lockCounters(trx, counters);
  const after: Taken[] = counters.map((counter) => {
    const count = { taken: 0, apart: 0, ...taken.get(keyOf(counter)) };
    for (const { order, offerId, dailyCap, apart } of counter.requests) {
      const which = apart ? 'apart' : 'taken';
      const free = count[which] < dailyCap;
      if (free) count[which] += 1;
      decisions.set(order.id, { offerId, day: counter.day, granted: free, ...(apart ? { apart } : {}) });
    }
    return count;
  });
  await runSql(
    trx,
    'takeSlots',
    `update cap_counters c set taken = g.taken, taken_apart = g.apart
     from unnest(:programIds::text[], :livemodes::boolean[], :offerIds::text[], :days::date[], :taken::integer[],
       :apart::integer[]) as g (program_id, livemode, offer_id, day, taken, apart)
     where c.program_id = g.program_id and c.livemode = g.livemode and c.offer_id = g.offer_id
       and c.day = g.day and (c.taken, c.taken_apart) <> (g.taken, g.apart)`,
    { ...columnsOf(counters), taken: after.map((count) => count.taken), apart: after.map(({ apart }) => apart) },
  );
  return decisions;
}

/** Makes the counters where they are missing and locks them all, in one sorted order; gives how much of each is taken. */
async function lockCounters(trx: Trx, counters: Counter[]): Promise<Map<string, Taken>> {
  const rows = await runSql<{ programId: string; livemode: boolean; offerId: string; day: string } & Taken>(
    trx,
    'lockCapCounters',
    `insert into cap_counters (program_id, livemode, offer_id, day, taken)
     select program_id, livemode, offer_id, day, 0
     from unnest(:programIds::text[], :livemodes::boolean[], :offerIds::text[], :days::date[])
       as c (program_id, livemode, offer_id, day)
     order by program_id, livemode, offer_id, day
     on conflict (program_id, livemode, offer_id, day) do update set taken = cap_counters.taken
     returning program_id as "programId", livemode, offer_id as "offerId", day::text as day, taken, taken_apart as apart`,
    columnsOf(counters),
  );
  return new Map(
    rows.map(({ taken, apart, offerId, day, ...scope }) => [keyOf({ scope, offerId, day }), { taken, apart }]),
  );
}

function keyOf({ scope, offerId, day }: Counter): string {
  return `${scopeKey(scope)} ${offerId} ${day}`;
}

function columnsOf(counters: Counter[]): Record<string, unknown[]> {
  return {
    programIds: counters.map(({ scope }) => scope.programId),
    livemodes: counters.map(({ scope }) => scope.livemode),
    offerIds: counters.map(({ offerId }) => offerId),
    days: counters.map(({ day }) => day),
  };
}
