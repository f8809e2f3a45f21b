import type { Trx } from '../../db/db.ts';
import type { Customers, CustomerWork } from '../orders/lock-customers.ts';
import type { Arrival } from '../orders/order-work.ts';
import type { EventOutcome } from '../work/event-outcome.ts';
import { insertFacts } from '../rows/fact-rows.ts';

/**
 * Stores the facts that are about no order: links of a customer to an affiliate, joined customers, funnel events. What
 * they changed has been worked out with the bindings; here it only remains to say whether they were news.
 */
export async function settleCustomerFacts(
  trx: Trx,
  arrivals: Arrival[],
  customers: Customers,
): Promise<EventOutcome[]> {
  const own = arrivals.filter(({ fact }) => fact.refs.length === 0);
  if (own.length === 0) return [];
  const customerOf = new Map<string, CustomerWork>();
  for (const customer of customers.byId.values()) {
    for (const { arrival } of customer.facts) customerOf.set(`${arrival.event.id} ${arrival.fact.id}`, customer);
  }
  const first = new Map(
    own
      .toReversed()
      .map((arrival) => [`${arrival.event.programId} ${arrival.event.livemode} ${arrival.fact.id}`, arrival]),
  );
  const stored = await insertFacts(
    trx,
    [...first.values()].map(({ event, fact }) => ({
      scope: { programId: event.programId, livemode: event.livemode },
      known: { fact, inboxId: event.id, posted: false },
      orderId: null,
      partId: null,
      customerId: customerOf.get(`${event.id} ${fact.id}`)?.id ?? null,
      attribution: customerOf.get(`${event.id} ${fact.id}`)?.attributions.get(fact.id) ?? null,
    })),
  );
  const brought = new Set(
    [...first.values()].filter(({ fact }) => stored.has(fact.id)).map(({ event, fact }) => `${event.id} ${fact.id}`),
  );
  return own.map(({ event, fact }) => {
    const isNews = brought.has(`${event.id} ${fact.id}`);
    return {
      eventId: event.id,
      outcome: isNews ? 'recorded' : 'duplicate',
      reason: isNews ? null : 'duplicate_order',
      error: null,
      conversionId: null,
    };
  });
}
