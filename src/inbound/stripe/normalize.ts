import type { Normalized } from '../../domain/facts.ts';
import { readAsyncPayment, readCheckoutCompleted } from './checkout.ts';
import { readCreditNote } from './credit-note.ts';
import { readCustomer } from './customer.ts';
import { readDispute } from './dispute.ts';
import { readInvoice, readInvoicePayment } from './invoice.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { readEnvelope, type Reading, type StripeMessage } from './message.ts';
import { readCharge, readPaymentIntent } from './payment.ts';
import { readChargeRefunded, readRefund } from './refund.ts';

const handlers: Record<string, (message: StripeMessage) => Reading> = {
  'checkout.session.completed': readCheckoutCompleted,
  'checkout.session.async_payment_succeeded': readAsyncPayment,
  'checkout.session.async_payment_failed': () => ({ ignored: 'The payment failed: the lead stays a lead' }),
  'payment_intent.succeeded': readPaymentIntent,
  'charge.succeeded': readCharge,
  'charge.captured': readCharge,
  'invoice.paid': readInvoice,
  'invoice.payment_succeeded': readInvoice,
  'invoice_payment.paid': readInvoicePayment,
  'credit_note.created': readCreditNote,
  'credit_note.updated': readCreditNote,
  'credit_note.voided': readCreditNote,
  'refund.created': readRefund,
  'refund.updated': readRefund,
  'refund.failed': readRefund,
  'charge.refund.updated': readRefund,
  'charge.refunded': readChargeRefunded,
  'charge.dispute.created': readDispute,
  'charge.dispute.updated': readDispute,
  'charge.dispute.closed': readDispute,
  'charge.dispute.funds_withdrawn': readDispute,
  'charge.dispute.funds_reinstated': readDispute,
  'customer.created': readCustomer,
  'customer.updated': readCustomer,
  'customer.subscription.deleted': () => ({ ignored: 'The end of a subscription moves no money' }),
};

/**
 * A webhook event of Stripe as canonical facts. Pure: the same event gives the same facts, `receivedAt` (now, where it
 * is left out) only bounds how far ahead its times may lie. Takes the shapes of every API version, those up to acacia
 * and those from basil on, by what is there and not by the version's name. Never throws: what is authentic but cannot
 * be read is `unprocessable`, what carries nothing for us is `ignored`.
 */
export function normalizeStripe(event: unknown, receivedAt: Date = new Date()): Normalized {
  const livemode = isObject(event) && event['livemode'] === true;
  try {
    const reading = readEvent(event, receivedAt);
    if (Array.isArray(reading)) return { kind: 'facts', livemode, facts: reading };
    return { kind: 'ignored', livemode, reason: reading.ignored };
  } catch (error) {
    // A bug of the normalizer must not lose the message either: it is kept, and replayed once the bug is fixed.
    const problem = error instanceof UnreadableMessage ? error.message : 'the normalizer failed on this event';
    return { kind: 'unprocessable', livemode, error: problem };
  }
}

function readEvent(event: unknown, receivedAt: Date): Reading {
  if (!isObject(event)) throw new UnreadableMessage('the body is not a Stripe event');
  // Thin events name an object and carry none of it; they come only where the destination was set up for them.
  if (typeof event['object'] === 'string' && event['object'].startsWith('v2.')) {
    return { ignored: 'Thin events carry no payment: set the destination up for snapshot events' };
  }
  const type = event['type'];
  if (typeof type !== 'string') throw new UnreadableMessage('the body is not a Stripe event: it has no type');
  const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
  if (handler === undefined) return { ignored: `Events of this type move no money: ${toWord(type)}` };
  return handler(readEnvelope(event, receivedAt));
}

/** The type, where it looks like one of Stripe's: other text is neither stored nor shown. */
function toWord(type: string): string {
  return /^[\w.]{1,100}$/.test(type) ? type : 'unknown';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
