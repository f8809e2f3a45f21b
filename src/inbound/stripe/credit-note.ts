import { z } from 'zod';
import type { Fact } from '../../domain/facts.ts';
import { toAmount } from './amounts.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { readObject, stateAt, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toFactId, toRef, toRefs } from './references.ts';
import {
  arrayOf,
  expandable,
  optionalInteger,
  optionalWord,
  orAbsent,
  requiredInteger,
  requiredWord,
} from './schemas.ts';

/** Credit notes (docs.stripe.com/api/credit_notes/object, read 2026-11) of both shapes. */
const creditNote = z.object({
  id: requiredWord,
  amount: requiredInteger,
  currency: requiredWord,
  created: requiredInteger,
  invoice: expandable,
  status: optionalWord,
  type: optionalWord,
  out_of_band_amount: optionalInteger,

  // Up to acacia: one refund, by its id or whole.
  refund: orAbsent(
    z.union([
      requiredWord.transform((id) => ({ id, amount: null })),
      z.object({ id: requiredWord, amount: optionalInteger }),
    ]),
    null,
  ),

  // Newer versions.
  post_payment_amount: optionalInteger,
  refunds: arrayOf(z.object({ refund: expandable, amount_refunded: requiredInteger })),
});
type CreditNote = z.infer<typeof creditNote>;

/**
 * `credit_note.created|updated|voided`: money given back for a paid invoice, outside of Stripe or to the customer's balance,
 * has no refund object; the note is the refund, by its own id. What it carries of refunds is told by those. The status
 * decides, whichever event tells it.
 */
export function readCreditNote(message: StripeMessage): Reading {
  const read = readObject(creditNote, message);
  const { account } = message;
  const afterPayment = amountAfterPayment(read);
  if (afterPayment === 0)
    return { ignored: 'The credit note lowers an invoice that was not paid yet: no money has moved' };
  const amount = afterPayment - carriedRefunds(read, afterPayment);
  if (amount <= 0) return { ignored: 'The credit note gives back no more than the refunds that it carries' };
  if (read.invoice === null) throw new UnreadableMessage(`${message.type}: invoice: missing`);
  const common = {
    refs: toRefs(account, [read.invoice.id]),
    occurredAt: toInstant(read.created, message.receivedAt),
    customer: null,
    evidence: {},
    refundId: read.id,
  };
  const made: Fact = {
    ...common,
    type: 'refund',
    id: toFactId(account, 'credit_note', read.id, String(amount)),
    amount: toAmount(amount, read.currency),
    // A payment by itself: no charge's cumulative figure has any of it.
    paymentRef: toRef(account, read.id),
  };
  if (read.status !== 'void') return [made];
  const id = toFactId(account, 'credit_note_voided', read.id, stateAt(message));
  return [made, { ...common, type: 'refund_failed', id, statedAt: message.occurredAt }];
}

/** Newer versions split a note that is partly from before the payment; in older ones it is wholly one or the other. */
function amountAfterPayment(read: CreditNote): number {
  return read.post_payment_amount ?? (read.type === 'pre_payment' ? 0 : read.amount);
}

/**
 * What of the note its refunds tell. Refunds outside of Stripe (payment records) have no events, and count with the note.
 * Up to acacia a refund is mostly known by id alone: it is what remains of the note without what went outside of Stripe;
 * where a part of unknown size went to the balance as well, only what went outside of Stripe is sure to be no refund.
 */
function carriedRefunds(read: CreditNote, afterPayment: number): number {
  const listed = read.refunds.reduce((sum, each) => sum + (each.refund === null ? 0 : each.amount_refunded), 0);
  if (listed > 0 || read.refund === null) return listed;
  return read.refund.amount ?? afterPayment - (read.out_of_band_amount ?? 0);
}
