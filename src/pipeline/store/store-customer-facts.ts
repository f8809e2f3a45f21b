import type { Trx } from '../../db/db.ts';
import { scopeKey } from '../../domain/scope.ts';
import type { BoundCustomer } from '../credit/credited-order.ts';
import type { Arrival } from '../orders/loaded-order.ts';
import type { Customers } from '../orders/lock-customers.ts';
import { insertFacts } from '../rows/fact-rows.ts';
import type { EventOutcome } from '../work-items/finish-work.ts';

/**
 * Stores the facts that are about no order: links of a customer to an affiliate, joined customers, funnel events. What
 * they changed has been worked out with the bindings; here it only remains to say whether they were new.
 */
export async function storeCustomerFacts(
  trx: Trx,
  arrivals: readonly Arrival[],
  customers: Customers<BoundCustomer>,
): Promise<EventOutcome[]> {
  if (arrivals.length === 0) return [];
  const customerOf = new Map<Arrival, BoundCustomer>();
  for (const customer of customers.byId.values()) {
    for (const arrival of customer.arrivals) customerOf.set(arrival, customer);
  }
  // Of several messages with one fact the first brings it.
  const first = new Map(
    arrivals.toReversed().map((arrival) => [`${scopeKey(arrival.event)} ${arrival.fact.id}`, arrival]),
  );
  const stored = await insertFacts(
    trx,
    [...first.values()].map((arrival) => {
      const { event, fact } = arrival;
      const customer = customerOf.get(arrival);
      return {
        scope: { programId: event.programId, livemode: event.livemode },
        known: { fact, inboxId: event.id, posted: false },
        orderId: null,
        halfId: null,
        customerId: customers.recordOf.get(arrival) ?? null,
        attribution: customer?.attributions.get(fact.id) ?? null,
        namesItsClick: false,
      };
    }),
  );
  const brought = new Set([...first.values()].filter(({ fact }) => stored.has(fact.id)));
  return arrivals.map((arrival) => {
    const isNew = brought.has(arrival);
    return {
      eventId: arrival.event.id,
      outcome: isNew ? 'recorded' : 'duplicate',
      reason: isNew ? null : 'duplicate_order',
      error: null,
      conversionId: null,
    };
  });
}
