import type { Fact, FactAmount, FactOf } from '../../domain/facts.ts';
import { compareText } from '../../domain/orderings.ts';
import { resolveAmount } from './amounts.ts';
import type { KnownFact } from './order-facts.ts';

const reversals: ReadonlySet<Fact['type']> = new Set([
  'refund',
  'refund_failed',
  'refund_total',
  'dispute',
  'dispute_won',
]);

/**
 * refunded = live refunds by id + what the cumulative figures show beyond all refunds by id (failed ones too, since the
 * figures counted them when they were made), at most gross. A dispute takes its amount out until it is won. What is undone
 * may be done again (refunded after a reversal, lost after it was won): the state that was stated last counts.
 */
export function computeReversals(
  facts: KnownFact[],
  payment: { grossMinor: bigint; currency: string } | null,
  flags: Set<string>,
  incomparable: Set<string>,
): { refundedMinor: bigint; disputedMinor: bigint; nothingRemains: boolean } {
  if (!payment) return { refundedMinor: 0n, disputedMinor: 0n, nothingRemains: isWhollyRefunded(facts) };
  if (!facts.some(({ fact }) => reversals.has(fact.type))) {
    return { refundedMinor: 0n, disputedMinor: 0n, nothingRemains: false };
  }
  const refunds = new Map<string, bigint | null>();
  const disputes = new Map<string, bigint>();
  const totals: { fact: FactOf<'refund_total'>; amountMinor: bigint }[] = [];
  const paymentOf = new Map<string, string>();
  const inCurrency = (amount: FactAmount, factId: string): bigint | null => {
    const resolved = resolveAmount(amount, payment.currency);
    if (resolved && resolved.currency === payment.currency) return resolved.amountMinor;
    flags.add(resolved ? 'currency_mismatch' : 'amount_invalid');
    if (resolved) incomparable.add(factId);
    return null;
  };
  for (const { fact } of facts) {
    if (fact.type === 'refund') {
      recordRefund(fact, refunds, inCurrency);
      if (fact.paymentRef !== undefined) paymentOf.set(fact.refundId, fact.paymentRef);
    } else if (fact.type === 'dispute') {
      const amountMinor = inCurrency(fact.amount, fact.id);
      if (amountMinor !== null) disputes.set(fact.disputeId, max(disputes.get(fact.disputeId) ?? 0n, amountMinor));
    } else if (fact.type === 'refund_total') totals.push({ fact, amountMinor: inCurrency(fact.amount, fact.id) ?? 0n });
  }
  const byId = [...refunds].map(([id, amountMinor]) => ({
    id,
    amountMinor: amountMinor ?? payment.grossMinor,
    paymentRef: paymentOf.get(id) ?? null,
  }));
  const undone = undoneIds(facts);
  const live = sum(byId.filter((refund) => !undone.has(refund.id)).map((refund) => refund.amountMinor));
  const refunded = live + beyondRefunds(totals, byId);
  const disputed = sum([...disputes].filter(([id]) => !undone.has(id)).map(([, amountMinor]) => amountMinor));
  const wholeRefund = [...refunds].some(([id, amountMinor]) => amountMinor === null && !undone.has(id));
  if (refunded > payment.grossMinor && !wholeRefund) flags.add('refund_exceeds_gross');
  const refundedMinor = min(refunded, payment.grossMinor);
  const disputedMinor = min(disputed, payment.grossMinor - refundedMinor);
  return { refundedMinor, disputedMinor, nothingRemains: refundedMinor + disputedMinor === payment.grossMinor };
}

interface Stated {
  undone: boolean;
  /** When the source said so, then how far the state goes, then the fact: the last of them counts. */
  at: string;
  rank: number;
  factId: string;
}

/** The refunds and disputes whose last stated state is that they were undone. */
function undoneIds(facts: KnownFact[]): Set<string> {
  const last = new Map<string, Stated>();
  for (const { fact } of facts) {
    const stated = stateOf(fact);
    if (!stated) continue;
    const known = last.get(stated.id);
    if (!known || isStatedBefore(known, stated)) last.set(stated.id, stated);
  }
  return new Set([...last].filter(([, { undone }]) => undone).map(([id]) => id));
}

function stateOf(fact: Fact): (Stated & { id: string }) | null {
  switch (fact.type) {
    case 'refund':
    case 'refund_failed': {
      const undone = fact.type === 'refund_failed';
      return { id: fact.refundId, undone, at: fact.statedAt ?? fact.occurredAt, rank: undone ? 1 : 0, factId: fact.id };
    }
    case 'dispute':
    case 'dispute_won': {
      const undone = fact.type === 'dispute_won';
      const rank = undone ? 1 : fact.lost ? 2 : 0;
      return { id: fact.disputeId, undone, at: fact.statedAt ?? fact.occurredAt, rank, factId: fact.id };
    }
    default:
      return null;
  }
}

function isStatedBefore(a: Stated, b: Stated): boolean {
  return (compareText(a.at, b.at) || a.rank - b.rank || compareText(a.factId, b.factId)) < 0;
}

/**
 * What the cumulative figures show beyond the refunds that are known by id. Figures are of one payment each, and so are
 * refunds that name theirs; a refund that names none (a caller's) may be any of what was refunded.
 */
function beyondRefunds(
  totals: { fact: FactOf<'refund_total'>; amountMinor: bigint }[],
  refunds: { amountMinor: bigint; paymentRef: string | null }[],
): bigint {
  const left = new Map<string, bigint>();
  // A payment by any of its names: a refund may name the payment intent of a charge.
  const paymentNamed = new Map<string, string>();
  for (const { fact, amountMinor } of totals) {
    left.set(fact.paymentRef, max(left.get(fact.paymentRef) ?? 0n, amountMinor));
    for (const ref of fact.refs) paymentNamed.set(ref, fact.paymentRef);
  }
  let unplaced = 0n;
  for (const { amountMinor, paymentRef } of refunds) {
    if (paymentRef === null) unplaced += amountMinor;
    else {
      const payment = left.has(paymentRef) ? paymentRef : (paymentNamed.get(paymentRef) ?? paymentRef);
      left.set(payment, (left.get(payment) ?? 0n) - amountMinor);
    }
  }
  return max(0n, sum([...left.values()].map((amountMinor) => max(0n, amountMinor))) - unplaced);
}

/** Of an order without an amount (an action that is paid by the piece) only a refund of all of it says anything. */
function isWhollyRefunded(facts: KnownFact[]): boolean {
  const undone = undoneIds(facts);
  return facts.some(({ fact }) => fact.type === 'refund' && fact.amount === null && !undone.has(fact.refundId));
}

/** A refund without an amount takes all that remains; one whose currency disagrees is recorded and not counted. */
function recordRefund(
  fact: FactOf<'refund'>,
  refunds: Map<string, bigint | null>,
  inCurrency: (amount: FactAmount, factId: string) => bigint | null,
): void {
  if (fact.amount === null) {
    refunds.set(fact.refundId, null);
    return;
  }
  const amountMinor = inCurrency(fact.amount, fact.id);
  if (amountMinor === null) return;
  const known = refunds.get(fact.refundId);
  if (known !== null) refunds.set(fact.refundId, max(known ?? 0n, amountMinor));
}

function sum(values: bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
