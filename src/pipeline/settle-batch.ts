import { inTransaction, type Db, type Trx } from '../db/db.ts';
import type { Outcome } from '../domain/outcomes.ts';
import { claimEvents, claimResettlements, type ClaimedEvent, type Resettlement } from './work/take-work.ts';
import { creditOrders, settleContexts } from './credit/credit-orders.ts';
import { settleCustomerFacts } from './store/store-customer-facts.ts';
import { lockCustomers } from './orders/lock-customers.ts';
import { findOrdersToSettleAgain, lockAndLoadOrders } from './orders/load-orders.ts';
import type { OrderState } from './rules/order-facts.ts';
import type { Arrival, OrderWork } from './orders/order-work.ts';
import { outcomesOf } from './credit/event-outcomes.ts';
import { planPostings } from './rules/postings.ts';
import { rejectEvent } from './work/reject-events.ts';
import { waiting, type Target } from './rules/commission.ts';
import { settledRow, settlePart, type OrderContext } from './credit/settle-order.ts';
import { storeBatch, type SettledOrder } from './store/store-batch.ts';
import { requestResettlements, type ResettlementRequest } from './rows/resettlement-rows.ts';
import { Worlds } from './rows/load-catalog.ts';
import { finishEvents } from './work/finish-work.ts';
import type { EventOutcome } from './work/event-outcome.ts';

/** What a batch came to, and what it leaves to be done after its commit. */
export interface BatchResult {
  /** How many events settled, by outcome. */
  outcomes: Partial<Record<Outcome, number>>;
  deliveryIds: string[];
  resettlementIds: string[];
}

/**
 * Settles a batch of inbox events and resettlements in ONE transaction: lock, load, fold, store. Locking and loading are
 * separate statements under READ COMMITTED, so that the load sees what the lock waited for. All locks are taken in one
 * order (references, orders, customer references, customers, clicks, cap counters), each kind sorted, so two workers
 * never deadlock, and one order is never settled twice at once.
 *
 * Throws on any database error; nothing of the batch is then stored.
 */
export async function settleBatch(
  db: Db,
  work: { eventIds: string[]; resettlementIds: string[] },
  now: Date,
): Promise<BatchResult> {
  return inTransaction(db, async (trx) => {
    const events = await claimEvents(trx, work.eventIds);
    const resettlements = await claimResettlements(trx, work.resettlementIds);
    if (events.length === 0 && resettlements.length === 0)
      return { outcomes: {}, deliveryIds: [], resettlementIds: [] };
    return settleClaimed(trx, events, resettlements, now);
  });
}

async function settleClaimed(
  trx: Trx,
  events: ClaimedEvent[],
  resettlements: Resettlement[],
  now: Date,
): Promise<BatchResult> {
  const worlds = new Worlds();
  await worlds.load(trx, [
    ...events.flatMap(({ programId, facts }) => facts.map(({ evidence }) => ({ programId, evidence }))),
    // A message without facts names nobody, but is its program's all the same.
    ...events.map(({ programId }) => ({ programId, evidence: {} })),
    ...resettlements.map(({ programId }) => ({ programId, evidence: {} })),
  ]);
  const { arrivals, rejected } = refuse(events, worlds);
  const again = await findOrdersToSettleAgain(trx, resettlements);
  const { orders, merged, moves } = await lockAndLoadOrders(trx, arrivals, again.orderIds, worlds);
  const affected = [...orders.map(({ id }) => id), ...merged.map(({ id }) => id)];
  const aboutCustomers = arrivals.filter(({ fact }) => fact.refs.length === 0);
  const customers = await lockCustomers(trx, orders, aboutCustomers, again.customerIds);

  const requests: ResettlementRequest[] = again.remaining;
  requests.push(...(await creditOrders(trx, orders, customers, affected, worlds)));
  const contexts = await settleContexts(trx, orders, customers, affected, now.toISOString(), requests);
  const outcomes = [...rejected];
  const settled: SettledOrder[] = [];
  for (const work of orders) {
    const context = contexts.get(work.id);
    if (!context) throw new Error(`no context for ${work.id}`);
    settled.push(settleOrder(work, context, outcomes));
  }

  const deliveryIds = await storeBatch(trx, settled, merged, moves, customers, now);
  outcomes.push(...(await settleCustomerFacts(trx, aboutCustomers, customers)));
  const finished = completeOutcomes(events, outcomes);
  await finishEvents(
    trx,
    finished,
    events.filter(({ awaited }) => awaited).map(({ id }) => id),
    now.toISOString(),
  );
  const resettlementIds = await requestResettlements(trx, distinct(requests));
  return { outcomes: countOutcomes(finished), deliveryIds, resettlementIds };
}

/**
 * Sorts out the events that name what does not exist; the facts of the others arrive. Of a fact that one message states
 * twice the first statement counts: two would contradict each other with equal right.
 */
function refuse(events: ClaimedEvent[], worlds: Worlds): { arrivals: Arrival[]; rejected: EventOutcome[] } {
  const arrivals: Arrival[] = [];
  const rejected: EventOutcome[] = [];
  for (const event of events) {
    const rejection = rejectEvent(event, worlds.of(event.programId));
    if (!rejection) {
      const stated = new Map(event.facts.toReversed().map((fact) => [fact.id, fact]));
      for (const fact of event.facts) if (stated.get(fact.id) === fact) arrivals.push({ event, fact });
      continue;
    }
    const { reason, message } = rejection;
    rejected.push({ eventId: event.id, outcome: 'rejected', reason, error: message, conversionId: null });
  }
  return { arrivals, rejected };
}

/** Settles one order in its context; adds what that came to for each event that spoke of it. */
function settleOrder(work: OrderWork, context: OrderContext, outcomes: EventOutcome[]): SettledOrder {
  const target = settlePart(work, context, work.state);
  const targetOf = (part: OrderState): Target => {
    if (part.size === work.state.size) return target;
    return part.size === 0 ? waiting : settlePart(work, context, part);
  };
  // While nobody is credited, facts wait, so that the ledger shows the order's whole story once somebody is.
  const credited = target.affiliateId !== null || work.standings.length > 0;
  outcomes.push(...outcomesOf(work, target, targetOf));
  return {
    work,
    row: settledRow(work, target, context),
    credited,
    postings: credited ? planPostings(work.standings, work.state, targetOf) : [],
  };
}

/** One outcome an event: of several (its facts touched several orders) the one that did most. */
function completeOutcomes(events: ClaimedEvent[], outcomes: EventOutcome[]): EventOutcome[] {
  const weight = ['duplicate', 'not_tracked', 'parked', 'updated', 'recorded', 'rejected'];
  const best = new Map<string, EventOutcome>();
  for (const outcome of outcomes) {
    const known = best.get(outcome.eventId);
    if (!known || weight.indexOf(outcome.outcome) > weight.indexOf(known.outcome)) best.set(outcome.eventId, outcome);
  }
  return events.map(
    ({ id }) => best.get(id) ?? { eventId: id, outcome: 'recorded', reason: null, error: null, conversionId: null },
  );
}

function distinct<T extends { customerId: string | null; orderId: string | null }>(requests: T[]): T[] {
  return [...new Map(requests.map((request) => [`${request.customerId} ${request.orderId}`, request])).values()];
}

function countOutcomes(outcomes: EventOutcome[]): BatchResult['outcomes'] {
  const counts: BatchResult['outcomes'] = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
