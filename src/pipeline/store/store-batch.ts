import { isDeepStrictEqual } from 'node:util';
import type { Trx } from '../../db/db.ts';
import { writeMessages } from '../../outbound/messages/write-messages.ts';
import { announceChange } from './announce.ts';
import { writeCustomers, type CustomerRow } from '../rows/customer-rows.ts';
import type { KnownFact } from '../rules/order-facts.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { writeOrders, type OrderRow } from '../rows/order-rows.ts';
import type { MergedOrder, OrderWork } from '../orders/order-work.ts';
import { planPostings, type Posting } from '../rules/postings.ts';
import { waiting } from '../rules/commission.ts';
import { insertPostings } from '../rows/ledger-rows.ts';
import { appendFacts, insertFacts, markPosted, moveFacts, type FactMove, type FactRow } from '../rows/fact-rows.ts';

/** An order as it comes out of settling. */
export interface SettledOrder {
  work: OrderWork;
  row: OrderRow;
  /** Somebody is credited (or was): its facts are taken into account. Else they wait. */
  credited: boolean;
  postings: Posting[];
}

/** Stores what a batch came to, customers and orders and facts and ledger; gives the deliveries to be enqueued. */
export async function storeBatch(
  trx: Trx,
  settled: SettledOrder[],
  merged: MergedOrder[],
  moves: FactMove[],
  customers: Customers,
  now: Date,
): Promise<string[]> {
  const gone = merged.map((one) => ({ one, row: mergedRow(one, now.toISOString()) }));
  await storeCustomers(trx, customers);
  await writeOrders(
    trx,
    [
      ...settled.filter(({ work }) => work.before === null).map(({ row }) => row),
      ...gone.filter(({ one }) => one.before === null).map(({ row }) => row),
    ],
    [
      ...settled.filter(({ work }) => work.before !== null).map(({ row }) => row),
      ...gone.filter(({ one }) => one.before !== null).map(({ row }) => row),
    ],
  );
  await moveFacts(trx, moves);
  await appendFacts(
    trx,
    settled.flatMap((order) => factRows(order, order.work.newFacts)),
  );
  await insertFacts(
    trx,
    settled.flatMap((order) => factRows(order, order.work.restatedFacts)),
  );
  await markPosted(
    trx,
    settled.filter(hasWaitedFacts).map(({ work }) => work.id),
  );
  await insertPostings(trx, [
    ...settled.flatMap(({ work, postings }) =>
      postings.map((posting) => ({ scope: work.scope, orderId: work.id, posting })),
    ),
    ...merged.flatMap(({ id, scope, standings }) =>
      planPostings(standings, new Map(), () => waiting).map((posting) => ({ scope, orderId: id, posting })),
    ),
  ]);
  return writeMessages(
    trx,
    [
      ...settled.flatMap(({ work, row }) => announceChange(work.before, row)),
      ...gone.flatMap(({ one, row }) => announceChange(one.before, row)),
    ],
    now,
  );
}

function factRows({ work, credited }: SettledOrder, facts: readonly KnownFact[]): FactRow[] {
  return facts.map((known) => ({
    scope: work.scope,
    known: { ...known, posted: credited },
    orderId: work.id,
    partId: work.joined?.factIds.has(known.fact.id) ? work.joined.id : null,
    customerId: work.customerId,
    attribution: null,
  }));
}

/** Whether facts of an earlier batch, or of a merged order, waited for somebody to be credited. */
function hasWaitedFacts({ work, credited }: SettledOrder): boolean {
  if (!credited || work.before === null) return false;
  const fresh = new Set(work.newFacts.map(({ fact }) => fact.id));
  return [...work.state.values()].some(({ posted, fact }) => !posted && !fresh.has(fact.id));
}

async function storeCustomers(trx: Trx, customers: Customers): Promise<void> {
  const inserted: CustomerRow[] = [];
  const updated: CustomerRow[] = [];
  for (const customer of customers.byId.values()) {
    const row: CustomerRow = {
      id: customer.id,
      ...customer.scope,
      email: customer.email,
      mergedInto: null,
      binding: customer.binding,
    };
    if (!customer.before) inserted.push(row);
    else if (customer.before.email !== row.email || !isDeepStrictEqual(customer.before.binding, row.binding)) {
      updated.push(row);
    }
    for (const loser of customer.merged) updated.push({ ...loser, mergedInto: customer.id, binding: null });
  }
  await writeCustomers(trx, inserted, updated);
}

/** A merged order keeps its story but claims and earns nothing any more. */
function mergedRow({ id, scope, before, survivorId, joinedBy }: MergedOrder, now: string): OrderRow {
  return {
    ...(before ?? unknownOrder),
    id,
    programId: scope.programId,
    livemode: scope.livemode,
    createdAt: before?.createdAt ?? now,
    mergedInto: survivorId,
    joinedByHint: joinedBy !== null,
    hint: joinedBy?.key ?? null,
    hintAt: joinedBy?.at ?? null,
    status: 'merged',
    reason: null,
    affiliateId: null,
    commissionMinor: 0n,
    own: null,
    claimsPayment: false,
    cpaClaim: null,
    subscription: null,
    approvableAt: null,
    updatedAt: now,
  };
}

/** An order that was joined to another one before anybody heard of it. */
const unknownOrder: Omit<OrderRow, 'id' | 'programId' | 'livemode' | 'createdAt'> = {
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
  commissionMinor: 0n,
  commissionCurrency: null,
  terms: [],
  cap: null,
  explanation: null,
  own: null,
  claimsPayment: false,
  cpaClaim: null,
  holdDays: null,
  hint: null,
  hintAt: null,
  joinedByHint: true,
  approvableAt: null,
  approvedAt: null,
  rejectedAt: null,
  paidAt: null,
  updatedAt: '',
};
