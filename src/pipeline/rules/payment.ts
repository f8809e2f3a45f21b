import type { Fact, FactOf, SaleDocument } from '../../domain/facts.ts';
import { MAX_AMOUNT_MINOR, multiplyRatio } from '../../domain/money.ts';
import { resolveAmount } from './amounts.ts';
import type { KnownFact } from './order-facts.ts';
import { compareInstants, compareText } from '../../domain/orderings.ts';

export interface Payment {
  grossMinor: bigint;
  netMinor: bigint;
  currency: string;
  document: SaleDocument;
  occurredAt: string;
  /** As `occurredAt`, but what was said without a key counts from when it was first received. */
  countedAt: string;
  factId: string;
  /** Absent: it is as its document states it. */
  corrected?: Corrected;
}

/** Who decided something about an order, when, and why; `factId` is the decision. */
export interface Decided {
  by: string;
  reason: string | null;
  at: string;
  factId: string;
}

/** What was stated before a person corrected it. */
export interface Corrected extends Decided {
  statedGrossMinor: number;
  statedNetMinor: number;
}

export type TrackerState = FactOf<'tracker'>['state'];

// Higher beats lower, whatever the order of arrival.
const authority: Record<SaleDocument, number> = { invoice: 6, checkout: 5, payment: 4, store: 3, api: 2, postback: 1 };

/** How far a tracker's word goes. */
const trackerRank: Record<TrackerState, number> = { unknown: 0, lead: 1, hold: 2, sale: 3, rejected: 4 };

/** The statements of the order's sale, the one that decides first. */
export function statedSales(facts: KnownFact[]): FactOf<'sale'>[] {
  const sales: { fact: FactOf<'sale'>; inboxId: string }[] = [];
  for (const { fact, inboxId } of facts) if (fact.type === 'sale') sales.push({ fact, inboxId });
  return sales
    .sort((a, b) => authority[b.fact.document] - authority[a.fact.document] || compareRepeats(a, b))
    .map(({ fact }) => fact);
}

export function choosePayment(
  sales: FactOf<'sale'>[],
  facts: KnownFact[],
  assumedCurrency: string,
  flags: Set<string>,
  incomparable: Set<string>,
): Payment | null {
  const payments: Payment[] = [];
  for (const sale of sales) {
    const payment = readPayment(sale, facts, assumedCurrency);
    if (payment) payments.push(payment);
    else flags.add('amount_invalid');
  }
  const [best = null] = payments;
  for (const { currency, factId } of payments) if (currency !== best?.currency) incomparable.add(factId);
  if (incomparable.size > 0) flags.add('currency_mismatch');
  const spoken = furthestTracker(facts);
  // A provider or a call beats a tracker. A tracker's status beats its own plain postback, except hold: the postback
  // already said sale.
  const outspoken = best?.document === 'postback' ? ['sale', 'rejected'] : ['hold', 'sale', 'rejected'];
  if (spoken && (!best || best.document === 'postback') && outspoken.includes(spoken.state)) {
    return trackerPayment(facts, assumedCurrency, flags) ?? best;
  }
  return best;
}

/**
 * The payment as a person says it is. A correction in another currency than the payment is in by now (a stronger document came)
 * cannot be set against it, and neither can a net above the gross.
 */
export function correctPayment(
  payment: Payment | null,
  correction: FactOf<'correction'> | null,
  flags: Set<string>,
  incomparable: Set<string>,
): Payment | null {
  if (!payment || !correction) return payment;
  const gross = resolveAmount(correction.gross, payment.currency);
  if (gross && gross.currency !== payment.currency) {
    flags.add('currency_mismatch');
    incomparable.add(correction.id);
    return payment;
  }
  const netMinor = gross && correctedNet(payment, correction, gross);
  if (!gross || netMinor === null || gross.amountMinor === 0n || gross.amountMinor > MAX_AMOUNT_MINOR) {
    flags.add('amount_invalid');
    return payment;
  }
  const { by, reason, occurredAt: at, id: factId } = correction;
  const stated = { statedGrossMinor: Number(payment.grossMinor), statedNetMinor: Number(payment.netMinor) };
  return { ...payment, grossMinor: gross.amountMinor, netMinor, corrected: { by, reason, at, factId, ...stated } };
}

/** Null where it is no net of that gross. */
function correctedNet(
  { netMinor, grossMinor, currency }: Payment,
  { net }: FactOf<'correction'>,
  gross: { amountMinor: bigint },
): bigint | null {
  if (net === null) return multiplyRatio(netMinor, gross.amountMinor, grossMinor);
  const stated = resolveAmount(net, currency);
  return stated && stated.currency === currency && stated.amountMinor <= gross.amountMinor ? stated.amountMinor : null;
}

/** The money that a sale states. Null where it is none: unreadable, zero, beyond all bounds, or a net above its gross. */
function readPayment(sale: FactOf<'sale'>, facts: KnownFact[], assumedCurrency: string): Payment | null {
  const gross = resolveAmount(sale.gross, assumedCurrency);
  const net = resolveAmount(sale.net, assumedCurrency);
  if (!gross || !net || gross.currency !== net.currency) return null;
  if (gross.amountMinor === 0n || gross.amountMinor > MAX_AMOUNT_MINOR || net.amountMinor > gross.amountMinor) {
    return null;
  }
  return {
    grossMinor: gross.amountMinor,
    netMinor: net.amountMinor,
    currency: gross.currency,
    document: sale.document,
    occurredAt: sale.occurredAt,
    countedAt: countedAtOf(sale, sale.occurredAt, facts),
    factId: sale.id,
  };
}

/**
 * Two statements by the same kind of document: of calls and postbacks the one received first counts, so that a repeat
 * never changes an amount, not even one that says it is older; of a provider's documents the one that happened first.
 */
function compareRepeats(
  a: { fact: FactOf<'sale'>; inboxId: string },
  b: { fact: FactOf<'sale'>; inboxId: string },
): number {
  const byReceipt = a.fact.document === 'api' || a.fact.document === 'postback';
  return (byReceipt ? compareText(a.inboxId, b.inboxId) : 0) || compareInstants(a.fact, b.fact);
}

/** The furthest state holds; among equals the newest word. A late earlier state changes nothing. */
export function furthestTracker(facts: readonly Pick<KnownFact, 'fact'>[]): FactOf<'tracker'> | null {
  let furthest: FactOf<'tracker'> | null = null;
  for (const { fact } of facts) {
    if (fact.type !== 'tracker') continue;
    if (!furthest || trackerRank[fact.state] >= trackerRank[furthest.state]) furthest = fact;
  }
  return furthest;
}

/** The amount of the furthest state; where it names none (a rejection, say), of the furthest one that does. */
function trackerPayment(facts: KnownFact[], assumedCurrency: string, flags: Set<string>): Payment | null {
  let chosen: { fact: FactOf<'tracker'>; amountMinor: bigint; currency: string } | null = null;
  for (const { fact } of facts) {
    if (fact.type !== 'tracker' || !fact.amount || fact.state === 'unknown' || fact.state === 'lead') continue;
    const amount = resolveAmount(fact.amount, assumedCurrency);
    if (!amount || amount.amountMinor === 0n || amount.amountMinor > MAX_AMOUNT_MINOR) flags.add('amount_invalid');
    else if (!chosen || trackerRank[fact.state] >= trackerRank[chosen.fact.state]) chosen = { fact, ...amount };
  }
  if (!chosen) return null;
  const net = chosen.fact.net ? resolveAmount(chosen.fact.net, assumedCurrency) : null;
  return {
    grossMinor: chosen.amountMinor,
    netMinor: net?.amountMinor ?? chosen.amountMinor,
    currency: chosen.currency,
    document: 'postback',
    occurredAt: firstTrackerAt(facts) ?? chosen.fact.occurredAt,
    countedAt: countedAtOf(chosen.fact, firstTrackerAt(facts.filter(hasKey)) ?? chosen.fact.occurredAt, facts),
    factId: chosen.fact.id,
  };
}

/** A tracker's order happened when it was first spoken of, however often its state moved since. */
function firstTrackerAt(facts: KnownFact[]): string | null {
  return facts.find(({ fact }) => fact.type === 'tracker')?.fact.occurredAt ?? null;
}

/**
 * When an order counts that counts by this fact: when that happened; or, had its sender no key, when a payment or an action was
 * first told of. What is said later moves that no more.
 */
export function countedAtOf(counting: Fact, happenedAt: string, facts: KnownFact[]): string {
  if (counting.receivedAt === undefined) return happenedAt;
  const receipts = facts.flatMap(({ fact }) => (isDue(fact) ? (fact.receivedAt ?? []) : []));
  return receipts.reduce((first, at) => (at < first ? at : first), counting.receivedAt);
}

/** Whether there is something to pay for, as far as a fact alone tells. */
function isDue(fact: Fact): boolean {
  if (fact.type === 'tracker') return fact.state !== 'lead' && fact.state !== 'unknown';
  return fact.type === 'sale' || fact.type === 'action';
}

export function hasKey({ fact }: KnownFact): boolean {
  return fact.receivedAt === undefined;
}
