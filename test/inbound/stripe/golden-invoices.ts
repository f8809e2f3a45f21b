import {
  buyer,
  cus,
  cuttable,
  ignored,
  lead,
  link,
  partner,
  partnerAndClick,
  sale,
  subscriber,
  subscriptionOf,
  usd,
  type Golden,
} from './golden.ts';
import type { StripeJson } from './fixtures.ts';

/** Up to acacia the invoice names what paid it, and the fact's id says so too. */
const paidInvoice = (o: StripeJson, acacia: boolean) => ({
  id: acacia ? `stripe:invoice.paid:${o.id}:${o.payment_intent}` : `stripe:invoice.paid:${o.id}`,
  refs: [...cuttable(o.id), ...(acacia ? [`stripe:${o.payment_intent}`, `stripe:${o.charge}`] : [])],
});

const firstPaid: Golden = (o, acacia) => [
  sale({
    ...paidInvoice(o, acacia),
    occurredAt: '2026-09-05T09:00:32.000Z',
    customer: subscriber(o.customer, subscriptionOf(o)),
    evidence: partnerAndClick,
    document: 'invoice',
    gross: usd(4900),
    net: usd(4900),
    phase: 'subscription',
    subscription: `stripe:${subscriptionOf(o)}`,
  }),
];

/** What each event of the invoice journeys says. */
export const invoices: Record<string, Golden> = {
  'subscription-first-invoice/01': (o, acacia) => [
    link({
      id: acacia ? `stripe:charge.succeeded:${o.id}:${o.invoice}` : `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`, ...(acacia ? cuttable(o.invoice) : [])],
      occurredAt: '2026-09-05T09:00:32.000Z',
      customer: buyer(o.customer),
    }),
  ],
  'subscription-first-invoice/02': (o, acacia) => {
    const common = {
      occurredAt: '2026-09-05T09:00:32.000Z',
      customer: cus(o.customer),
    };
    const refs = [`stripe:${o.id}`, `stripe:${o.latest_charge}`];
    if (acacia) {
      const id = `stripe:payment_intent.succeeded:${o.id}:${o.invoice}`;
      return [link({ ...common, id, refs: [...refs, ...cuttable(o.invoice)] })];
    }
    // All that is known of its order is 25 characters of a session's id: a sale, until the session joins it.
    const cut = o.payment_details.order_reference;
    return [
      sale({
        ...common,
        id: `stripe:payment_intent.succeeded:${o.id}:${cut}`,
        refs: [...refs, `stripe:~${cut}`],
        document: 'payment',
        gross: usd(4900),
        net: usd(4900),
      }),
    ];
  },
  'subscription-first-invoice/03': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), ...cuttable(o.invoice)],
      occurredAt: '2026-09-05T09:00:33.000Z',
      customer: subscriber(o.customer, o.subscription),
      evidence: partnerAndClick,
      document: 'checkout',
      gross: usd(4900),
      net: usd(4900),
      phase: 'subscription',
      subscription: `stripe:${o.subscription}`,
    }),
  ],
  'subscription-first-invoice/04': firstPaid,
  'subscription-first-invoice/05': firstPaid,
  'subscription-first-invoice/06': (o) => [
    link({
      id: `stripe:invoice_payment.paid:${o.id}`,
      refs: [...cuttable(o.invoice), `stripe:${o.payment.payment_intent}`],
      occurredAt: '2026-09-05T09:00:32.000Z',
    }),
  ],

  'renewal/01': (o, acacia) => [
    link({
      id: acacia ? `stripe:charge.succeeded:${o.id}:${o.invoice}` : `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`, ...(acacia ? cuttable(o.invoice) : [])],
      occurredAt: '2026-10-05T10:00:32.000Z',
      customer: buyer(o.customer),
    }),
  ],
  'renewal/02': (o, acacia) => {
    const named = acacia ? o.invoice : o.payment_details.order_reference;
    return [
      link({
        id: `stripe:payment_intent.succeeded:${o.id}:${named}`,
        // The later one is cut to 25 characters, which name no invoice whole.
        refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`, ...(acacia ? cuttable(named) : [`stripe:~${named}`])],
        occurredAt: '2026-10-05T10:00:32.000Z',
        customer: cus(o.customer),
      }),
    ];
  },
  'renewal/03': (o, acacia) => [
    sale({
      ...paidInvoice(o, acacia),
      occurredAt: '2026-10-05T10:00:32.000Z',
      customer: subscriber(o.customer, subscriptionOf(o)),
      evidence: partner,
      document: 'invoice',
      gross: usd(5831),
      net: usd(4900),
      phase: 'subscription',
      subscription: `stripe:${subscriptionOf(o)}`,
    }),
  ],
  'renewal/04': (o) => [
    link({
      id: `stripe:invoice_payment.paid:${o.id}`,
      refs: [...cuttable(o.invoice), `stripe:${o.payment.payment_intent}`],
      occurredAt: '2026-10-05T10:00:32.000Z',
    }),
  ],

  'trial-then-conversion/01': (o) => [
    lead({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), ...cuttable(o.invoice)],
      occurredAt: '2026-09-10T15:00:21.000Z',
      customer: subscriber(o.customer, o.subscription),
      evidence: partnerAndClick,
      subscription: `stripe:${o.subscription}`,
    }),
  ],
  'trial-then-conversion/02': (o) => [
    lead({
      id: `stripe:invoice.paid:${o.id}`,
      refs: cuttable(o.id),
      occurredAt: '2026-09-10T15:00:20.000Z',
      customer: subscriber(o.customer, subscriptionOf(o)),
      evidence: partnerAndClick,
      subscription: `stripe:${subscriptionOf(o)}`,
    }),
  ],
  'trial-then-conversion/03': (o, acacia) => {
    const named = acacia ? o.invoice : o.payment_details.order_reference;
    return [
      link({
        id: `stripe:payment_intent.succeeded:${o.id}:${named}`,
        refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`, ...cuttable(named)],
        occurredAt: '2026-09-24T16:00:02.000Z',
        customer: cus(o.customer),
      }),
    ];
  },
  'trial-then-conversion/04': (o, acacia) => [
    sale({
      ...paidInvoice(o, acacia),
      occurredAt: '2026-09-24T16:00:02.000Z',
      customer: subscriber(o.customer, subscriptionOf(o)),
      evidence: partnerAndClick,
      document: 'invoice',
      gross: usd(4900),
      net: usd(4900),
      phase: 'subscription',
      subscription: `stripe:${subscriptionOf(o)}`,
    }),
  ],

  'proration/01': (o, acacia) => [
    sale({
      ...paidInvoice(o, acacia),
      occurredAt: '2026-09-20T11:00:02.000Z',
      customer: subscriber(o.customer, subscriptionOf(o)),
      document: 'invoice',
      // 78.66 by card and 10.00 from the balance: all of the total of 88.66, of which 74.50 are without tax.
      gross: usd(8866),
      net: usd(7450),
      phase: 'subscription',
      subscription: `stripe:${subscriptionOf(o)}`,
    }),
  ],
  'proration/02': () => ignored('credit'),

  'out-of-band-invoice/01': (o, acacia) => [
    sale({
      // Only up to acacia does the invoice itself say so.
      ...(acacia ? { standsAlone: true } : {}),
      id: `stripe:invoice.paid:${o.id}`,
      refs: cuttable(o.id),
      occurredAt: '2026-09-26T09:59:59.000Z',
      customer: buyer(o.customer),
      evidence: partner,
      document: 'invoice',
      gross: usd(23800),
      net: usd(20000),
    }),
  ],
  'out-of-band-invoice/02': () => ignored('links no payment'),

  'multi-payment-invoice/01': partPayment('2026-09-22T10:01:40.000Z', 10000),
  'multi-payment-invoice/02': partLink('2026-09-22T10:01:40.000Z'),
  'multi-payment-invoice/03': partPayment('2026-09-22T10:08:20.000Z', 13800),
  'multi-payment-invoice/04': partLink('2026-09-22T10:08:20.000Z'),
  'multi-payment-invoice/05': (o) => [
    sale({
      id: `stripe:invoice.paid:${o.id}`,
      refs: cuttable(o.id),
      occurredAt: '2026-09-22T10:08:20.000Z',
      customer: buyer(o.customer),
      evidence: partnerAndClick,
      document: 'invoice',
      gross: usd(23800),
      net: usd(20000),
    }),
  ],
};

function partPayment(occurredAt: string, minor: number): Golden {
  return (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt,
      customer: cus(o.customer),
      document: 'payment',
      gross: usd(minor),
      net: usd(minor),
    }),
  ];
}

function partLink(occurredAt: string): Golden {
  return (o) => [
    link({
      id: `stripe:invoice_payment.paid:${o.id}`,
      refs: [...cuttable(o.invoice), `stripe:${o.payment.payment_intent}`],
      occurredAt,
    }),
  ];
}
