import { z } from 'zod';
import type { Fact } from '../../domain/facts.ts';
import { toPayment } from './amounts.ts';
import { readEvidence } from './evidence.ts';
import { PURCHASE } from './goal.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { readObject, toBeginning, type Reading, type StripeMessage } from './message.ts';
import { toCustomer, toFactId, toRef, toRefs } from './references.ts';
import {
  arrayOf,
  customerFields,
  discount,
  discounts,
  expandable,
  metadata,
  optionalInteger,
  optionalText,
  optionalWord,
  orAbsent,
  requiredWord,
} from './schemas.ts';

/** Checkout sessions (docs.stripe.com/api/checkout/sessions/object, read 2026-11); the same in all API versions. */
const session = z.object({
  id: requiredWord,
  created: optionalInteger,
  mode: optionalWord,
  payment_status: optionalWord,
  amount_total: optionalInteger,
  currency: optionalWord,
  total_details: orAbsent(
    z.object({
      amount_tax: optionalInteger,
      breakdown: orAbsent(z.object({ discounts: arrayOf(z.object({ discount })) }), null),
    }),
    null,
  ),
  ...customerFields,
  customer_details: orAbsent(z.object({ email: optionalText }), null),
  customer_email: optionalText,
  client_reference_id: optionalText,
  payment_intent: expandable,
  invoice: expandable,
  subscription: expandable,
  metadata,
  discounts,
});
type Session = z.infer<typeof session>;

/** `checkout.session.completed`: a sale when paid, a lead when it is still to be paid or costs nothing (yet). */
export function readCheckoutCompleted(message: StripeMessage): Reading {
  const read = readObject(session, message);
  if (read.mode === 'setup') return { ignored: 'A setup session saves a payment method and moves no money' };
  switch (read.payment_status) {
    case 'paid':
      return [toSaleOrLead(message, read)];
    // An asynchronous method (a bank debit, a voucher): async_payment_succeeded tells when the money is there.
    case 'unpaid':
    // A trial, or a payment at a later date.
    case 'no_payment_required':
      return [toLead(message, read)];
    default:
      throw new UnreadableMessage(`${message.type}: payment_status: '${read.payment_status}' is not known`);
  }
}

/** `checkout.session.async_payment_succeeded`: the sale that `completed` announced as unpaid. */
export function readAsyncPayment(message: StripeMessage): Reading {
  return [toSaleOrLead(message, readObject(session, message))];
}

function toSaleOrLead(message: StripeMessage, read: Session): Fact {
  if (read.amount_total === null) throw new UnreadableMessage(`${message.type}: amount_total: missing`);
  if (read.amount_total === 0) return toLead(message, read);
  if (read.currency === null) throw new UnreadableMessage(`${message.type}: currency: missing`);
  const tax = read.total_details?.amount_tax ?? 0;
  const { gross, net } = toPayment(read.amount_total, read.currency, { total: read.amount_total, tax });
  const facts = common(message, read);
  const phase = facts.subscription === null && read.mode !== 'subscription' ? 'one_off' : 'subscription';
  return { ...facts, type: 'sale', document: 'checkout', gross, net, phase };
}

function toLead(message: StripeMessage, read: Session): Fact {
  return { ...common(message, read), type: 'lead' };
}

function common(message: StripeMessage, read: Session) {
  const { account } = message;
  const subscription = read.subscription?.id ?? null;
  const breakdown = read.total_details?.breakdown?.discounts ?? [];
  return {
    id: toFactId(account, message.type, read.id),
    refs: toRefs(account, [read.id, read.payment_intent?.id, read.invoice?.id]),
    occurredAt: message.occurredAt,
    ...toBeginning(message, message.occurredAt, read.created),
    customer: toCustomer(account, read, subscription, read.customer_details?.email, read.customer_email),
    evidence: readEvidence({
      metadata: [
        read.metadata,
        ...[read.payment_intent, read.subscription, read.invoice].map((each) => each?.metadata ?? {}),
      ],
      clientReferenceId: read.client_reference_id,
      discounts: [...read.discounts, ...breakdown.map((each) => each.discount)],
    }),
    subscription: subscription === null ? null : toRef(account, subscription),
    goal: PURCHASE,
  };
}
