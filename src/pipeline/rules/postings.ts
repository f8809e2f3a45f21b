import type { FactType } from '../../domain/facts.ts';
import { addFact, inOrder, noFacts, type KnownFact, type FactSet } from './order-facts.ts';
import { noTarget, type Target } from './commission.ts';

/** What the ledger holds of one order, for one affiliate in one currency. */
export interface LedgerSum {
  affiliateId: string;
  currency: string;
  amountMinor: bigint;
}

export interface Posting extends LedgerSum {
  /** earning, refund, refund_reversal, dispute, dispute_reversal, decision or adjustment. */
  type: string;
  factId: string | null;
}

/** Where an order should stand in its present context: by all of its facts, and as it would by a part of them. */
export interface Targets {
  all: Target;
  after: (part: FactSet) => Target;
}

/**
 * The postings that bring the ledger from where it stands to the order's target. Facts that are not posted yet go one by
 * one in the order in which they happened, each the change that it causes, so that a refund which came before its sale
 * shows as +2000, then −2000. What changed without a fact (the binding moved, a slot was lost) goes first, as an
 * adjustment. No posting is ever zero.
 */
export function planPostings(ledgerSums: LedgerSum[], facts: FactSet, targets: Targets): Posting[] {
  const current = new Map(ledgerSums.map((sum) => [keyOf(sum), sum]));
  const postings: Posting[] = [];
  const moveTo = (target: Target, type: string, factId: string | null): void => {
    for (const change of difference(current, target)) {
      const { affiliateId, currency, amountMinor } = change;
      postings.push({ affiliateId, currency, amountMinor, type, factId });
      const key = keyOf(change);
      current.set(key, { affiliateId, currency, amountMinor: (current.get(key)?.amountMinor ?? 0n) + amountMinor });
    }
  };
  const known = inOrder(facts);
  const unposted = known.filter(({ posted }) => !posted);
  const before = known.filter(({ posted }) => posted);
  let part: FactSet = before.length === 0 ? noFacts : new Map(before.map((one) => [one.fact.id, one]));
  if (unposted.length === 0) moveTo(targets.all, 'adjustment', null);
  else if (part.size > 0) moveTo(targets.after(part), 'adjustment', null);
  else if (ledgerSums.length > 0) moveTo(noTarget, 'adjustment', null);
  // What another system settled earned nothing here at any moment.
  const steps = unposted.some(isImported) ? unposted.toSorted(importedFirst) : unposted;
  for (const [index, step] of steps.entries()) {
    const last = index === steps.length - 1;
    if (!last) part = addFact(part, step);
    moveTo(last ? targets.all : targets.after(part), postingTypes[step.fact.type], step.fact.id);
  }
  return postings;
}

/** The postings that take back all that the ledger holds of an order: it turned out to be another one. */
export function planTakingBack(ledgerSums: LedgerSum[]): Posting[] {
  return difference(new Map(ledgerSums.map((sum) => [keyOf(sum), sum])), noTarget).map((change) => ({
    ...change,
    type: 'adjustment',
    factId: null,
  }));
}

function importedFirst(a: KnownFact, b: KnownFact): number {
  return Number(isImported(b)) - Number(isImported(a));
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
  assignment: 'decision',
  correction: 'decision',
  binding: 'adjustment',
  adjustment: 'adjustment',
};

function difference(current: Map<string, LedgerSum>, target: Target): LedgerSum[] {
  const wanted =
    target.affiliateId !== null && target.commissionCurrency !== null && target.commissionMinor !== 0n
      ? {
          affiliateId: target.affiliateId,
          currency: target.commissionCurrency,
          amountMinor: target.commissionMinor,
        }
      : null;
  const changes: LedgerSum[] = [];
  for (const sum of current.values()) {
    if (wanted && keyOf(sum) === keyOf(wanted)) continue;
    if (sum.amountMinor !== 0n) changes.push({ ...sum, amountMinor: -sum.amountMinor });
  }
  if (wanted) {
    const amountMinor = wanted.amountMinor - (current.get(keyOf(wanted))?.amountMinor ?? 0n);
    if (amountMinor !== 0n) changes.push({ affiliateId: wanted.affiliateId, currency: wanted.currency, amountMinor });
  }
  return changes;
}

function keyOf({ affiliateId, currency }: { affiliateId: string; currency: string }): string {
  return `${affiliateId} ${currency}`;
}
