import type { Trx } from '../../db/db.ts';
import { compareText, isEarlier } from '../../domain/orderings.ts';
import type { LoadedOrder } from '../orders/loaded-order.ts';
import { rowsBefore } from '../orders/loaded-order.ts';
import { customerOf, type Customers } from '../orders/lock-customers.ts';
import { boundWhen, isByCustomerFact } from '../rules/attribution.ts';
import { weighEvidence } from '../rules/evidence.ts';
import { needsCapSlot } from '../rules/commission.ts';
import { kindOf, type OrderKind } from '../rules/credit.ts';
import type { BindingCandidate } from '../rows/customer-rows.ts';
import type { CatalogLoader } from '../rows/load-catalog.ts';
import type { CapDecision } from '../rows/order-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import { bindLeads } from './bind-leads.ts';
import { bindCustomers, findMovedCustomers, withCandidate } from './bind-customers.ts';
import { SubscriptionBindings } from './bind-subscriptions.ts';
import type { BoundCustomer, CreditedOrder, WeighedOrder } from './credited-order.ts';
import { grantSlots, type SlotRequest } from './daily-caps.ts';
import { commissionContext, type OrderContext } from './settle-order.ts';
import { creditOrder } from './credit-order.ts';
import { findFirstPayments } from './first-payments.ts';
import { rankCpaSlots, rankFirstOfSubscriptions } from './who-is-first.ts';

export interface CreditedOrders {
  orders: CreditedOrder[];
  customers: Customers<BoundCustomer>;
  subscriptions: SubscriptionBindings;
  /** What a binding that moved, or an order that is not first any more, asks to be settled again. */
  requests: ResettlementRequest[];
}

/** Finds each order's kind, its own evidence, and who its subscription and its customer are bound to; then credits it. */
export async function creditOrders(
  trx: Trx,
  loaded: LoadedOrder[],
  locked: Customers,
  batchOrderIds: string[],
  catalogs: CatalogLoader,
): Promise<CreditedOrders> {
  const { first, displaced } = await rankFirstOfSubscriptions(trx, loaded, batchOrderIds);
  const weighed = loaded.map((order) => weighOrder(order, locked, first));
  const customers = await bindCustomers(trx, locked, batchOrderIds, catalogs);
  await bindLeads(trx, customers, loaded, batchOrderIds, catalogs);
  const subscriptions = await SubscriptionBindings.load(trx, loaded, batchOrderIds);
  const bound = [
    ...[...customers.byId.values()].flatMap(({ scope, binding, rebindings }) =>
      [...(binding ? [binding] : []), ...rebindings].map((one) => ({ scope, binding: one })),
    ),
    ...subscriptions.all(),
  ];
  await catalogs.loadByIds(
    trx,
    [
      ...bound.map(({ scope, binding }) => ({ programId: scope.programId, text: binding.affiliateId })),
      ...weighed.flatMap(({ scope, summary }) =>
        summary.assignedTo === null ? [] : [{ programId: scope.programId, text: summary.assignedTo }],
      ),
    ],
    [
      ...bound.map(({ scope, binding }) => ({ programId: scope.programId, text: binding.offerId })),
      ...weighed.flatMap(({ scope, summary: { assignment } }) =>
        assignment?.offerId ? [{ programId: scope.programId, text: assignment.offerId }] : [],
      ),
    ],
  );
  const orders = creditInTurn(weighed, customers, subscriptions);
  const moved = await findMovedCustomers(trx, customers, batchOrderIds);
  for (const order of orders) {
    for (const { customerId } of rowsBefore(order)) {
      const left = customers.rootOf.get(customerId ?? '');
      if (left !== undefined && left !== order.customerId) moved.add(left);
    }
  }
  return {
    orders,
    customers,
    subscriptions,
    requests: [
      ...requestsFor(moved, customers),
      ...(await subscriptions.findMoved(trx, loaded, batchOrderIds)),
      ...displaced.map(requestOf),
    ],
  };
}

/**
 * Credits the orders in the order of their payments, each by what stands before it. Who is credited may bind the customer
 * and the subscription, and so speak for those that follow.
 */
function creditInTurn(
  weighed: WeighedOrder[],
  customers: Customers<BoundCustomer>,
  subscriptions: SubscriptionBindings,
): CreditedOrder[] {
  const credited = new Map<string, CreditedOrder>();
  for (const order of weighed.toSorted(byPayment)) {
    const customer = customerOf(customers, order.id);
    const subscription = subscriptions.of(order);
    const bindings = {
      subscription,
      customer: customer?.binding ?? null,
      lead: customer?.lead ?? null,
      rebindings: customer?.rebindings ?? [],
    };
    const one = creditOrder(withLeadsPassedOver(order, customer), bindings);
    credited.set(order.id, one);
    const candidate = candidateOf(one);
    if (customer && candidate) customers.byId.set(customer.id, withCandidate(customer, candidate));
    subscriptions.offer(one);
  }
  return weighed.flatMap(({ id }) => {
    const one = credited.get(id);
    return one ? afterwards(one, customerOf(customers, id)) : [];
  });
}

// Anybody may send leads: what is told of those that count for nothing is bounded.
const LEADS_TOLD = 5;

/** Why leads do not count, where the order is no more than these. */
function withLeadsPassedOver(order: WeighedOrder, customer: BoundCustomer | null): WeighedOrder {
  if (!order.summary.anonymous || !customer) return order;
  const { evidences, facts } = order;
  const passedOver = [...customer.leadsPassedOver].flatMap(([id, told]) => (facts.has(id) ? told : []));
  return { ...order, evidences: { ...evidences, passedOver: passedOver.slice(0, LEADS_TOLD) } };
}

/** A fact about the customer that bound them after the order speaks for it, too, and binds nobody by that. */
function afterwards(order: CreditedOrder, customer: BoundCustomer | null): CreditedOrder {
  const binding = customer?.binding ?? null;
  const { countedAt } = order.summary;
  if (!binding || !isByCustomerFact(binding) || countedAt === null) return order;
  if (isEarlier(boundWhen(binding), { occurredAt: countedAt, reference: order.reference })) return order;
  return creditOrder(order, { ...order.bindings, customer: binding }, true);
}

function byPayment(a: WeighedOrder, b: WeighedOrder): number {
  return compareText(a.summary.countedAt ?? '', b.summary.countedAt ?? '') || compareText(a.reference, b.reference);
}

/** The binding that an order offers its customer. What its subscription credits binds nobody. */
function candidateOf({ id, customerId, own, summary, reference }: CreditedOrder): BindingCandidate | null {
  if (!own || customerId === null || summary.countedAt === null) return null;
  return { customerId, orderId: id, occurredAt: summary.countedAt, reference, own };
}

function weighOrder(order: LoadedOrder, customers: Customers, firstOfSubscriptions: ReadonlySet<string>): WeighedOrder {
  const { id, subscription, summary, catalog, recorded } = order;
  const customer = customerOf(customers, id);
  const ranks = subscription !== null && summary.countedAt !== null;
  const paidAs = kindWhenPaid(order);
  const firstOfSubscription = paidAs === null ? !ranks || firstOfSubscriptions.has(id) : paidAs !== 'renewal';
  return {
    ...order,
    customerId: customer?.id ?? null,
    buyerEmails: customer?.emails ?? [],
    firstOfSubscription,
    kind: kindOf(summary, firstOfSubscription),
    evidences: weighEvidence(summary.evidence, summary.beganAt ?? '', catalog, recorded.terms),
  };
}

/**
 * An order may turn out to be older than its payment (an action that becomes a sale) and so come before the sale of its
 * subscription. Said without a key that makes no renewal of a sale that is paid, nor the other way round.
 */
function kindWhenPaid(order: LoadedOrder): OrderKind | null {
  return order.pinned ? (rowsBefore(order).find(({ kind }) => kind !== null)?.kind ?? null) : null;
}

/** What settling does to others while it works things out; a proof does nothing. */
export interface Effects {
  grantSlots: typeof grantSlots;
  lockClicks?: (trx: Trx, clickIds: string[]) => Promise<void>;
}

/** Works out who is first, and gives out cap slots: what each order's settlement depends on besides its own facts. */
export async function findContexts(
  trx: Trx,
  { orders, customers, subscriptions }: Omit<CreditedOrders, 'requests'>,
  batchOrderIds: string[],
  now: string,
  effects: Effects = { grantSlots },
): Promise<{ contexts: Map<string, OrderContext>; requests: ResettlementRequest[] }> {
  const cpaSlots = await rankCpaSlots(trx, orders, batchOrderIds, effects.lockClicks);
  const firstPayments = await findFirstPayments(trx, customers, subscriptions, orders, batchOrderIds);
  const contexts = new Map<string, OrderContext>();
  for (const order of orders) {
    contexts.set(order.id, {
      firstPaymentAt: firstPayments.of(order),
      holdsCpaSlot: cpaSlots.first.has(order.id),
      cap: recordedCap(order),
      now,
    });
  }
  const granted = await effects.grantSlots(trx, slotRequests(orders, contexts));
  for (const [orderId, cap] of granted) {
    const context = contexts.get(orderId);
    if (context) contexts.set(orderId, { ...context, cap });
  }
  return {
    contexts,
    requests: [
      ...cpaSlots.displaced.map(requestOf),
      ...requestsFor(firstPayments.movedCustomers, customers),
      ...firstPayments.requests,
    ],
  };
}

function slotRequests(orders: CreditedOrder[], contexts: Map<string, OrderContext>): SlotRequest[] {
  return orders.flatMap((order) => {
    const context = contexts.get(order.id);
    const { terms } = order.credit;
    if (!context || context.cap || !terms || terms.dailyCap === 0) return [];
    const needed = needsCapSlot(order.summary, order.credit, commissionContext(order, context, order.summary));
    const { offerId, dailyCap } = terms;
    return needed ? [{ order, offerId, dailyCap, apart: order.credit.ranksLast }] : [];
  });
}

/** The decision of the daily cap as far as it still holds: whoever was counted apart asks again once they are credited. */
function recordedCap({ recorded, credit }: CreditedOrder): CapDecision | null {
  const { cap } = recorded;
  if (!cap || cap.offerId !== credit.terms?.offerId) return null;
  return cap.apart && !credit.ranksLast ? null : cap;
}

function requestOf({ scope, orderId }: Pick<ResettlementRequest, 'scope'> & { orderId: string }): ResettlementRequest {
  return { scope, customerId: null, orderId };
}

function requestsFor(customerIds: Iterable<string>, customers: Customers): ResettlementRequest[] {
  return [...customerIds].flatMap((customerId) => {
    const scope = customers.byId.get(customerId)?.scope;
    return scope ? [{ scope, customerId, orderId: null }] : [];
  });
}
