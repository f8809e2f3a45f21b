import { z } from 'zod';
import { toPayment } from './amounts.ts';
import { readEvidence } from './evidence.ts';
import { PURCHASE } from './goal.ts';
import { lacks, readObject, saysNone, toBeginning, type Reading, type StripeMessage } from './message.ts';
import { readOrderReference, toCustomer, toFactId, toOrderReferenceRefs, toRefs } from './references.ts';
import { chargeAmounts, listedRefunds, toReleaseFact } from './release.ts';
import {
  customerFields,
  expandable,
  listOf,
  metadata,
  optionalInteger,
  optionalText,
  optionalWord,
  orAbsent,
  requiredInteger,
  requiredWord,
} from './schemas.ts';

const billingDetails = orAbsent(z.object({ email: optionalText }), null);

/** Payment intents (docs.stripe.com/api/payment_intents/object, read 2026-11) of both shapes. */
const paymentIntent = z.object({
  id: requiredWord,
  created: optionalInteger,
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
  charges: listOf(z.object({ id: requiredWord, billing_details: billingDetails, refunds: listedRefunds })),
  payment_details: orAbsent(z.object({ order_reference: optionalText }), null),
});

/** Charges (docs.stripe.com/api/charges/object, read 2026-11) of both shapes. */
const charge = z.object({
  id: requiredWord,
  created: optionalInteger,
  ...chargeAmounts,
  currency: optionalWord,
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
 * does not say is a sale of the least authority, until something joins it with its invoice or session; where it says that
 * it has no invoice, no invoice of the same amount is taken for its. What its charge lists as refunded by then is what the
 * capture released.
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
    ...toBeginning(message, message.occurredAt, read.created),
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
  const releases = read.charges.flatMap((each) =>
    each.refunds.data.map((release) => toReleaseFact(message, release, [each.id, read.id])),
  );
  if (read.invoice !== null || orderReference?.startsWith('in_')) return [{ ...facts, type: 'link' }, ...releases];
  if (read.amount_received === 0) return { ignored: 'The payment intent succeeded without money' };
  const { gross, net } = toPayment(read.amount_received, read.currency, {
    total: read.amount ?? read.amount_received,
    tax: read.amount_details?.tax?.total_tax_amount ?? 0,
  });
  const standsAlone = saysNone(message, 'invoice') ? { standsAlone: true as const } : {};
  return [{ ...facts, ...oneOff, gross, net, ...standsAlone }, ...releases];
}

/** A payment that no invoice is about. */
const oneOff = {
  type: 'sale',
  document: 'payment',
  phase: 'one_off',
  subscription: null,
  goal: PURCHASE,
} as const;

/**
 * `charge.succeeded` and `charge.captured`: confirm and link. A charge is a sale by itself only where it has neither payment
 * intent nor invoice (made by the Charges API), once it is captured. What it lists as refunded when it is captured is what
 * the capture released.
 */
export function readCharge(message: StripeMessage): Reading {
  const read = readObject(charge, message);
  const { account } = message;
  const facts = {
    id: toFactId(account, message.type, read.id, read.invoice?.id),
    refs: toRefs(account, [read.id, read.payment_intent?.id, read.invoice?.id]),
    occurredAt: message.occurredAt,
    ...toBeginning(message, message.occurredAt, read.created),
    customer: toCustomer(account, read, null, read.receipt_email, read.billing_details?.email),
    evidence: readEvidence({ metadata: [read.metadata, read.payment_intent?.metadata ?? {}] }),
  };
  const listed = message.type === 'charge.captured' ? read.refunds.data : [];
  const releases = listed.map((release) => toReleaseFact(message, release, [read.id, read.payment_intent?.id]));
  const paid = read.captured === false ? 0 : (read.amount_captured ?? read.amount ?? 0);
  const isLegacy = lacks(message, 'payment_intent') && lacks(message, 'invoice');
  if (!isLegacy || paid === 0 || read.currency === null) return [{ ...facts, type: 'link' }, ...releases];
  const { gross, net } = toPayment(paid, read.currency, { total: paid, tax: 0 });
  return [{ ...facts, ...oneOff, gross, net, standsAlone: true }, ...releases];
}
