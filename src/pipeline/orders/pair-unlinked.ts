import type { FactOf } from '../../domain/facts.ts';
import { type OrderState } from '../rules/order-facts.ts';
import { summarize } from '../rules/summarize.ts';
import { compareText } from '../../domain/orderings.ts';

/**
 * From basil on Stripe's webhooks may name no link between an invoice and the payment intent that paid it
 * (github.com/stripe/stripe-dotnet/issues/3149, read 2026-11). A payment intent and an invoice of one account, customer,
 * currency and amount, within an hour of each other, are then taken for one order, as long as nothing says otherwise:
 * which two are one is reckoned from all of them each time, and a link that arrives later decides.
 */
export interface Hint {
  /** Customer (scoped by the account), currency and amount: what both sides must have in common. */
  key: string;
  role: 'payment' | 'document';
  /** When the money moved, ISO 8601 UTC. */
  at: string;
}

/** How far apart the two may lie, inclusive. */
export const HINT_WINDOW_MS = 3_600_000;

/** The hint that a single sale may turn out to give; null: none, whatever else is known of its order. */
export function hintOfSale(sale: FactOf<'sale'>): Hint | null {
  const role = roleOf(sale);
  if (role === null || !('minor' in sale.gross) || sale.gross.currency === null) return null;
  const customer = sale.customer?.refs.find((ref) => customerRef.test(ref));
  if (customer === undefined) return null;
  return { key: `${customer} ${sale.gross.currency} ${sale.gross.minor}`, role, at: sale.occurredAt };
}

/** The hint of an order as its own facts and references know it: that of the sale which counts, while nothing links it. */
export function hintOf(state: OrderState): Hint | null {
  const refs = new Set([...state.values()].flatMap(({ fact }) => fact.refs));
  const linked = [...refs].some((ref) => paymentRef.test(ref)) && [...refs].some((ref) => invoiceRef.test(ref));
  if (linked) return null;
  const counted = summarize(state, 'USD').payment?.factId;
  const sale = counted === undefined ? undefined : state.get(counted)?.fact;
  return sale?.type === 'sale' ? hintOfSale(sale) : null;
}

/** An order, or the part of one that hints join, as the matching sees it. */
export interface Hinted {
  id: string;
  /** The least of its own references. */
  reference: string;
  hint: Hint;
}

/**
 * Pairs payments with documents of the same key: the nearest in time first, each once. A pure function of the set, so the
 * same orders pair the same way in whatever order they became known. `all` must hold every order that lies within the
 * window of another of them.
 */
export function matchHints(all: Hinted[]): [payment: Hinted, document: Hinted][] {
  const byKey = new Map<string, Hinted[]>();
  for (const one of all) byKey.set(one.hint.key, [...(byKey.get(one.hint.key) ?? []), one]);
  const pairs: [Hinted, Hinted][] = [];
  for (const pool of byKey.values()) {
    const candidates = pool
      .filter(({ hint }) => hint.role === 'payment')
      .flatMap((payment) =>
        pool
          .filter(({ hint }) => hint.role === 'document')
          .map((document) => ({ payment, document, apartMs: apart(payment, document) })),
      )
      .filter(({ apartMs }) => apartMs <= HINT_WINDOW_MS)
      .sort(
        (a, b) =>
          a.apartMs - b.apartMs ||
          compareText(a.payment.hint.at, b.payment.hint.at) ||
          compareText(a.payment.reference, b.payment.reference) ||
          compareText(a.document.reference, b.document.reference),
      );
    const taken = new Set<Hinted>();
    for (const { payment, document } of candidates) {
      if (taken.has(payment) || taken.has(document)) continue;
      taken.add(payment).add(document);
      pairs.push([payment, document]);
    }
  }
  return pairs;
}

function roleOf(sale: FactOf<'sale'>): Hint['role'] | null {
  if (sale.document === 'payment') return 'payment';
  // A session of a subscription names its invoice and speaks for it where invoice.paid is not switched on.
  return sale.document === 'invoice' || (sale.document === 'checkout' && sale.phase === 'subscription')
    ? 'document'
    : null;
}

function apart(a: Hinted, b: Hinted): number {
  return Math.abs(Date.parse(a.hint.at) - Date.parse(b.hint.at));
}

const customerRef = /^stripe:(?:acct_\w+:)?cus_/;
const paymentRef = /^stripe:(?:acct_\w+:)?(?:pi|ch|py)_/;
// A payment that names its session alone may still turn out to be of an invoice; with a one-off session it is its sale.
const invoiceRef = /^stripe:(?:acct_\w+:)?~?in_/;
