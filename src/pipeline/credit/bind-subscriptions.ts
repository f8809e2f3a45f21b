import type { Trx } from '../../db/db.ts';
import { isEarlier } from '../../domain/orderings.ts';
import type { Scope } from '../../domain/scope.ts';
import { rowsBefore, type LoadedOrder } from '../orders/loaded-order.ts';
import { boundWhen, type Binding } from '../rules/attribution.ts';
import type { OrderRow } from '../rows/order-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import {
  findOrdersOfSubscriptions,
  readEarliestSubscriptionBindings,
  subscriptionKey,
  type SubscriptionKey,
} from '../rows/subscription-rows.ts';
import { isSameBinding } from './bind-customers.ts';
import type { CreditedOrder } from './credited-order.ts';

/** The subscriptions that orders belong to, or belonged to: their bindings may change with the batch. */
export function subscriptionsOf(orders: readonly LoadedOrder[]): SubscriptionKey[] {
  const keys = new Map<string, SubscriptionKey>();
  for (const order of orders) {
    for (const subscription of [order.subscription, ...rowsBefore(order).map((row) => row.subscription)]) {
      if (subscription === null) continue;
      const key = { scope: order.scope, subscription };
      keys.set(subscriptionKey(key), key);
    }
  }
  return [...keys.values()];
}

/**
 * Who subscriptions are bound to: each by its first credited order, by (countedAt, reference). The stored orders offer a
 * binding; the batch's orders, read in that order, may take it over.
 */
export class SubscriptionBindings {
  readonly #keys: SubscriptionKey[];
  readonly #stored: ReadonlyMap<string, Binding>;
  readonly #bindings: Map<string, Binding>;

  private constructor(keys: SubscriptionKey[], stored: ReadonlyMap<string, Binding>) {
    this.#keys = keys;
    this.#stored = stored;
    this.#bindings = new Map(stored);
  }

  static async load(
    trx: Trx,
    orders: readonly LoadedOrder[],
    batchOrderIds: readonly string[],
  ): Promise<SubscriptionBindings> {
    const keys = subscriptionsOf(orders);
    return new SubscriptionBindings(keys, await readEarliestSubscriptionBindings(trx, keys, batchOrderIds));
  }

  all(): { scope: Scope; binding: Binding }[] {
    return this.#keys.flatMap((key) => {
      const binding = this.#bindings.get(subscriptionKey(key));
      return binding ? [{ scope: key.scope, binding }] : [];
    });
  }

  of({ scope, subscription }: LoadedOrder): Binding | null {
    return subscription === null ? null : (this.#bindings.get(subscriptionKey({ scope, subscription })) ?? null);
  }

  /** An order that was credited: the first binds. */
  offer(order: CreditedOrder): void {
    const { id, scope, subscription, reference, summary, bindsSubscription } = order;
    const { chosen, terms } = order.credit;
    const boundAt = summary.countedAt;
    if (!bindsSubscription || subscription === null || boundAt === null || !chosen || !terms) return;
    const key = subscriptionKey({ scope, subscription });
    const known = this.#bindings.get(key);
    const offered = { occurredAt: boundAt, reference };
    if (known && !isEarlier(offered, boundWhen(known))) return;
    const { affiliateId, offerId } = terms;
    const binding = { affiliateId, offerId, clickId: chosen.clickId, boundAt, boundRef: reference, boundBy: id, terms };
    this.#bindings.set(key, binding);
  }

  /** The stored orders of subscriptions that are not bound as they were. */
  async findMoved(
    trx: Trx,
    orders: readonly LoadedOrder[],
    batchOrderIds: readonly string[],
  ): Promise<ResettlementRequest[]> {
    const before = new Map(this.#stored);
    for (const order of orders) for (const row of rowsBefore(order)) offerRow(before, order, row);
    const moved = this.#keys.filter((key) => {
      const name = subscriptionKey(key);
      return !isSameBinding(before.get(name) ?? null, this.#bindings.get(name) ?? null);
    });
    const found = await findOrdersOfSubscriptions(trx, moved, batchOrderIds);
    return found.map(({ id, programId, livemode }) => ({
      scope: { programId, livemode },
      customerId: null,
      orderId: id,
    }));
  }
}

/** What a stored order of the batch offered, as it was. */
function offerRow(bindings: Map<string, Binding>, { scope }: LoadedOrder, row: OrderRow): void {
  const { id, subscription, affiliateId, offerId, clickId, reference } = row;
  const occurredAt = row.countedAt ?? row.occurredAt;
  if (!row.bindsSubscription || subscription === null || affiliateId === null || offerId === null) return;
  const terms = row.terms.find((one) => one.affiliateId === affiliateId && one.offerId === offerId);
  if (!terms || occurredAt === null || reference === null) return;
  const key = subscriptionKey({ scope, subscription });
  const known = bindings.get(key);
  if (known && !isEarlier({ occurredAt, reference }, boundWhen(known))) return;
  bindings.set(key, { affiliateId, offerId, clickId, boundAt: occurredAt, boundRef: reference, boundBy: id, terms });
}
