import { addFact, type FactSet } from '../rules/order-facts.ts';
import type { Target } from '../rules/commission.ts';
import type { Targets } from '../rules/postings.ts';
import type { EventOutcome } from '../work-items/finish-work.ts';
import type { Arrival } from '../orders/loaded-order.ts';
import type { CreditedOrder } from './credited-order.ts';
import { explainParked, explainRepeat } from './outcome-words.ts';

/**
 * What each event of the batch did to an order. An event whose facts change neither amount nor affiliate of an order
 * that was known is a duplicate, wherever the first came from.
 */
export function outcomesOf(order: CreditedOrder, targets: Targets): EventOutcome[] {
  return bareOutcomes(order, targets).map((outcome) => {
    if (outcome.outcome !== 'duplicate' && outcome.outcome !== 'parked') return outcome;
    const arrivals = order.arrivals.filter(({ event }) => event.id === outcome.eventId);
    return { ...outcome, error: inWords(outcome, order, targets.all, arrivals) };
  });
}

function inWords(
  { outcome }: EventOutcome,
  order: CreditedOrder,
  target: Target,
  arrivals: readonly Arrival[],
): string | null {
  return outcome === 'parked' ? explainParked(order, arrivals) : explainRepeat(order, target, arrivals);
}

function bareOutcomes(order: CreditedOrder, targets: Targets): EventOutcome[] {
  const [only, ...others] = order.arrivals;
  if (only && others.length === 0 && order.before === null && order.newFacts.length === order.facts.size) {
    return [compare(only.event.id, order.id, null, targets.all)];
  }
  const unseen = new Map(order.newFacts.map((known) => [known.fact.id, known]));
  let part: FactSet = new Map([...order.facts].filter(([id]) => !unseen.has(id)));
  let before = visibleBefore(order, part, targets);
  const outcomes: EventOutcome[] = [];
  for (const eventId of new Set(order.arrivals.map(({ event }) => event.id))) {
    const brought = order.arrivals.flatMap(
      ({ event, fact }) => (event.id === eventId ? unseen.get(fact.id) : undefined) ?? [],
    );
    for (const known of brought) {
      unseen.delete(known.fact.id);
      part = addFact(part, known);
    }
    const target = unseen.size === 0 ? targets.all : targets.after(part);
    const saysAgain = brought.length === 0 && !order.restatedFacts.some(({ inboxId }) => inboxId === eventId);
    // What is said again changes something only where it named nobody before, and does now.
    if (saysAgain && !(before?.affiliateId === null && target.affiliateId !== null)) {
      outcomes.push(duplicate(eventId, order.id));
      continue;
    }
    outcomes.push(compare(eventId, order.id, before, target));
    before = visibleStateOf(target);
  }
  return outcomes;
}

/** The side of an order that makes the difference between a duplicate and an update: what subscribers last saw. */
interface VisibleState {
  counts: boolean;
  affiliateId: string | null;
  amounts: string;
}

/** As the order was before this batch; null where nothing was known of it. */
function visibleBefore(order: CreditedOrder, part: FactSet, targets: Targets): VisibleState | null {
  if (part.size === 0) return null;
  return visibleStateOf(order.before ?? targets.after(part));
}

function compare(eventId: string, conversionId: string, before: VisibleState | null, target: Target): EventOutcome {
  const result = { eventId, reason: target.reason, error: null, conversionId };
  if (before?.counts) {
    const after = visibleStateOf(target);
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

function visibleStateOf(
  settled: Pick<Target, 'kind' | 'status' | 'reason' | 'affiliateId' | 'commissionMinor' | 'explanation'>,
): VisibleState {
  const { kind, status, reason, affiliateId, commissionMinor, explanation } = settled;
  if (reason === 'imported') return visibleStateOfImported(explanation?.amounts);
  const shownStatus = status === 'paid' ? 'approved' : status;
  const { grossMinor, netMinor, refundedMinor, disputedMinor, currency } = explanation?.amounts ?? {};
  return {
    counts: kind !== null,
    affiliateId,
    amounts: [kind, shownStatus, commissionMinor, grossMinor, netMinor, refundedMinor, disputedMinor, currency].join(
      ' ',
    ),
  };
}

/**
 * Of an imported order a message may be the first to tell the amount, or whom it would be credited to: it is a repeat all
 * the same. What was given back is news.
 */
function visibleStateOfImported(amounts: NonNullable<Target['explanation']>['amounts'] | undefined): VisibleState {
  const { refundedMinor = 0, disputedMinor = 0 } = amounts ?? {};
  return { counts: true, affiliateId: null, amounts: `imported ${refundedMinor} ${disputedMinor}` };
}
