import {
  buyer,
  cus,
  cuttable,
  ignored,
  lead,
  link,
  partnerAndClick,
  sale,
  subscriber,
  subscriptionOf,
  usd,
  type Golden,
} from './golden.ts';

const eur = (minor: number) => ({ minor, currency: 'EUR' });

/** What each event of the sales journeys says. `o` is the event's object. */
export const payments: Record<string, Golden> = {
  'one-off-checkout/01': () => ignored('names no affiliate'),
  'one-off-checkout/02': (o) => [
    link({
      id: `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-01T10:01:00.000Z',
      customer: buyer(o.customer),
    }),
  ],
  'one-off-checkout/03': (o, acacia) => [
    sale({
      id: acacia
        ? `stripe:payment_intent.succeeded:${o.id}`
        : `stripe:payment_intent.succeeded:${o.id}:${o.payment_details.order_reference}`,
      refs: [
        `stripe:${o.id}`,
        `stripe:${o.latest_charge}`,
        // The session's id in full, 66 characters: nothing cut it.
        ...(acacia ? [] : cuttable(o.payment_details.order_reference)),
      ],
      occurredAt: '2026-09-01T10:01:00.000Z',
      customer: cus(o.customer),
      document: 'payment',
      gross: usd(12000),
      // Only later versions tell the tax of a payment intent.
      net: usd(acacia ? 12000 : 10000),
    }),
  ],
  'one-off-checkout/04': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-01T10:01:01.000Z',
      customer: buyer(o.customer),
      evidence: { ...partnerAndClick, reference: 'clk_0192f0c4a7b07c3e8d5a6f1b2c3d4e5f' },
      document: 'checkout',
      gross: usd(12000),
      net: usd(10000),
    }),
  ],

  'guest-checkout/01': (o) => [
    link({
      id: `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-02T08:30:40.000Z',
      customer: { refs: [], email: 'guest@example.com' },
      evidence: partnerAndClick,
    }),
  ],
  'guest-checkout/02': (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt: '2026-09-02T08:30:40.000Z',
      customer: { refs: [], email: 'guest@example.com' },
      evidence: partnerAndClick,
      document: 'payment',
      gross: usd(2500),
      net: usd(2500),
    }),
  ],
  'guest-checkout/03': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-02T08:30:41.000Z',
      customer: { refs: [], email: 'guest@example.com' },
      document: 'checkout',
      gross: usd(2500),
      net: usd(2500),
    }),
  ],

  'async-payment/01': (o) => [
    lead({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-03T12:01:30.000Z',
      customer: buyer(o.customer),
      evidence: partnerAndClick,
    }),
  ],
  'async-payment/02': (o) => [
    link({
      id: `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`],
      // The charge itself was created three days before it succeeded.
      occurredAt: '2026-09-06T12:00:00.000Z',
      customer: buyer(o.customer),
    }),
  ],
  'async-payment/03': (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt: '2026-09-06T12:00:00.000Z',
      customer: cus(o.customer),
      document: 'payment',
      gross: eur(8000),
      net: eur(8000),
    }),
  ],
  'async-payment/04': (o) => [
    sale({
      id: `stripe:checkout.session.async_payment_succeeded:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-06T12:00:01.000Z',
      customer: buyer(o.customer),
      evidence: partnerAndClick,
      document: 'checkout',
      gross: eur(8000),
      net: eur(8000),
    }),
  ],
  'async-payment-failed/01': (o) => [
    lead({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-03T12:01:30.000Z',
      customer: buyer(o.customer),
      evidence: partnerAndClick,
    }),
  ],
  'async-payment-failed/02': () => ignored('payment failed'),

  'connect/01': (o, acacia, event) => [
    sale({
      id: acacia
        ? `stripe:${event.account}:payment_intent.succeeded:${o.id}`
        : `stripe:${event.account}:payment_intent.succeeded:${o.id}:${o.payment_details.order_reference}`,
      refs: [
        `stripe:acct_1SQk7uTr1bShop0A:${o.id}`,
        `stripe:acct_1SQk7uTr1bShop0A:${o.latest_charge}`,
        ...(acacia
          ? []
          : [
              `stripe:acct_1SQk7uTr1bShop0A:${o.payment_details.order_reference}`,
              `stripe:acct_1SQk7uTr1bShop0A:~${o.payment_details.order_reference.slice(0, 25)}`,
            ]),
      ],
      occurredAt: '2026-09-19T10:01:00.000Z',
      customer: { refs: [`stripe:acct_1SQk7uTr1bShop0A:${o.customer}`], email: null },
      document: 'payment',
      gross: usd(6000),
      net: usd(6000),
    }),
  ],
  'connect/02': (o) => [
    sale({
      id: `stripe:acct_1SQk7uTr1bShop0A:checkout.session.completed:${o.id}`,
      refs: [
        `stripe:acct_1SQk7uTr1bShop0A:${o.id}`,
        `stripe:acct_1SQk7uTr1bShop0A:~${o.id.slice(0, 25)}`,
        `stripe:acct_1SQk7uTr1bShop0A:${o.payment_intent}`,
      ],
      occurredAt: '2026-09-19T10:01:01.000Z',
      customer: { refs: [`stripe:acct_1SQk7uTr1bShop0A:${o.customer}`], email: 'buyer@example.com' },
      evidence: partnerAndClick,
      document: 'checkout',
      gross: usd(6000),
      net: usd(6000),
    }),
  ],

  'coupon/01': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-23T10:01:01.000Z',
      customer: buyer(o.customer),
      // The code's word is there only because the session came expanded.
      evidence: { discounts: ['PARTNER10', 'promo_1SqB2zTr1bFx7HublUh3otmw', 'SUMMER10'] },
      document: 'checkout',
      gross: usd(9000),
      net: usd(9000),
    }),
  ],
  'coupon/02': (o) => [
    sale({
      id: `stripe:invoice.paid:${o.id}`,
      refs: cuttable(o.id),
      occurredAt: '2026-09-23T10:01:22.000Z',
      customer: subscriber(o.customer, subscriptionOf(o)),
      evidence: { couponCode: 'PARTNER10' },
      document: 'invoice',
      gross: usd(4410),
      net: usd(4410),
      phase: 'subscription',
      subscription: `stripe:${subscriptionOf(o)}`,
    }),
  ],
  'coupon/03': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent}`],
      occurredAt: '2026-09-23T10:16:01.000Z',
      customer: buyer(o.customer),
      evidence: { discounts: ['promo_1SqB2zTr1bFx7HublUh3otmw', 'SUMMER10'] },
      document: 'checkout',
      gross: usd(9000),
      net: usd(9000),
    }),
  ],

  'customer-link/01': () => ignored('names no affiliate'),
  'customer-link/02': (o) => [
    {
      type: 'customer',
      id: `stripe:customer.updated:${o.id}:*`,
      refs: [],
      occurredAt: '2026-09-24T10:02:00.000Z',
      customer: { refs: [`stripe:${o.id}`], email: 'buyer@example.com' },
      evidence: { affiliate: 'partner-one' },
    },
  ],
  'setup-session/01': () => ignored('setup session'),
  'subscription-deleted/01': () => ignored('end of a subscription'),
  'thin-event/01': () => ignored('Thin events'),
  'unknown-event/01': () => ignored('payout.paid'),

  'test-mode/01': (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt: '2026-09-29T10:00:03.000Z',
      customer: cus(o.customer),
      evidence: partnerAndClick,
      document: 'payment',
      gross: usd(1999),
      net: usd(1999),
    }),
  ],

  'intent-with-charges/01': (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.charges.data[0].id}`],
      occurredAt: '2026-09-30T18:00:01.000Z',
      customer: { refs: [], email: 'guest@example.com' },
      document: 'payment',
      gross: usd(3300),
      net: usd(3300),
    }),
  ],

  'legacy-charge/01': (o) => [
    sale({
      id: `stripe:charge.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`],
      occurredAt: '2026-10-01T10:00:00.000Z',
      customer: { refs: [], email: 'buyer@example.com' },
      evidence: { affiliate: 'partner-one' },
      document: 'payment',
      gross: usd(3000),
      net: usd(3000),
      standsAlone: true,
    }),
  ],

  'expanded-objects/01': (o) => [
    sale({
      id: `stripe:checkout.session.completed:${o.id}`,
      refs: [...cuttable(o.id), `stripe:${o.payment_intent.id}`],
      occurredAt: '2026-09-30T10:00:10.000Z',
      customer: buyer(o.customer.id),
      evidence: partnerAndClick,
      document: 'checkout',
      gross: usd(4900),
      net: usd(4900),
    }),
  ],
  'expanded-objects/02': (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge.id}`],
      occurredAt: '2026-09-30T10:00:09.000Z',
      customer: cus(o.customer.id),
      evidence: partnerAndClick,
      document: 'payment',
      gross: usd(4900),
      net: usd(4900),
    }),
  ],
  'expanded-objects/03': (o, acacia) => {
    const subscription = acacia ? o.subscription.id : o.parent.subscription_details.subscription.id;
    return [
      sale({
        id: acacia ? `stripe:invoice.paid:${o.id}:${o.payment_intent}` : `stripe:invoice.paid:${o.id}`,
        refs: [...cuttable(o.id), ...(acacia ? [`stripe:${o.payment_intent}`, `stripe:${o.charge.id}`] : [])],
        occurredAt: '2026-09-30T10:59:52.000Z',
        customer: subscriber(o.customer.id, subscription),
        evidence: partnerAndClick,
        document: 'invoice',
        gross: usd(4900),
        net: usd(4900),
        phase: 'subscription',
        subscription: `stripe:${subscription}`,
      }),
    ];
  },

  // As Stripe sends them -> ISO 4217 minor units.
  'currencies/01': money('2026-09-26T10:00:00.000Z', { minor: 5000, currency: 'JPY' }),
  'currencies/02': money('2026-09-26T10:00:01.000Z', { minor: 12340, currency: 'KWD' }),
  'currencies/03': money('2026-09-26T10:00:02.000Z', { minor: 5000, currency: 'UGX' }),
  'currencies/04': money('2026-09-26T10:00:03.000Z', { minor: 2500, currency: 'ISK' }),
  'currencies/05': money('2026-09-26T10:00:04.000Z', { minor: 450000, currency: 'MGA' }),
  'currencies/06': money('2026-09-26T10:00:05.000Z', { minor: 159900, currency: 'HUF' }),
  'currencies/07': money('2026-09-26T10:00:06.000Z', { minor: 30050, currency: 'TWD' }),
};

function money(occurredAt: string, amount: { minor: number; currency: string }): Golden {
  return (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt,
      customer: cus(o.customer),
      document: 'payment',
      gross: amount,
      net: amount,
    }),
  ];
}
