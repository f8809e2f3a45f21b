import type { FactCustomer } from '../../domain/facts.ts';
import type { Expandable } from './schemas.ts';

/** The customer, ordinary and of Accounts v2, as `customerFields` reads them. */
interface CustomerNames {
  customer: Expandable;
  customer_account: Expandable;
}

/**
 * `payment_details.order_reference` is documented as the card networks' order number, cut to 25 characters for them;
 * late-2025 payloads show the invoice or session id cut to that length. A whole id matches by itself, a cut one by this.
 */
const CUT_LENGTH = 25;

/** A Stripe id as the hub refers to it: `stripe:pi_1`, with Connect `stripe:acct_9:pi_1`. */
export function toRef(account: string | null, id: string): string {
  return account === null ? `stripe:${id}` : `stripe:${account}:${id}`;
}

/**
 * References of an order by all ids of it that a message names (`null`s are passed over). Invoices and sessions are
 * also known by their first 25 characters.
 */
export function toRefs(account: string | null, ids: (string | null | undefined)[]): string[] {
  const refs = new Set<string>();
  for (const id of ids) {
    if (!id) continue;
    refs.add(toRef(account, id));
    if (isDocumentId(id)) refs.add(toRef(account, cut(id)));
  }
  return [...refs];
}

/** The invoice or session (perhaps cut) that an `order_reference` names; merchants may set one of their own: null. */
export function readOrderReference(text: string | null): string | null {
  return text !== null && isDocumentId(text) ? text : null;
}

/** References by an order reference as `readOrderReference` gives it. At 25 characters it may be cut, and names nothing whole. */
export function toOrderReferenceRefs(account: string | null, orderReference: string | null): string[] {
  if (orderReference === null) return [];
  if (orderReference.length === CUT_LENGTH) return [toRef(account, cut(orderReference))];
  return toRefs(account, [orderReference]);
}

/** The customer by every id known of them; the e-mail lower-cased. Null where the message knows none of it. */
export function toCustomer(
  account: string | null,
  names: CustomerNames,
  subscription: string | null,
  ...emails: (string | null | undefined)[]
): FactCustomer | null {
  const ids = [names.customer?.id, names.customer_account?.id, subscription].filter(
    (id) => id !== null && id !== undefined,
  );
  const email = emails.find((each) => each !== null && each !== undefined)?.toLowerCase() ?? null;
  if (ids.length === 0 && email === null) return null;
  return { refs: ids.map((id) => toRef(account, id)), email };
}

/**
 * A fact's id, the same for every message that says the same: `stripe:invoice.paid:in_1`. `also` are the further ids
 * that make two messages about one object differ (an endpoint of an older API version names the payment, too).
 */
export function toFactId(
  account: string | null,
  says: string,
  id: string,
  ...also: (string | null | undefined)[]
): string {
  const further = also.filter((each) => each !== null && each !== undefined);
  return [toRef(account, says), id, ...further].join(':');
}

function isDocumentId(text: string): boolean {
  return /^(in|cs)_[A-Za-z0-9_]{1,250}$/.test(text);
}

function cut(id: string): string {
  return `~${id.slice(0, CUT_LENGTH)}`;
}
