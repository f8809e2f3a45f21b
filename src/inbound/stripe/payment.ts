import { z } from 'zod';
import { toPayment } from './amounts.ts';
import { readEvidence } from './evidence.ts';
import { PURCHASE } from './goal.ts';
import { readObject, type Reading, type StripeMessage } from './message.ts';
import { readOrderReference, toCustomer, toFactId, toOrderReferenceRefs, toRefs } from './references.ts';
import {
  customerFields,
  expandable,
  listOf,
  metadata,
  optionalInteger,
  optionalText,
  orAbsent,
  requiredInteger,
  requiredWord,
} from './schemas.ts';

const billingDetails = orAbsent(z.object({ email: optionalText }), null);

/** Payment intents (docs.stripe.com/api/payment_intents/object, read 2026-11) of both shapes. */
const paymentIntent = z.object({
  id: requiredWord,
  amount: optionalInteger,
  amount_received: requiredInteger,
  amount_details: orAbsent(z.object({ tax: orAbsent(z.object({ total_tax_amount: optionalInteger }), null) }), null),
  currency: requiredWord,
  ...customerFields,
  receipt_email: optionalText,
  metadata,
  /** Up to acacia. */
  invoice: expandable,
  latest_charge: expandable,
  /** Before 2022-11-15, in place of latest_charge. */
  charges: listOf(z.object({ id: requiredWord, billing_details: billingDetails })),
  payment_details: orAbsent(z.object({ order_reference: optionalText }), null),
});

/** Charges (docs.stripe.com/api/charges/object, read 2026-11) of both shapes. */
const charge = z.object({
  id: requiredWord,
  payment_intent: expandable,
  /** Up to acacia. */
  invoice: expandable,
  ...customerFields,
  receipt_email: optionalText,
  billing_details: billingDetails,
  metadata,
});

/**
 * `payment_intent.succeeded`: a sale, unless it says which invoice it pays; then the invoice is the sale and this only
 * links. Up to acacia `invoice` says so; later versions only sometimes, by `payment_details.order_reference`. One that
 * does not say is a sale of the least authority, until something joins it with its invoice or session.
 */
export function readPaymentIntent(message: StripeMessage): Reading {
  const read = readObject(paymentIntent, message);
  const { account } = message;
  const orderReference = readOrderReference(read.payment_details?.order_reference ?? null);
  const charges = read.charges.map((each) => each.id);
  const facts = {
    id: toFactId(account, message.type, read.id, read.invoice?.id ?? orderReference),
    refs: [
      ...new Set([
        ...toRefs(account, [read.id, read.latest_charge?.id, ...charges, read.invoice?.id]),
        ...toOrderReferenceRefs(account, orderReference),
      ]),
    ],
    occurredAt: message.occurredAt,
    customer: toCustomer(
      account,
      read,
      null,
      read.receipt_email,
      ...read.charges.map((each) => each.billing_details?.email),
    ),
    evidence: readEvidence({
      metadata: [read.metadata, read.invoice?.metadata ?? {}, read.latest_charge?.metadata ?? {}],
    }),
  };
  if (read.invoice !== null || orderReference?.startsWith('in_')) return [{ ...facts, type: 'link' }];
  if (read.amount_received === 0) return { ignored: 'The payment intent succeeded without money' };
  const { gross, net } = toPayment(read.amount_received, read.currency, {
    total: read.amount ?? read.amount_received,
    tax: read.amount_details?.tax?.total_tax_amount ?? 0,
  });
  return [
    { ...facts, type: 'sale', document: 'payment', gross, net, phase: 'one_off', subscription: null, goal: PURCHASE },
  ];
}

/** `charge.succeeded` and `charge.captured`: confirm and link; a charge is never a sale by itself. */
export function readCharge(message: StripeMessage): Reading {
  const read = readObject(charge, message);
  const { account } = message;
  return [
    {
      type: 'link',
      id: toFactId(account, message.type, read.id, read.invoice?.id),
      refs: toRefs(account, [read.id, read.payment_intent?.id, read.invoice?.id]),
      occurredAt: message.occurredAt,
      customer: toCustomer(account, read, null, read.receipt_email, read.billing_details?.email),
      evidence: readEvidence({ metadata: [read.metadata, read.payment_intent?.metadata ?? {}] }),
    },
  ];
}
