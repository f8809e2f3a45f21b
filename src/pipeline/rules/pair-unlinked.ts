import type { FactOf } from '../../domain/facts.ts';
import { compareText } from '../../domain/orderings.ts';
import type { FactSet } from './order-facts.ts';
import { summarize } from './summarize.ts';

/**
 * From basil on Stripe's webhooks may name no link between an invoice and the payment intent that paid it
 * (github.com/stripe/stripe-dotnet/issues/3149, read 2026-11). A payment intent and an invoice of one account, customer,
 * currency and amount, within an hour of each other, are then taken for one order, as long as nothing says otherwise:
 * which two are one is computed from all of them each time, and a link that arrives later decides.
 */
export interface Pairing {
  /** Customer (scoped by the account), currency and amount: what both sides must have in common. */
  key: string;
  role: 'payment' | 'document';
  /** When the money moved, ISO 8601 UTC. */
  at: string;
}

/** How far apart the two may lie, inclusive. */
export const PAIRING_WINDOW_MS = 3_600_000;

/**
 * How a single sale may turn out to be paired; null: not at all, whatever else is known of its order. A sale that stands alone,
 * paid out of band or without any invoice by its own word, has no other half.
 */
export function pairingOfSale(sale: FactOf<'sale'>): Pairing | null {
  const role = roleOf(sale);
  if (role === null || sale.standsAlone || !('minor' in sale.gross) || sale.gross.currency === null) return null;
  const customer = sale.customer?.refs.find((ref) => customerRef.test(ref));
  if (customer === undefined) return null;
  return { key: `${customer} ${sale.gross.currency} ${sale.gross.minor}`, role, at: sale.occurredAt };
}

/** How an order may be paired, by the sale of it that counts; null where a link is known already. */
export function pairingOf(facts: FactSet): Pairing | null {
  const refs = new Set([...facts.values()].flatMap(({ fact }) => fact.refs));
  const linked = [...refs].some((ref) => paymentRef.test(ref)) && [...refs].some((ref) => invoiceRef.test(ref));
  if (linked) return null;
  const counted = summarize(facts, 'USD').payment?.factId;
  const sale = counted === undefined ? undefined : facts.get(counted)?.fact;
  return sale?.type === 'sale' ? pairingOfSale(sale) : null;
}

/** An order that nothing links to another one yet. */
export interface UnlinkedOrder {
  id: string;
  /** The first of its references. */
  reference: string;
  pairing: Pairing;
}

/**
 * Pairs payments with documents of the same key: the nearest in time first, each once. A pure function of the set, so the
 * same orders pair the same way in whatever order they became known. `all` must hold every order that lies within the
 * window of another of them.
 */
export function pairUnlinked(all: UnlinkedOrder[]): [payment: UnlinkedOrder, document: UnlinkedOrder][] {
  const byKey = new Map<string, UnlinkedOrder[]>();
  for (const one of all) byKey.set(one.pairing.key, [...(byKey.get(one.pairing.key) ?? []), one]);
  const pairs: [UnlinkedOrder, UnlinkedOrder][] = [];
  for (const orders of byKey.values()) {
    const documents = orders.filter(({ pairing }) => pairing.role === 'document');
    const candidates = orders
      .filter(({ pairing }) => pairing.role === 'payment')
      .flatMap((payment) => documents.map((document) => ({ payment, document, apartMs: msBetween(payment, document) })))
      .filter(({ apartMs }) => apartMs <= PAIRING_WINDOW_MS)
      .sort(
        (a, b) =>
          a.apartMs - b.apartMs ||
          compareText(a.payment.pairing.at, b.payment.pairing.at) ||
          compareText(a.payment.reference, b.payment.reference) ||
          compareText(a.document.reference, b.document.reference),
      );
    const paired = new Set<UnlinkedOrder>();
    for (const { payment, document } of candidates) {
      if (paired.has(payment) || paired.has(document)) continue;
      paired.add(payment).add(document);
      pairs.push([payment, document]);
    }
  }
  return pairs;
}

function roleOf(sale: FactOf<'sale'>): Pairing['role'] | null {
  if (sale.document === 'payment') return 'payment';
  // A session of a subscription names its invoice and speaks for it where invoice.paid is not switched on.
  return sale.document === 'invoice' || (sale.document === 'checkout' && sale.phase === 'subscription')
    ? 'document'
    : null;
}

function msBetween(a: UnlinkedOrder, b: UnlinkedOrder): number {
  return Math.abs(Date.parse(a.pairing.at) - Date.parse(b.pairing.at));
}

const customerRef = /^stripe:(?:acct_\w+:)?cus_/;
const paymentRef = /^stripe:(?:acct_\w+:)?(?:pi|ch|py)_/;
// A payment that names its session alone may still turn out to be of an invoice; with a one-off session it is its sale.
const invoiceRef = /^stripe:(?:acct_\w+:)?~?in_/;
