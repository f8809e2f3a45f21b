import { hash } from 'node:crypto';
import type { Fact } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';

/** A Stripe id of an order, after that of its connected account where there is one: ids are unique within an account. */
const stripeOrderId = /^(acct_[A-Za-z0-9]+:)?((?:pi|ch|py|cs|in)_[A-Za-z0-9_]+)$/;

/**
 * The references of an order by the sender's order id. A Stripe id means the same to everybody, so a call that names one and
 * Stripe's webhook of the same payment are about one order; Stripe itself cuts some ids to 25 characters.
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

/** The reference of a subscription by the sender's own id, which may be Stripe's; scoped as order ids are. */
export function subscriptionRef(id: string, scope: string | null = null): string {
  if (/^(?:acct_[A-Za-z0-9]+:)?sub_\w+$/.test(id)) return `stripe:${id}`;
  return scope === null ? `sub:${id}` : `sub:${scope}:${id}`;
}

/** The id that a stored message's facts were given where the sender named none; undefined where it did. */
export function callIdOf(facts: readonly Fact[]): string | undefined {
  const ids = facts.flatMap((fact) => [fact.id, ...fact.refs, fact.type === 'refund' ? fact.refundId : '']);
  return ids.find((id) => id.startsWith('call:'))?.slice('call:'.length);
}

/** A reference of the call's own, where the sender gave nothing by which a repeat could be known. */
export function callRef(context: { callId?: string | undefined }): string {
  return `call:${context.callId ?? newId('ibx').slice('ibx_'.length)}`;
}

/** An id that the same meaning always gives, so that a repeated message adds nothing. */
export function digestId(prefix: string, meaning: unknown): string {
  return `${prefix}:${hash('sha256', JSON.stringify(meaning), 'base64url').slice(0, 32)}`;
}
