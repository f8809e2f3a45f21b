import { isDeepStrictEqual } from 'node:util';
import { later, type Trx } from '../../db/db.ts';
import { writeMessagesFor, type WritingContext, type WrittenMessages } from '../../outbound/messages/write-messages.ts';
import type { BoundCustomer, SettledOrder } from '../credit/credited-order.ts';
import type { MergedOrder } from '../orders/loaded-order.ts';
import type { Customers, LockedRecord } from '../orders/lock-customers.ts';
import type { Binding } from '../rules/attribution.ts';
import type { KnownFact } from '../rules/order-facts.ts';
import { writeCustomers, type CustomerRow } from '../rows/customer-rows.ts';
import {
  appendFacts,
  insertFacts,
  lookForClicksOf,
  markPosted,
  moveFacts,
  type FactMove,
  type FactRow,
} from '../rows/fact-rows.ts';
import { writeStandingOfLeads } from '../rows/lead-rows.ts';
import { insertPostings } from '../rows/ledger-rows.ts';
import { writeOrders, type OrderRow } from '../rows/order-rows.ts';
import { announceChange } from './announce.ts';

/** What a batch came to. */
export interface SettledBatch {
  settled: SettledOrder[];
  merged: MergedOrder[];
  moves: FactMove[];
  customers: Customers<BoundCustomer>;
}

/**
 * Stores customers, orders, facts, postings and the messages about them; gives the deliveries to be sent. What is written
 * is sent in this order, and not waited for: the commit tells what failed.
 */
export async function storeBatch(
  trx: Trx,
  batch: SettledBatch,
  now: Date,
  context: WritingContext,
): Promise<WrittenMessages> {
  const { settled, merged, moves, customers } = batch;
  const changes = [
    ...settled.map(({ order, row }) => ({ before: order.before, row })),
    ...merged.map((one) => ({ before: one.before, row: mergedRow(one, now.toISOString()) })),
  ];
  later(trx, storeCustomers(trx, customers));
  const changedLeads = [...customers.byId.values()].flatMap((customer) => customer.changedLeads);
  later(trx, writeStandingOfLeads(trx, changedLeads));
  later(
    trx,
    writeOrders(
      trx,
      changes.filter(({ before }) => before === null).map(({ row }) => row),
      changes.filter(({ before }) => before !== null).map(({ row }) => row),
    ),
  );
  later(trx, moveFacts(trx, moves));
  const recredited = changes.flatMap(({ before, row }) =>
    before !== null && before.clickId !== null && before.clickId !== row.clickId ? row.id : [],
  );
  later(trx, lookForClicksOf(trx, recredited));
  await appendFacts(
    trx,
    settled.flatMap((one) => [
      ...factRows(one, one.order.newFacts),
      ...factRows({ ...one, attributed: false }, one.order.withheldFacts),
    ]),
  );
  const restated = settled.flatMap((one) => factRows(one, one.order.restatedFacts));
  later(trx, insertFacts(trx, restated));
  const waited = settled.filter(hasWaitedFacts);
  later(
    trx,
    markPosted(
      trx,
      waited.map(({ order }) => ({ orderId: order.id, withholds: order.withholds })),
    ),
  );
  const posted = settled.flatMap(({ order, postings }) =>
    postings.map(({ orderId, ...posting }) => ({ scope: order.scope, orderId, posting })),
  );
  later(trx, insertPostings(trx, posted));
  return writeMessagesFor(
    trx,
    changes.flatMap(({ before, row }) => announceChange(before, row)),
    now,
    context,
  );
}

function factRows({ order, row, attributed }: SettledOrder, facts: readonly KnownFact[]): FactRow[] {
  const { scope, id: orderId, joined, customerId } = order;
  return facts.map((known) => ({
    scope,
    known: { ...known, posted: attributed },
    orderId,
    halfId: joined?.factIds.has(known.fact.id) ? joined.id : null,
    customerId,
    attribution: null,
    namesItsClick: known.fact.evidence.clickId !== undefined && known.fact.evidence.clickId === row.clickId,
  }));
}

/** Whether facts of an earlier batch, or of a merged order, waited for somebody to be credited. */
function hasWaitedFacts({ order, attributed }: SettledOrder): boolean {
  if (!attributed || order.before === null) return false;
  const brought = new Set(order.newFacts.map(({ fact }) => fact.id));
  return [...order.facts.values()].some(({ posted, fact }) => !posted && !brought.has(fact.id));
}

function storeCustomers(trx: Trx, customers: Customers<BoundCustomer>): Promise<void> {
  const inserted: CustomerRow[] = [];
  const updated: CustomerRow[] = [];
  const store = (
    { id, scope, isEmail, isKeyless, email, refs, before, merged }: LockedRecord,
    binding: Binding | null,
  ): void => {
    const row: CustomerRow = { id, ...scope, refs, email, isEmail, isKeyless, mergedInto: null, binding };
    if (!before) inserted.push(row);
    else if (before.email !== email || !isDeepStrictEqual(before.binding, binding)) updated.push(row);
    for (const loser of merged) updated.push({ ...loser, mergedInto: id, binding: null });
  };
  for (const customer of customers.byId.values()) {
    store(customer, customer.binding);
    // Whoever stands for the customer is bound; the others are known by them.
    for (const record of customer.others) store(record, null);
  }
  return writeCustomers(trx, inserted, updated);
}

/** A merged order keeps its story, but ranks nowhere and earns nothing any more. */
function mergedRow({ id, scope, before, refs, survivorId, joinedBy }: MergedOrder, now: string): OrderRow {
  return {
    ...(before ?? newOrder),
    id,
    programId: scope.programId,
    livemode: scope.livemode,
    refs: before ? before.refs : refs,
    createdAt: before?.createdAt ?? now,
    mergedInto: survivorId,
    joinedWithoutLink: joinedBy !== null,
    pairingKey: joinedBy?.key ?? null,
    pairingAt: joinedBy?.at ?? null,
    status: 'merged',
    reason: null,
    affiliateId: null,
    commissionMinor: 0n,
    own: null,
    bindsSubscription: false,
    review: null,
    isPayment: false,
    cpaSlot: null,
    ranksLast: false,
    subscription: null,
    approvableAt: null,
    updatedAt: now,
  };
}

/** An order that was joined to another one in the batch in which it was new. */
const newOrder: Omit<OrderRow, 'id' | 'programId' | 'livemode' | 'refs' | 'createdAt'> = {
  mergedInto: null,
  kind: null,
  status: 'merged',
  reason: null,
  grossMinor: 0n,
  netMinor: 0n,
  refundedMinor: 0n,
  currency: null,
  assumedCurrency: null,
  affiliateId: null,
  offerId: null,
  clickId: null,
  customerId: null,
  reference: null,
  orderId: null,
  goal: null,
  note: null,
  subscription: null,
  sub1: null,
  occurredAt: null,
  countedAt: null,
  commissionMinor: 0n,
  commissionCurrency: null,
  terms: [],
  cap: null,
  explanation: null,
  own: null,
  bindsSubscription: false,
  isPayment: false,
  cpaSlot: null,
  ranksLast: false,
  holdDays: null,
  pairingKey: null,
  pairingAt: null,
  joinedWithoutLink: true,
  review: null,
  approvableAt: null,
  approvedAt: null,
  rejectedAt: null,
  paidAt: null,
  updatedAt: '',
};
