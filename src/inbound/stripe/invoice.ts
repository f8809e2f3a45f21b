import { z } from 'zod';
import { toPayment } from './amounts.ts';
import { readEvidence } from './evidence.ts';
import { PURCHASE } from './goal.ts';
import { readObject, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toCustomer, toFactId, toRef, toRefs } from './references.ts';
import {
  arrayOf,
  customerFields,
  discounts,
  expandable,
  flag,
  listOf,
  metadata,
  optionalInteger,
  optionalText,
  optionalWord,
  orAbsent,
  requiredInteger,
  requiredWord,
} from './schemas.ts';

const taxes = arrayOf(z.object({ amount: requiredInteger }));
const itemDetails = orAbsent(z.object({ subscription: expandable }), null);

/** What paid an invoice: one of a payment intent, or a charge that has none. */
const payment = orAbsent(z.object({ payment_intent: expandable, charge: expandable }), null);

/** Invoices (docs.stripe.com/api/invoices/object, read 2026-11) of both shapes. */
const invoice = z.object({
  id: requiredWord,
  amount_paid: requiredInteger,
  amount_due: optionalInteger,
  currency: requiredWord,
  total: requiredInteger,
  total_excluding_tax: optionalInteger,
  ...customerFields,
  customer_email: optionalText,
  metadata,
  discounts,
  billing_reason: optionalWord,
  status_transitions: orAbsent(z.object({ paid_at: optionalInteger }), null),
  lines: listOf(
    z.object({
      metadata,
      subscription: expandable,
      parent: orAbsent(z.object({ subscription_item_details: itemDetails, invoice_item_details: itemDetails }), null),
    }),
  ),

  // Up to acacia.
  charge: expandable,
  payment_intent: expandable,
  subscription: expandable,
  subscription_details: orAbsent(z.object({ metadata }), null),
  paid_out_of_band: flag,
  tax: optionalInteger,
  total_tax_amounts: taxes,

  // From basil on. `payments` comes only where it was expanded, which webhooks do not.
  parent: orAbsent(
    z.object({ subscription_details: orAbsent(z.object({ subscription: expandable, metadata }), null) }),
    null,
  ),
  payments: listOf(z.object({ payment })),
  total_taxes: taxes,
});
type Invoice = z.infer<typeof invoice>;

const invoicePayment = z.object({
  id: requiredWord,
  invoice: expandable,
  payment,
  status_transitions: orAbsent(z.object({ paid_at: optionalInteger }), null),
});

/**
 * `invoice.paid` and its twin `invoice.payment_succeeded` (one fact for both): a sale, in the phase `subscription` where
 * it belongs to one. What cost nothing, a trial or a full discount, is a lead; a credit is nothing.
 */
export function readInvoice(message: StripeMessage): Reading {
  const read = readObject(invoice, message);
  const { account } = message;
  const subscription = findSubscription(read);
  const payments = read.payments.flatMap((each) => [each.payment?.payment_intent?.id, each.payment?.charge?.id]);
  const paidAt = read.status_transitions?.paid_at ?? null;
  const facts = {
    id: toFactId(account, 'invoice.paid', read.id, read.payment_intent?.id ?? read.charge?.id),
    refs: toRefs(account, [read.id, read.payment_intent?.id, read.charge?.id, ...payments]),
    occurredAt: paidAt === null ? message.occurredAt : toInstant(paidAt, message.receivedAt),
    customer: toCustomer(account, read, subscription, read.customer_email),
    evidence: readEvidence({ metadata: metadataOf(read), discounts: read.discounts }),
    subscription: subscription === null ? null : toRef(account, subscription),
    goal: PURCHASE,
  };
  const paid = amountPaid(read);
  if (paid === 0) {
    return read.total < 0 ? { ignored: 'The invoice is a credit: nothing was paid' } : [{ ...facts, type: 'lead' }];
  }
  const { gross, net } = toPayment(paid, read.currency, { total: read.total, tax: taxOf(read) });
  const ofSubscription = subscription !== null || read.billing_reason?.startsWith('subscription') === true;
  const phase = ofSubscription ? 'subscription' : 'one_off';
  return [{ ...facts, type: 'sale', document: 'invoice', gross, net, phase }];
}

/** `invoice_payment.paid` (since 2025-05-28): the one dependable link from an invoice to what paid it, from basil on. */
export function readInvoicePayment(message: StripeMessage): Reading {
  const read = readObject(invoicePayment, message);
  const { account } = message;
  const paidBy = read.payment?.payment_intent?.id ?? read.payment?.charge?.id ?? null;
  if (read.invoice === null || paidBy === null) return { ignored: 'The invoice payment links no payment of Stripe' };
  const paidAt = read.status_transitions?.paid_at ?? null;
  return [
    {
      type: 'link',
      id: toFactId(account, message.type, read.id),
      refs: toRefs(account, [read.invoice.id, read.payment?.payment_intent?.id, read.payment?.charge?.id]),
      occurredAt: paidAt === null ? message.occurredAt : toInstant(paidAt, message.receivedAt),
      customer: null,
      evidence: {},
    },
  ];
}

/**
 * What was paid for the invoice, over Stripe and outside of it. Up to acacia an invoice paid out of band keeps
 * `amount_paid` 0, and what was due was paid elsewhere; from basil on `amount_paid` has both
 * (docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices, read 2026-11).
 */
function amountPaid(read: Invoice): number {
  return read.paid_out_of_band ? Math.max(read.amount_paid, read.amount_due ?? 0) : read.amount_paid;
}

/** The tax within `total`, inclusive and exclusive: by the field for it, else by the sums of the older shapes. */
function taxOf(read: Invoice): number {
  if (read.total_excluding_tax !== null) return read.total - read.total_excluding_tax;
  if (read.tax !== null) return read.tax;
  return [...read.total_taxes, ...read.total_tax_amounts].reduce((sum, each) => sum + each.amount, 0);
}

/** The subscription that the invoice says it is of, else the first that one of its lines (a proration, say) is of. */
function findSubscription(read: Invoice): string | null {
  const own = read.subscription ?? read.parent?.subscription_details?.subscription;
  if (own) return own.id;
  for (const line of read.lines) {
    const details = line.parent?.subscription_item_details ?? line.parent?.invoice_item_details;
    const named = line.subscription ?? details?.subscription;
    if (named) return named.id;
  }
  return null;
}

function metadataOf(read: Invoice) {
  return [
    read.metadata,
    read.subscription_details?.metadata ?? {},
    read.parent?.subscription_details?.metadata ?? {},
    ...read.lines.map((line) => line.metadata),
    read.subscription?.metadata ?? {},
    read.parent?.subscription_details?.subscription?.metadata ?? {},
    read.payment_intent?.metadata ?? {},
    read.charge?.metadata ?? {},
  ];
}
