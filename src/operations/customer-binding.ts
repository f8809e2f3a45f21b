import { AppError } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import type { Inbox } from '../inbound/inbox/inbox.ts';
import type { Customer } from '../ledger/customers.ts';
import type { Affiliate } from '../program/affiliates.ts';
import { describeChange } from '../program/audited-changes.ts';
import type { Offer } from '../program/offers.ts';
import { nameActor } from './adjustments.ts';
import { refuseInactive, type DecidingCall } from './conversion-correction.ts';
import { normalizeRebinding } from './correction-facts.ts';

export interface BindingInput {
  affiliate: Affiliate;
  /** Null: the one that they are bound to, else the program's default. */
  offer: Offer | null;
  since: Date;
  reason: string;
}

export type BindingResult = { kind: 'bound' } | { kind: 'processing'; inboxEventId: string };

/**
 * Binds a customer to an affiliate for what they buy from `since` on: recorded like any other message. Their other orders are
 * settled again from it; what names an affiliate of its own, or was clicked for, stays whose it is. Throws CONFLICT where the
 * customer turned out to be another, and for an affiliate to whom nothing can be credited.
 */
export async function rebindCustomer(
  { inbox }: { inbox: Inbox },
  scope: Scope,
  customer: Customer,
  { affiliate, offer, since, reason }: BindingInput,
  { actor, raw, headers, receivedAt, callId }: DecidingCall,
): Promise<BindingResult> {
  if (customer.mergedInto !== null) {
    throw new AppError('CONFLICT', `The customer turned out to be ${customer.mergedInto}: bind that one`);
  }
  refuseInactive(affiliate);
  const binding = {
    affiliateId: affiliate.id,
    offerId: offer?.id ?? customer.offerId,
    since,
    reason,
    by: nameActor(actor),
  };
  const { id, settled } = await inbox.appendAndWait({
    programId: scope.programId,
    sourceId: null,
    kind: 'decision',
    raw,
    headers,
    normalized: normalizeRebinding({ reference: referenceOf(customer), livemode: scope.livemode }, binding, {
      decidedAt: receivedAt,
      callId,
    }),
    receivedAt,
    audited: {
      actor,
      changes: describeChange(
        { type: 'customer', id: customer.id },
        { affiliateId: customer.affiliateId, offerId: customer.offerId },
        { affiliateId: affiliate.id, offerId: binding.offerId, since: since.toISOString(), reason },
        { action: 'bound' },
      ),
    },
  });
  return settled === null || settled.outcome === 'failed'
    ? { kind: 'processing', inboxEventId: id }
    : { kind: 'bound' };
}

/** One by which the customer is found: an id, else their e-mail. */
function referenceOf({ id, references, email }: Customer): { ref: string } | { email: string } {
  const ref = references.find((one) => !one.startsWith('email:'));
  if (ref !== undefined) return { ref };
  const known = references[0]?.slice('email:'.length) ?? email;
  if (known === null || known === undefined) throw new Error(`nothing is known that names the customer ${id}`);
  return { email: known };
}
