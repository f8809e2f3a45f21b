import { emailPattern } from '../../domain/email.ts';
import type { Evidence, FactCustomer } from '../../domain/facts.ts';
import { isStorable } from '../../domain/storable-text.ts';
import { customerRef } from '../fields/references.ts';
import type { Alias, Purchase, Transfer } from './schemas.ts';

/** An account with more aliases is shared by many people. The ids that the event itself names come first. */
const MAX_ALIASES = 100;

const MAX_LENGTH = 255;

/**
 * References of a subscriber by the ids of one person, as `subscriberIds` and `receiverIds` tell them. Ids that the app gave
 * itself are mostly the merchant's own user ids, as are the callers' ids of the JSON API; anonymous ones are RevenueCat's.
 * `scope` keeps a source's ids to itself. No subscription is among them: a store account is shared, and what it bought moves
 * from user to user.
 */
export function toSubscriber(ids: readonly string[], email: string | null, scope: string | null): FactCustomer | null {
  const refs = ids.slice(0, MAX_ALIASES).flatMap((id) => toUserRefs(id, scope));
  return refs.length === 0 && email === null ? null : { refs, email };
}

/**
 * The ids of the person that the event is about: the user that it names, and anonymous ids. An identified id among the
 * aliases is another person's, unless nothing else identifies this one. Where there are several, the event does not say whose
 * the anonymous ids are.
 */
export function subscriberIds(event: Purchase | Alias): string[] {
  const [user = null, ...aliases] = unique([event.app_user_id, event.original_app_user_id, ...event.aliases]);
  if (user === null) return [];
  const known = [user, ...aliases];
  const identified = known.filter((id) => !isAnonymous(id));
  return identified.length > 1 ? [user] : known;
}

/**
 * The ids of the receiver of a transfer, by the same rule: with those of the giver only where the giver was anonymous, else
 * a subscription went from one person to another.
 */
export function receiverIds({ transferred_from: from, transferred_to: to }: Transfer): string[] {
  const giver = unique(from);
  const receiver = unique([...to, ...(giver.every(isAnonymous) ? giver : [])]);
  return receiver.filter((id) => !isAnonymous(id)).length > 1 ? [] : receiver;
}

function unique(ids: readonly (string | null)[]): string[] {
  return [...new Set(ids)].filter((id) => id !== null);
}

function isAnonymous(id: string): boolean {
  return id.startsWith('$RCAnonymousID:');
}

/**
 * Who referred the subscriber, by the attributes that Stripe's metadata has too. Null and '' mean that the app cleared
 * the attribute (www.revenuecat.com/docs/customers/customer-attributes, read 2026-11). An offer code of a store is a coupon.
 */
export function toEvidence(event: Purchase | Alias, campaignAsCoupon: boolean): Evidence {
  const attributes = event.subscriber_attributes;
  const evidence: Evidence = {};
  const affiliate = readAttribute(attributes, 'affiliate_id');
  const click = readAttribute(attributes, 'click_id') ?? readAttribute(attributes, 'affiliate_session_id');
  const campaign = campaignAsCoupon ? readAttribute(attributes, '$campaign') : null;
  const coupon = readAttribute(attributes, 'coupon_code') ?? campaign;
  if (affiliate !== null) evidence.affiliate = affiliate;
  if (click !== null) evidence.clickId = click;
  if (coupon !== null) evidence.couponCode = coupon;
  if ('offer_code' in event && event.offer_code !== null) evidence.discounts = [event.offer_code];
  return evidence;
}

export function readEmail(event: Purchase | Alias): string | null {
  const email = readAttribute(event.subscriber_attributes, '$email')?.toLowerCase() ?? null;
  return email !== null && emailPattern.test(email) ? email : null;
}

function toUserRefs(id: string, scope: string | null): string[] {
  if (scope !== null) return [`rc:${scope}:${id}`];
  return isAnonymous(id) ? [`rc:${id}`] : [`rc:${id}`, customerRef(id)];
}

/** An unusable attribute (of another type, too long) is ignored: it must not hold up the money. */
function readAttribute(attributes: Record<string, unknown>, name: string): string | null {
  const value = attributes[name];
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const usable = text !== '' && text.length <= MAX_LENGTH && isStorable(text);
  return usable ? text : null;
}
