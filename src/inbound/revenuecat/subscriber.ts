import { emailPattern } from '../../domain/email.ts';
import type { Evidence, FactCustomer } from '../../domain/facts.ts';
import { isStorable } from '../../domain/storable-text.ts';
import { customerRef } from '../fields/references.ts';
import type { Alias, Purchase } from './schemas.ts';

/** An account with more aliases is shared by many people. The ids that the event itself names come first. */
const MAX_ALIASES = 100;

const MAX_LENGTH = 255;

/**
 * References of a subscriber by all ids that an event knows. Ids that the app gave itself are mostly the merchant's own
 * user ids, as are the callers' ids of the JSON API; anonymous ones are RevenueCat's. `scope` keeps a source's ids to
 * itself. The subscription's first transaction finds a user who came under another id.
 */
export function toSubscriber(
  ids: readonly (string | null)[],
  subscription: string | null,
  email: string | null,
  scope: string | null,
): FactCustomer | null {
  const known = [...new Set(ids)].filter((id) => id !== null).slice(0, MAX_ALIASES);
  const refs = known.flatMap((id) => toUserRefs(id, scope));
  if (subscription !== null) refs.push(subscription);
  return refs.length === 0 && email === null ? null : { refs, email };
}

export function subscriberIds(event: Purchase | Alias): (string | null)[] {
  return [event.app_user_id, event.original_app_user_id, ...event.aliases];
}

/**
 * Who referred the subscriber, by the attributes that Stripe's metadata has too. Null and '' mean that the app cleared
 * the attribute (www.revenuecat.com/docs/customers/customer-attributes, read 2026-11).
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
  return evidence;
}

export function readEmail(event: Purchase | Alias): string | null {
  const email = readAttribute(event.subscriber_attributes, '$email')?.toLowerCase() ?? null;
  return email !== null && emailPattern.test(email) ? email : null;
}

function toUserRefs(id: string, scope: string | null): string[] {
  if (scope !== null) return [`rc:${scope}:${id}`];
  return id.startsWith('$RCAnonymousID:') ? [`rc:${id}`] : [`rc:${id}`, customerRef(id)];
}

/** An unusable attribute (of another type, too long) is ignored: it must not hold up the money. */
function readAttribute(attributes: Record<string, unknown>, name: string): string | null {
  const value = attributes[name];
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const usable = text !== '' && text.length <= MAX_LENGTH && isStorable(text);
  return usable ? text : null;
}
