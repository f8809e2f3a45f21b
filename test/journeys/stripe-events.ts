/** Stripe events of one payment, no more of them than the hub reads; whole ones are in fixtures/stripe. */
export interface StripePayment {
  id: string;
  currency: string;
  /** Unix seconds. */
  paidAt: number;
}

let events = 0;

export function stripeEvent(type: string, created: number, object: object): object {
  events += 1;
  return {
    id: `evt_${events}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    type,
    created,
    livemode: true,
    data: { object },
  };
}

export function paid(payment: StripePayment, amount: number, affiliate = 'partner-one'): object {
  return stripeEvent('payment_intent.succeeded', payment.paidAt, {
    id: `pi_${payment.id}`,
    object: 'payment_intent',
    amount,
    amount_received: amount,
    currency: payment.currency,
    customer: `cus_${payment.id}`,
    latest_charge: `ch_${payment.id}`,
    metadata: { affiliate_id: affiliate },
  });
}

/** `status` failed: the refund did not go through. */
export function refunded(payment: StripePayment, name: string, amount: number, minute: number, status = 'succeeded') {
  const created = payment.paidAt + 60 * minute;
  return stripeEvent(status === 'failed' ? 'refund.failed' : 'refund.created', created, {
    id: `re_${payment.id}_${name}`,
    object: 'refund',
    amount,
    currency: payment.currency,
    charge: `ch_${payment.id}`,
    payment_intent: `pi_${payment.id}`,
    created,
    status,
  });
}

export function disputed(payment: StripePayment, amount: number, minute: number, status: string): object {
  const created = payment.paidAt + 60 * minute;
  return stripeEvent(status === 'won' ? 'charge.dispute.closed' : 'charge.dispute.created', created, {
    id: `du_${payment.id}`,
    object: 'dispute',
    amount,
    currency: payment.currency,
    charge: `ch_${payment.id}`,
    payment_intent: `pi_${payment.id}`,
    created,
    status,
  });
}

/** One month of a subscription. */
export function invoicePaid(subscription: string, name: string, amount: number, paidAt: number): object {
  return stripeEvent('invoice.paid', paidAt, {
    id: `in_${subscription}_${name}`,
    object: 'invoice',
    amount_paid: amount,
    amount_due: amount,
    total: amount,
    currency: 'usd',
    customer: `cus_${subscription}`,
    billing_reason: 'subscription_cycle',
    status_transitions: { paid_at: paidAt },
    metadata: {},
    parent: {
      subscription_details: { subscription: `sub_${subscription}`, metadata: { affiliate_id: 'partner-one' } },
    },
    lines: { data: [] },
  });
}
