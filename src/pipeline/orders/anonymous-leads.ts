import { isAnonymous } from '../../domain/facts.ts';
import type { Scope } from '../../domain/scope.ts';
import type { LoadedOrder } from './loaded-order.ts';

/** An anonymous lead of a click, as a batch brings it: new, or received earlier than was known. */
export interface ArrivedLead {
  scope: Scope;
  factId: string;
  clickId: string;
  /** The one reference by which it names a customer. */
  ref: string;
  receivedAt: string;
  email: string | null;
}

/** The anonymous leads that a batch adds to orders, or restates. One without a click names nobody. */
export function leadsOfOrders(orders: readonly LoadedOrder[]): ArrivedLead[] {
  return orders.flatMap(({ scope, facts, newFacts, restatedFacts }) => {
    const ids = new Set([...newFacts, ...restatedFacts].map(({ fact }) => fact.id));
    return [...ids].flatMap((id): ArrivedLead[] => {
      const fact = facts.get(id)?.fact;
      if (!fact || !isAnonymous(fact)) return [];
      const { clickId } = fact.evidence;
      const [ref] = fact.customer?.refs ?? [];
      if (clickId === undefined || ref === undefined) return [];
      return [{ scope, factId: id, clickId, ref, receivedAt: fact.occurredAt, email: fact.anonymous.email }];
    });
  });
}
