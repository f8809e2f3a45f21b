import type { Trx } from '../../db/db.ts';
import { weighEvidence } from '../rules/attribution.ts';
import { attributeByOwnEvidence, bindCustomers } from './bind-customers.ts';
import { grantSlots } from './daily-caps.ts';
import { firstPayments, rankCpaClaims, rankSubscriptions } from './who-is-first.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { rowsBefore, type OrderWork } from '../orders/order-work.ts';
import { kindOf, needsCapSlot } from '../rules/commission.ts';
import { assumeCurrency, draftPart, settleContext, type OrderContext } from './settle-order.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import type { Worlds } from '../rows/load-catalog.ts';

/**
 * Finds each order's kind, its own evidence, and its customer's binding; then credits it. Gives what a moved binding or a
 * lost place asks to be settled again.
 */
export async function creditOrders(
  trx: Trx,
  orders: OrderWork[],
  customers: Customers,
  affected: string[],
  worlds: Worlds,
): Promise<ResettlementRequest[]> {
  const displaced = await rankSubscriptions(trx, orders, affected);
  for (const order of orders) {
    const { summary } = order;
    order.kind = kindOf(summary, order.firstOfSubscription);
    order.evidences = weighEvidence(summary.evidence, summary.occurredAt ?? '', order.world, order.recorded.terms);
    const email = customers.byId.get(order.customerId ?? '')?.email ?? null;
    const { own, terms } = attributeByOwnEvidence(order, email === null ? [] : [email]);
    order.own = own;
    order.ownTerms = terms;
  }
  const moved = await bindCustomers(trx, customers, affected, worlds);
  await worlds.loadByIds(
    trx,
    [...customers.byId.values()].flatMap(({ binding }) => binding?.affiliateId ?? []),
    [...customers.byId.values()].flatMap(({ binding }) => binding?.offerId ?? []),
  );
  for (const order of orders) {
    const customer = customers.byId.get(order.customerId ?? '') ?? null;
    assumeCurrency(order, customer);
    order.draft = draftPart(order, customer, order.state).draft;
    for (const { customerId } of rowsBefore(order)) {
      const left = customers.members.get(customerId ?? '');
      if (left !== undefined && left !== order.customerId) moved.add(left);
    }
  }
  return [
    ...[...moved].flatMap((customerId) => {
      const scope = customers.byId.get(customerId)?.scope;
      return scope ? [{ scope, customerId, orderId: null }] : [];
    }),
    ...displaced.map(({ scope, orderId }) => ({ scope, customerId: null, orderId })),
  ];
}

/** What settling does to others while it works things out; a proof does nothing. */
export interface Effects {
  grantSlots: typeof grantSlots;
  lockClicks?: (trx: Trx, clickIds: string[]) => Promise<void>;
}

/** Works out who is first, and gives out cap slots. Adds to `requests` what the new places displaced. */
export async function settleContexts(
  trx: Trx,
  orders: OrderWork[],
  customers: Customers,
  affected: string[],
  now: string,
  requests: ResettlementRequest[],
  effects: Effects = { grantSlots },
): Promise<Map<string, OrderContext>> {
  const { holds, displaced } = await rankCpaClaims(trx, orders, affected, effects.lockClicks);
  const payments = await firstPayments(trx, customers.byId.values(), customers.members, affected);
  for (const { scope, orderId } of displaced) requests.push({ scope, customerId: null, orderId });
  for (const customerId of payments.moved) {
    const scope = customers.byId.get(customerId)?.scope;
    if (scope) requests.push({ scope, customerId, orderId: null });
  }
  const contexts = new Map<string, OrderContext>();
  const slots: Parameters<typeof grantSlots>[1] = [];
  for (const order of orders) {
    const customer = customers.byId.get(order.customerId ?? '') ?? null;
    const terms = order.draft?.terms ?? null;
    const recorded = order.recorded.cap;
    const cap = recorded && terms && recorded.offerId === terms.offerId ? recorded : null;
    const context: OrderContext = {
      customer,
      firstPaymentAt: customer ? (payments.at.get(customer.id) ?? null) : null,
      holdsCpaClaim: holds.has(order.id),
      cap,
      now,
    };
    contexts.set(order.id, context);
    if (cap || !order.draft || !terms) continue;
    if (needsCapSlot(order.summary, order.draft, settleContext(order, context, order.summary))) {
      slots.push({ order, offerId: terms.offerId, dailyCap: terms.dailyCap });
    }
  }
  for (const [orderId, cap] of await effects.grantSlots(trx, slots)) {
    const context = contexts.get(orderId);
    if (context) context.cap = cap;
  }
  return contexts;
}
