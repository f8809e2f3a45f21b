import type { StripeJson } from './fixtures.ts';
import { cus, ignored, partner, reversal, sale, usd, type Golden } from './golden.ts';

const refsOf = (o: StripeJson) => [`stripe:${o.charge}`, `stripe:${o.payment_intent}`];

/** The sale of $100.00 that opens each of these journeys. */
function soldAt(occurredAt: string): Golden {
  return (o) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.latest_charge}`],
      occurredAt,
      customer: cus(o.customer),
      evidence: partner,
      document: 'payment',
      gross: usd(10000),
      net: usd(10000),
    }),
  ];
}

function refunded(occurredAt: string, minor: number): Golden {
  return (o) => [made(o, refsOf(o), occurredAt, minor)];
}

function refundFailed(occurredAt: string, minor: number): Golden {
  return (o) => [
    made(o, refsOf(o), occurredAt, minor),
    reversal<'refund_failed'>({
      type: 'refund_failed',
      id: `stripe:refund_failed:${o.id}`,
      refs: refsOf(o),
      occurredAt,
      refundId: o.id,
    }),
  ];
}

function made(o: StripeJson, refs: string[], occurredAt: string, minor: number) {
  return reversal<'refund'>({
    type: 'refund',
    id: `stripe:refund:${o.id}`,
    refs,
    occurredAt,
    refundId: o.id,
    amount: usd(minor),
    paymentRef: refs[0],
  });
}

function totalRefunded(occurredAt: string, minor: number) {
  return (o: StripeJson) =>
    reversal<'refund_total'>({
      type: 'refund_total',
      id: `stripe:charge.refunded:${o.id}:${minor}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`],
      occurredAt,
      paymentRef: `stripe:${o.id}`,
      amount: usd(minor),
    });
}

function disputed(occurredAt: string, minor: number): Golden {
  return (o) => [
    reversal<'dispute'>({
      type: 'dispute',
      id: `stripe:dispute:${o.id}:${minor}`,
      refs: refsOf(o),
      occurredAt,
      disputeId: o.id,
      amount: usd(minor),
    }),
  ];
}

const won: Golden = (o) => [
  reversal<'dispute_won'>({
    type: 'dispute_won',
    id: `stripe:dispute_won:${o.id}`,
    refs: refsOf(o),
    occurredAt: '2026-09-15T10:00:00.000Z',
    disputeId: o.id,
  }),
];

/** What each event of the journeys with refunds and disputes says. */
export const reversals: Record<string, Golden> = {
  'partial-refund/01': soldAt('2026-09-11T10:00:00.000Z'),
  'partial-refund/02': refunded('2026-09-12T10:00:00.000Z', 3000),
  'partial-refund/03': (o) => [totalRefunded('2026-09-12T10:00:01.000Z', 3000)(o)],
  'partial-refund/04': refunded('2026-09-12T10:00:00.000Z', 3000),
  'partial-refund/05': refunded('2026-09-12T10:00:00.000Z', 3000),

  'cumulative-refund/01': soldAt('2026-09-12T10:00:00.000Z'),
  'cumulative-refund/02': (o, acacia) => [
    totalRefunded('2026-09-13T10:00:01.000Z', 3000)(o),
    ...(acacia ? [listed(o, 0, '2026-09-13T10:00:00.000Z', 3000)] : []),
  ],
  'cumulative-refund/03': (o, acacia) => [
    totalRefunded('2026-09-13T10:10:01.000Z', 5000)(o),
    ...(acacia ? [listed(o, 0, '2026-09-13T10:10:00.000Z', 2000), listed(o, 1, '2026-09-13T10:00:00.000Z', 3000)] : []),
  ],

  'failed-refund/01': soldAt('2026-09-13T10:00:00.000Z'),
  'failed-refund/02': refunded('2026-09-14T10:00:00.000Z', 2000),
  'failed-refund/03': (o) => [totalRefunded('2026-09-14T10:00:01.000Z', 2000)(o)],
  'failed-refund/04': refundFailed('2026-09-14T10:00:00.000Z', 2000),
  'failed-refund/05': refundFailed('2026-09-14T10:00:00.000Z', 2000),
  'failed-refund/06': refundFailed('2026-09-14T10:10:00.000Z', 500),

  'dispute-won/01': soldAt('2026-09-14T10:00:00.000Z'),
  'dispute-won/02': disputed('2026-09-15T10:00:00.000Z', 5000),
  'dispute-won/03': disputed('2026-09-15T10:00:00.000Z', 5000),
  'dispute-won/04': won,
  'dispute-won/05': won,

  'dispute-lost/01': soldAt('2026-09-15T10:00:00.000Z'),
  'dispute-lost/02': disputed('2026-09-16T10:00:00.000Z', 10000),
  'dispute-lost/03': disputed('2026-09-16T10:00:00.000Z', 10000),

  'inquiry/01': soldAt('2026-09-16T10:00:00.000Z'),
  'inquiry/02': () => ignored('inquiry'),
  'inquiry/03': () => ignored('inquiry'),

  'inquiry-escalated/01': soldAt('2026-09-17T10:00:00.000Z'),
  'inquiry-escalated/02': () => ignored('inquiry'),
  'inquiry-escalated/03': disputed('2026-09-18T10:00:00.000Z', 10000),
  'inquiry-escalated/04': disputed('2026-09-18T10:00:00.000Z', 10000),

  'connect/03': (o) => [
    reversal<'refund'>({
      type: 'refund',
      id: `stripe:acct_1SQk7uTr1bShop0A:refund:${o.id}`,
      refs: [`stripe:acct_1SQk7uTr1bShop0A:${o.charge}`, `stripe:acct_1SQk7uTr1bShop0A:${o.payment_intent}`],
      occurredAt: '2026-09-19T12:29:59.000Z',
      refundId: o.id,
      amount: usd(6000),
      paymentRef: `stripe:acct_1SQk7uTr1bShop0A:${o.charge}`,
    }),
  ],
};

/** A refund in the list of its charge says the same as its own events. */
function listed(charge: StripeJson, index: number, occurredAt: string, minor: number) {
  const refs = [`stripe:${charge.id}`, `stripe:${charge.payment_intent}`];
  return made(charge.refunds.data[index], refs, occurredAt, minor);
}
