import { inTransaction, later, type Db, type Trx } from '../db/db.ts';
import type { Fact } from '../domain/facts.ts';
import type { Outcome } from '../domain/outcomes.ts';
import type { SenderAtHand } from '../outbound/messages/leased.ts';
import { nothingWritten, type WrittenMessages } from '../outbound/messages/write-messages.ts';
import type { IntakeJob } from '../queue/jobs.ts';
import type { NoticedOutcome } from '../queue/outcome-notices.ts';
import type { SettledOrder } from './credit/credited-order.ts';
import { subscriptionsOf } from './credit/bind-subscriptions.ts';
import { contestClicksOfLeads } from './credit/contest-leads.ts';
import { creditOrders, findContexts } from './credit/credit-orders.ts';
import { outcomesOf } from './credit/event-outcomes.ts';
import { settleOrder, targetsOf } from './credit/settle-order.ts';
import { findReopened, lockAndLoadOrders } from './orders/load-orders.ts';
import type { Arrival } from './orders/loaded-order.ts';
import { lockCustomers } from './orders/lock-customers.ts';
import { CatalogLoader } from './rows/load-catalog.ts';
import { requestResettlements, type ResettlementRequest } from './rows/resettlement-rows.ts';
import { lockSubscriptions } from './rows/subscription-rows.ts';
import { noticeOf } from './store/notice.ts';
import { storeBatch } from './store/store-batch.ts';
import { storeCustomerFacts } from './store/store-customer-facts.ts';
import { finishEvents, type EventOutcome } from './work-items/finish-work.ts';
import { rejectEvent } from './work-items/reject-events.ts';
import { takeEvents, takeResettlements, type Resettlement, type TakenEvent } from './work-items/take-work.ts';

/** What a batch came to, and what it leaves to be done after its commit. */
export interface BatchResult {
  /** How many events settled, by outcome. */
  outcomes: Partial<Record<Outcome, number>>;
  /** What is due of deliveries, and what the sender at hand has of them already. */
  written: WrittenMessages;
  resettlementIds: string[];
}

/**
 * Settles a batch of inbox events and resettlements in ONE transaction: lock, load, credit, settle, store. Locking and
 * loading are separate statements under READ COMMITTED, so that the load sees what the lock waited for. All locks are taken
 * in one order (references, pairing keys, orders, subscriptions, customer references, customers, clicks of leads, clicks, cap counters), each
 * kind sorted, so two workers never deadlock (src/docs/architecture.md says why), and one order is never settled twice at once.
 *
 * Throws on any database error; nothing of the batch is then stored.
 */
export async function settleBatch(db: Db, job: IntakeJob, now: Date, sender?: SenderAtHand): Promise<BatchResult> {
  return inTransaction(db, async (trx) => {
    const [events, resettlements] = await Promise.all([
      takeEvents(trx, job.eventIds),
      takeResettlements(trx, job.resettlementIds),
    ]);
    if (events.length === 0 && resettlements.length === 0) return nothingDone();
    return settleTaken(trx, { events, resettlements, now, sender });
  });
}

export function nothingDone(): BatchResult {
  return { outcomes: {}, written: nothingWritten(), resettlementIds: [] };
}

interface TakenBatch {
  events: TakenEvent[];
  resettlements: Resettlement[];
  now: Date;
  sender: SenderAtHand | undefined;
}

async function settleTaken(trx: Trx, { events, resettlements, now, sender }: TakenBatch): Promise<BatchResult> {
  const versions = new Map([...events, ...resettlements].map(({ programId, version }) => [programId, version]));
  const catalogs = await loadCatalogs(trx, events, resettlements, versions);
  const { arrivals, rejected } = separateRejected(events, catalogs);
  const reopened = await findReopened(trx, resettlements);
  const loaded = await lockAndLoadOrders(trx, arrivals, reopened.orderIds, catalogs);
  const batchOrderIds = [...loaded.orders, ...loaded.merged].map(({ id }) => id);
  await lockSubscriptions(trx, subscriptionsOf(loaded.orders));
  const aboutCustomers = arrivals.filter(({ fact }) => fact.refs.length === 0);
  const locked = await lockCustomers(trx, loaded.orders, aboutCustomers, reopened.customerIds);

  const displaced = await contestClicksOfLeads(trx, locked);
  const credited = await creditOrders(trx, loaded.orders, locked, batchOrderIds, catalogs);
  const { contexts, requests } = await findContexts(trx, credited, batchOrderIds, now.toISOString());
  const outcomes = [...rejected];
  const settled = credited.orders.map((order) => {
    const context = contexts.get(order.id);
    if (!context) throw new Error(`no context for ${order.id}`);
    const targets = targetsOf(order, context);
    outcomes.push(...outcomesOf(order, targets));
    return settleOrder(order, context, targets);
  });

  const { merged, moves } = loaded;
  const { customers } = credited;
  const written = await storeBatch(trx, { settled, merged, moves, customers }, now, { versions, sender });
  outcomes.push(...(await storeCustomerFacts(trx, aboutCustomers, customers)));
  const finished = oneOutcomeEach(events, outcomes);
  later(trx, finishEvents(trx, finished, noticesOf(events, finished, settled), now.toISOString()));
  const resettlementIds = await requestResettlements(
    trx,
    distinct([...reopened.remaining, ...displaced, ...credited.requests, ...requests]),
  );
  return { outcomes: countOutcomes(finished), written, resettlementIds };
}

async function loadCatalogs(
  trx: Trx,
  events: TakenEvent[],
  resettlements: Resettlement[],
  versions: ReadonlyMap<string, string>,
): Promise<CatalogLoader> {
  const catalogs = new CatalogLoader(versions);
  await catalogs.load(
    trx,
    events.flatMap(({ programId, facts }) => facts.map(({ evidence }) => ({ programId, evidence }))),
    // A message without facts names nobody, but its program counts all the same.
    [...events, ...resettlements].map(({ programId }) => programId),
  );
  return catalogs;
}

/**
 * Sorts out the events that name what does not exist; the facts of the others arrive. If a message states a fact twice,
 * the first statement counts.
 */
function separateRejected(
  events: TakenEvent[],
  catalogs: CatalogLoader,
): { arrivals: Arrival[]; rejected: EventOutcome[] } {
  const arrivals: Arrival[] = [];
  const rejected: EventOutcome[] = [];
  for (const event of events) {
    const rejection = rejectEvent(event, catalogs.of(event));
    if (!rejection) {
      for (const fact of firstStatements(event.facts)) arrivals.push({ event, fact });
      continue;
    }
    const { reason, message } = rejection;
    rejected.push({ eventId: event.id, outcome: 'rejected', reason, error: message, conversionId: null });
  }
  return { arrivals, rejected };
}

/** The facts of a message; of a fact that it states twice the first statement. */
function firstStatements(facts: Fact[]): Fact[] {
  if (facts.length < 2) return facts;
  const stated = new Map(facts.toReversed().map((fact) => [fact.id, fact]));
  return facts.filter((fact) => stated.get(fact.id) === fact);
}

/** Of several outcomes of an event (its facts touched several orders) the one that did most. */
function oneOutcomeEach(events: TakenEvent[], outcomes: EventOutcome[]): EventOutcome[] {
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

/** What those who wait are told, of conversions as this batch leaves them; of others the id, by which they are read. */
function noticesOf(
  events: readonly TakenEvent[],
  outcomes: readonly EventOutcome[],
  settled: readonly SettledOrder[],
): (NoticedOutcome | string)[] {
  const awaited = new Set(events.filter((event) => event.awaited).map(({ id }) => id));
  if (awaited.size === 0) return [];
  const rows = new Map(settled.map(({ row }) => [row.id, row]));
  return outcomes
    .filter(({ eventId }) => awaited.has(eventId))
    .map(({ eventId, conversionId, outcome, reason, error }) => {
      const row = conversionId === null ? null : rows.get(conversionId);
      if (row === undefined) return eventId;
      return { id: eventId, outcome, reason, error, conversion: row && noticeOf(row) };
    });
}

function distinct(requests: ResettlementRequest[]): ResettlementRequest[] {
  return [...new Map(requests.map((request) => [`${request.customerId} ${request.orderId}`, request])).values()];
}

function countOutcomes(outcomes: EventOutcome[]): BatchResult['outcomes'] {
  const counts: BatchResult['outcomes'] = {};
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
