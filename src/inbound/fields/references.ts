import { hash } from 'node:crypto';
import type { Fact } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';

/** A Stripe id of an order; of a connected account's with that in front, since its ids are unique within it. */
const stripeOrderId = /^(acct_[A-Za-z0-9]+:)?((?:pi|ch|py|cs|in)_[A-Za-z0-9_]+)$/;

/**
 * The references by which an order id of the sender's own names an order. Stripe's ids mean the same to everybody, so a
 * call that carries one meets Stripe's webhook of the same payment; Stripe itself cuts some of them to 25 characters.
 */
export function orderRefs(orderId: string, scope: string | null): string[] {
  const [, account = '', id] = stripeOrderId.exec(orderId) ?? [];
  if (id === undefined) return [scope === null ? `order:${orderId}` : `order:${scope}:${orderId}`];
  const ref = `stripe:${account}${id}`;
  return /^(?:cs|in)_/.test(id) ? [ref, `stripe:${account}~${id.slice(0, 25)}`] : [ref];
}

/** The reference of a customer by the sender's own id, which may be Stripe's. */
export function customerRef(id: string): string {
  return /^(?:acct_[A-Za-z0-9]+:)?cus_[A-Za-z0-9_]+$/.test(id) ? `stripe:${id}` : `id:${id}`;
}

/** The reference of a subscription by the sender's own id, which may be Stripe's. */
export function subscriptionRef(id: string): string {
  return /^sub_\w+$/.test(id) ? `stripe:${id}` : `sub:${id}`;
}

/** The id that a stored message's facts were given where the sender named none; undefined where it did. */
export function callIdOf(facts: readonly Fact[]): string | undefined {
  const ids = facts.flatMap((fact) => [fact.id, ...fact.refs, fact.type === 'refund' ? fact.refundId : '']);
  return ids.find((id) => id.startsWith('call:'))?.slice('call:'.length);
}

/** A reference of this call's own, where the sender gave none by which a repeat could be known. */
export function callRef(context: { callId?: string | undefined }): string {
  return `call:${context.callId ?? newId('ibx').slice('ibx_'.length)}`;
}

/** An id that the same meaning always gives, so that a repeated message adds nothing. */
export function digestId(prefix: string, meaning: unknown): string {
  return `${prefix}:${hash('sha256', JSON.stringify(meaning), 'base64url').slice(0, 32)}`;
}
