import { z } from 'zod';
import { toPayment } from './amounts.ts';
import { readEvidence } from './evidence.ts';
import { PURCHASE } from './goal.ts';
import { readObject, toBeginning, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toCustomer, toFactId, toRef, toRefs } from './references.ts';
import {
  arrayOf,
  customerFields,
  discount,
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
  /** The customer's balance before and after: what they have is negative, what they owe is positive. */
  starting_balance: optionalInteger,
  ending_balance: optionalInteger,
  pre_payment_credit_notes_amount: optionalInteger,
  currency: requiredWord,
  total: requiredInteger,
  total_excluding_tax: optionalInteger,
  ...customerFields,
  customer_email: optionalText,
  metadata,
  discounts,
  billing_reason: optionalWord,
  created: optionalInteger,
  effective_at: optionalInteger,
  status_transitions: orAbsent(z.object({ finalized_at: optionalInteger, paid_at: optionalInteger }), null),
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
  /** In place of `discounts` in the oldest versions, and beside them up to acacia. */
  discount,
  tax: optionalInteger,
  total_tax_amounts: taxes,

  // From basil on. `payments` comes only where it was expanded, which webhooks do not.
  parent: orAbsent(
    z.object({ subscription_details: orAbsent(z.object({ subscription: expandable, metadata }), null) }),
    null,
  ),
  payments: listOf(z.object({ payment })),
  amount_paid_off_stripe: optionalInteger,
  total_taxes: taxes,
});
type Invoice = z.infer<typeof invoice>;

const invoicePayment = z.object({
  id: requiredWord,
  created: optionalInteger,
  invoice: expandable,
  payment,
  status_transitions: orAbsent(z.object({ paid_at: optionalInteger }), null),
});

/**
 * `invoice.paid` and its twin `invoice.payment_succeeded` (one fact for both): a sale, in the phase `subscription` where
 * it belongs to one. What cost nothing, a trial or a full discount, is a lead; a credit is nothing. It began when it was
 * made, also of a renewal; `effective_at` is the date that its document shows, and tells only where nothing else does.
 */
export function readInvoice(message: StripeMessage): Reading {
  const read = readObject(invoice, message);
  const { account } = message;
  const subscription = findSubscription(read);
  const payments = read.payments.flatMap((each) => [each.payment?.payment_intent?.id, each.payment?.charge?.id]);
  const paidAt = read.status_transitions?.paid_at ?? null;
  const occurredAt = paidAt === null ? message.occurredAt : toInstant(paidAt, message.receivedAt);
  const made = [read.created, read.status_transitions?.finalized_at].filter((time) => typeof time === 'number');
  const facts = {
    id: toFactId(account, 'invoice.paid', read.id, read.payment_intent?.id ?? read.charge?.id),
    refs: toRefs(account, [read.id, read.payment_intent?.id, read.charge?.id, ...payments]),
    occurredAt,
    ...toBeginning(message, occurredAt, ...(made.length > 0 ? made : [read.effective_at])),
    customer: toCustomer(account, read, subscription, read.customer_email),
    evidence: readEvidence({ metadata: metadataOf(read), discounts: [...read.discounts, read.discount] }),
    subscription: subscription === null ? null : toRef(account, subscription),
    goal: PURCHASE,
  };
  const paid = amountPaid(read) + paidFromBalance(read);
  if (paid === 0) {
    return read.total < 0 ? { ignored: 'The invoice is a credit: nothing was paid' } : [{ ...facts, type: 'lead' }];
  }
  const { gross, net } = toPayment(paid, read.currency, { total: read.total, tax: taxOf(read) });
  const ofSubscription = subscription !== null || read.billing_reason?.startsWith('subscription') === true;
  const phase = ofSubscription ? 'subscription' : 'one_off';
  const standsAlone = isPaidOutOfBand(read) ? ({ standsAlone: true } as const) : {};
  return [{ ...facts, type: 'sale', document: 'invoice', gross, net, phase, ...standsAlone }];
}

/** `invoice_payment.paid` (since 2025-05-28): the one dependable link from an invoice to what paid it, from basil on. */
export function readInvoicePayment(message: StripeMessage): Reading {
  const read = readObject(invoicePayment, message);
  const { account } = message;
  const paidBy = read.payment?.payment_intent?.id ?? read.payment?.charge?.id ?? null;
  if (read.invoice === null || paidBy === null) return { ignored: 'The invoice payment links no payment of Stripe' };
  const paidAt = read.status_transitions?.paid_at ?? null;
  const occurredAt = paidAt === null ? message.occurredAt : toInstant(paidAt, message.receivedAt);
  return [
    {
      type: 'link',
      id: toFactId(account, message.type, read.id),
      refs: toRefs(account, [read.invoice.id, read.payment?.payment_intent?.id, read.payment?.charge?.id]),
      occurredAt,
      ...toBeginning(message, occurredAt, read.created),
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

/**
 * What the customer's balance paid. Money got there by a credit note, which is taken off what it credits, or from outside of
 * Stripe; where from, no invoice tells. A total below the smallest charge goes to the balance as a debt: that is not paid.
 * From clover on `starting_balance` may be 0 all the same (github.com/stripe/stripe-dotnet/issues/3225, read 2026-11): the
 * balance then paid what of the total was not due.
 */
function paidFromBalance(read: Invoice): number {
  if (read.total <= 0 || read.ending_balance === null) return 0;
  const told = Math.min(0, read.ending_balance) - Math.min(0, read.starting_balance ?? 0);
  if (read.starting_balance !== null && read.starting_balance !== 0) return clamp(told, read.total);
  if (read.ending_balance > 0 || read.amount_due === null) return 0;
  return clamp(read.total - read.amount_due - (read.pre_payment_credit_notes_amount ?? 0), read.total);
}

function clamp(amount: number, most: number): number {
  return Math.max(0, Math.min(amount, most));
}

/** Wholly outside of Stripe: no payment of Stripe's can be its other half. */
function isPaidOutOfBand(read: Invoice): boolean {
  const outside = read.amount_paid_off_stripe ?? 0;
  return read.paid_out_of_band || (outside > 0 && outside >= read.amount_paid);
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
