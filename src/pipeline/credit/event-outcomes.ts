import type { EventOutcome } from '../work/event-outcome.ts';
import { fold, type OrderState } from '../rules/order-facts.ts';
import type { OrderWork } from '../orders/order-work.ts';
import type { Target } from '../rules/commission.ts';

/**
 * What each event of the batch did to an order. An event whose facts change neither amount nor affiliate of an order
 * that was known is a duplicate, wherever the first came from. `targetOf` settles a part of the facts.
 */
export function outcomesOf(order: OrderWork, target: Target, targetOf: (part: OrderState) => Target): EventOutcome[] {
  const [only, ...others] = order.arrivals;
  if (only && others.length === 0 && order.before === null && order.newFacts.length === order.state.size) {
    return [compare(only.event.id, order.id, null, target)];
  }
  const fresh = new Map(order.newFacts.map((known) => [known.fact.id, known]));
  let part: OrderState = new Map([...order.state].filter(([id]) => !fresh.has(id)));
  let known = part.size > 0 ? standing(order.before, targetOf, part) : null;
  const outcomes = new Map<string, EventOutcome>();
  const events = [...new Set(order.arrivals.map(({ event }) => event.id))];
  for (const eventId of events) {
    const brought = order.arrivals.filter(({ event, fact }) => event.id === eventId && fresh.has(fact.id));
    for (const { fact } of brought) {
      const arrived = fresh.get(fact.id);
      fresh.delete(fact.id);
      if (arrived) part = fold(part, arrived);
    }
    if (brought.length === 0 && !order.restatedFacts.some(({ inboxId }) => inboxId === eventId)) {
      outcomes.set(eventId, duplicate(eventId, order.id));
      continue;
    }
    const now = part.size === order.state.size ? target : targetOf(part);
    outcomes.set(eventId, compare(eventId, order.id, known, now));
    known = standing(null, () => now, part);
  }
  return [...outcomes.values()];
}

interface Standing {
  counts: boolean;
  affiliateId: string | null;
  amounts: string;
}

function compare(eventId: string, conversionId: string, before: Standing | null, target: Target): EventOutcome {
  const after = standing(null, () => target, null);
  const result = { eventId, reason: target.reason, error: null, conversionId };
  if (before?.counts) {
    const same = before.affiliateId === after.affiliateId && before.amounts === after.amounts;
    return same ? duplicate(eventId, conversionId) : { ...result, outcome: 'updated' };
  }
  if (target.status === 'parked') return { ...result, outcome: 'parked' };
  if (target.status === 'not_tracked') return { ...result, outcome: 'not_tracked' };
  return { ...result, outcome: 'recorded' };
}

function duplicate(eventId: string, conversionId: string): EventOutcome {
  return { eventId, outcome: 'duplicate', reason: 'duplicate_order', error: null, conversionId };
}

/** The side of an order that makes the difference between a duplicate and an update. */
function standing(row: OrderWork['before'], targetOf: (part: OrderState) => Target, part: OrderState | null): Standing {
  const { kind, status, reason, affiliateId, commissionMinor, explanation } = row ?? targetOf(part ?? new Map());
  if (reason === 'imported') return standingImported(explanation?.amounts);
  return {
    counts: kind !== null,
    affiliateId,
    amounts: amountsOf({ kind, status, commissionMinor }, explanation?.amounts),
  };
}

/**
 * Of an imported order a message may be the first to tell the amount, or whom it would be credited to: it is a repeat all
 * the same. What was given back is news.
 */
function standingImported(amounts: Amounts | undefined): Standing {
  const { refundedMinor = 0, disputedMinor = 0 } = amounts ?? {};
  return { counts: true, affiliateId: null, amounts: `imported ${refundedMinor} ${disputedMinor}` };
}

type Amounts = NonNullable<Target['explanation']>['amounts'];

function amountsOf(
  { kind, status, commissionMinor }: Pick<Target, 'kind' | 'status' | 'commissionMinor'>,
  amounts: Amounts | undefined,
): string {
  const lifted = status === 'paid' ? 'approved' : status;
  const { grossMinor, netMinor, refundedMinor, disputedMinor, currency } = amounts ?? {};
  return [kind, lifted, commissionMinor, grossMinor, netMinor, refundedMinor, disputedMinor, currency].join(' ');
}
