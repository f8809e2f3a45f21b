import type { FactType } from '../../domain/facts.ts';
import { fold, inOrderOfFacts, type KnownFact, type OrderState } from './order-facts.ts';
import type { Target } from './commission.ts';

/** What the ledger holds of one order for one affiliate in one currency. */
export interface Standing {
  affiliateId: string;
  currency: string;
  amountMinor: bigint;
}

export interface Posting extends Standing {
  /** earning, refund, refund_reversal, dispute, dispute_reversal, decision or adjustment. */
  type: string;
  factId: string | null;
}

/**
 * The postings that bring the ledger from where it stands to the order's target. Facts not yet posted go one by one in
 * the order in which they happened, each the change that it causes, so that a refund which came before its sale shows
 * as +2000 −2000. What changed without a fact (the binding moved, a slot was lost) goes first, as an adjustment.
 *
 * `targetOf` settles a part of the facts in the order's present context. No posting is ever zero.
 */
export function planPostings(
  standings: Standing[],
  state: OrderState,
  targetOf: (part: OrderState) => Target,
): Posting[] {
  const current = new Map(standings.map((standing) => [keyOf(standing), standing]));
  const postings: Posting[] = [];
  const moveTo = (target: Target, type: string, factId: string | null): void => {
    for (const posting of difference(current, target)) {
      postings.push({ ...posting, type, factId });
      const known = current.get(keyOf(posting));
      current.set(keyOf(posting), { ...posting, amountMinor: (known?.amountMinor ?? 0n) + posting.amountMinor });
    }
  };
  const facts = inOrderOfFacts(state);
  const unposted = facts.filter((known) => !known.posted);
  // What another system settled earned nothing here at any moment.
  const waiting = [...unposted.filter(isImported), ...unposted.filter((known) => !isImported(known))];
  let part: OrderState = new Map(facts.filter((known) => known.posted).map((known) => [known.fact.id, known]));
  if (part.size > 0 || standings.length > 0) moveTo(targetOf(part), 'adjustment', null);
  for (const known of waiting) {
    part = fold(part, known);
    moveTo(targetOf(part), postingTypes[known.fact.type], known.fact.id);
  }
  return postings;
}

function isImported({ fact }: KnownFact): boolean {
  return fact.type === 'imported';
}

const postingTypes: Record<FactType, string> = {
  sale: 'earning',
  action: 'earning',
  lead: 'earning',
  tracker: 'earning',
  link: 'adjustment',
  customer: 'adjustment',
  funnel: 'adjustment',
  refund: 'refund',
  refund_failed: 'refund_reversal',
  refund_total: 'refund',
  dispute: 'dispute',
  dispute_won: 'dispute_reversal',
  imported: 'adjustment',
  decision: 'decision',
};

function difference(current: Map<string, Standing>, target: Target): Standing[] {
  const wanted =
    target.affiliateId !== null && target.commissionCurrency !== null && target.commissionMinor !== 0n
      ? {
          affiliateId: target.affiliateId,
          currency: target.commissionCurrency,
          amountMinor: target.commissionMinor,
        }
      : null;
  const changes: Standing[] = [];
  for (const standing of current.values()) {
    if (wanted && keyOf(standing) === keyOf(wanted)) continue;
    if (standing.amountMinor !== 0n) changes.push({ ...standing, amountMinor: -standing.amountMinor });
  }
  if (wanted) {
    const change = wanted.amountMinor - (current.get(keyOf(wanted))?.amountMinor ?? 0n);
    if (change !== 0n) changes.push({ ...wanted, amountMinor: change });
  }
  return changes;
}

function keyOf({ affiliateId, currency }: { affiliateId: string; currency: string }): string {
  return `${affiliateId} ${currency}`;
}

/** After posting, every fact of an attributed order has been taken into account. */
export function unpostedFacts(state: OrderState): KnownFact[] {
  return [...state.values()].filter((known) => !known.posted);
}
