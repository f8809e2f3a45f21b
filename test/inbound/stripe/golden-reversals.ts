import type { StripeJson } from './fixtures.ts';
import { buyer, cus, cuttable, ignored, link, partner, reversal, sale, usd, type Golden } from './golden.ts';

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

function refundFailed(occurredAt: string, minor: number, statedAt: string): Golden {
  return (o) => [
    made(o, refsOf(o), occurredAt, minor),
    reversal<'refund_failed'>({
      type: 'refund_failed',
      id: `stripe:refund_failed:${o.id}:${Date.parse(statedAt) / 1000}`,
      refs: refsOf(o),
      occurredAt,
      refundId: o.id,
      statedAt,
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

/** Taken at the time of the event, however often it had been taken or given back before. */
function takenAgain(occurredAt: string, minor: number, statedAt: string, more: { lost?: true } = {}): Golden {
  return (o) => [
    reversal<'dispute'>({
      type: 'dispute',
      id: `stripe:dispute:${o.id}:${minor}:${Date.parse(statedAt) / 1000}${more.lost ? ':lost' : ''}`,
      refs: refsOf(o),
      occurredAt,
      disputeId: o.id,
      amount: usd(minor),
      statedAt,
      ...more,
    }),
  ];
}

function won(statedAt: string): Golden {
  return (o) => [
    reversal<'dispute_won'>({
      type: 'dispute_won',
      id: `stripe:dispute_won:${o.id}:${Date.parse(statedAt) / 1000}`,
      refs: refsOf(o),
      occurredAt: '2026-09-15T10:00:00.000Z',
      disputeId: o.id,
      statedAt,
    }),
  ];
}

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
  'failed-refund/04': refundFailed('2026-09-14T10:00:00.000Z', 2000, '2026-09-19T10:00:00.000Z'),
  'failed-refund/05': refundFailed('2026-09-14T10:00:00.000Z', 2000, '2026-09-19T10:00:00.000Z'),
  'failed-refund/06': refundFailed('2026-09-14T10:10:00.000Z', 500, '2026-09-20T10:00:00.000Z'),

  'dispute-won/01': soldAt('2026-09-14T10:00:00.000Z'),
  'dispute-won/02': disputed('2026-09-15T10:00:00.000Z', 5000),
  'dispute-won/03': disputed('2026-09-15T10:00:00.000Z', 5000),
  'dispute-won/04': won('2026-10-15T10:00:00.000Z'),
  'dispute-won/05': won('2026-10-15T10:00:01.000Z'),

  'dispute-lost/01': soldAt('2026-09-15T10:00:00.000Z'),
  'dispute-lost/02': disputed('2026-09-16T10:00:00.000Z', 10000),
  'dispute-lost/03': takenAgain('2026-09-16T10:00:00.000Z', 10000, '2026-10-06T10:00:00.000Z', { lost: true }),

  'inquiry/01': soldAt('2026-09-16T10:00:00.000Z'),
  'inquiry/02': () => ignored('inquiry'),
  'inquiry/03': () => ignored('inquiry'),

  'inquiry-escalated/01': soldAt('2026-09-17T10:00:00.000Z'),
  'inquiry-escalated/02': () => ignored('inquiry'),
  'inquiry-escalated/03': disputed('2026-09-18T10:00:00.000Z', 10000),
  'inquiry-escalated/04': takenAgain('2026-09-18T10:00:00.000Z', 10000, '2026-09-25T10:00:00.000Z'),

  // 70.00 of 100.00 were captured, and 10.00 of them refunded. Up to acacia the capture booked the other 30.00 as a refund.
  'partial-capture/01': (o, acacia) => [
    sale({
      id: `stripe:payment_intent.succeeded:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${acacia ? o.charges.data[0].id : o.latest_charge}`],
      occurredAt: '2026-10-03T10:00:00.000Z',
      customer: acacia ? buyer(o.customer) : cus(o.customer),
      evidence: partner,
      document: 'payment',
      gross: usd(7000),
      net: usd(7000),
    }),
    ...(acacia ? [released(o.charges.data[0], 0, '2026-10-03T10:00:00.000Z')] : []),
  ],
  'partial-capture/02': (o, acacia) => [
    link({
      id: `stripe:charge.captured:${o.id}`,
      refs: [`stripe:${o.id}`, `stripe:${o.payment_intent}`],
      occurredAt: '2026-10-03T10:00:00.000Z',
      customer: buyer(o.customer),
    }),
    ...(acacia ? [released(o, 0, '2026-10-03T10:00:00.000Z')] : []),
  ],
  'partial-capture/03': (o, acacia) => [
    totalRefunded('2026-10-06T10:00:01.000Z', 1000)(o),
    ...(acacia ? [listed(o, 0, '2026-10-06T10:00:00.000Z', 1000), released(o, 1, '2026-10-06T10:00:01.000Z')] : []),
  ],

  'credit-note/01': (o, acacia) => [
    sale({
      id: acacia ? `stripe:invoice.paid:${o.id}:${o.payment_intent}` : `stripe:invoice.paid:${o.id}`,
      refs: [...cuttable(o.id), ...(acacia ? [`stripe:${o.payment_intent}`, `stripe:${o.charge}`] : [])],
      occurredAt: '2026-10-01T10:02:00.000Z',
      customer: buyer(o.customer),
      evidence: partner,
      document: 'invoice',
      gross: usd(10000),
      net: usd(10000),
    }),
  ],
  'credit-note/02': (o) => [
    link({
      id: `stripe:invoice_payment.paid:${o.id}`,
      refs: [...cuttable(o.invoice), `stripe:${o.payment.payment_intent}`],
      occurredAt: '2026-10-01T10:02:00.000Z',
    }),
  ],
  // 50.00, of which 10.00 went back by a refund that tells of itself.
  'credit-note/03': (o) => [credited(o, '2026-10-02T10:00:00.000Z', 4000)],
  'credit-note/04': refunded('2026-10-02T09:59:59.000Z', 1000),
  'credit-note/05': (o) => [credited(o, '2026-10-03T10:00:00.000Z', 2000)],
  'credit-note/06': (o) => [
    credited(o, '2026-10-03T10:00:00.000Z', 2000),
    reversal<'refund_failed'>({
      type: 'refund_failed',
      id: `stripe:credit_note_voided:${o.id}:${Date.parse('2026-10-04T10:00:00Z') / 1000}`,
      refs: cuttable(o.invoice),
      occurredAt: '2026-10-03T10:00:00.000Z',
      refundId: o.id,
      statedAt: '2026-10-04T10:00:00.000Z',
    }),
  ],
  'credit-note/07': () => ignored('not paid yet'),

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

/** What a capture released, where its charge lists it as a refund: as good as one that failed. */
function released(charge: StripeJson, index: number, statedAt: string) {
  const release = charge.refunds.data[index];
  return reversal<'refund_failed'>({
    type: 'refund_failed',
    id: `stripe:refund_failed:${release.id}:${Date.parse(statedAt) / 1000}`,
    refs: [`stripe:${charge.id}`, `stripe:${charge.payment_intent}`],
    occurredAt: '2026-10-03T10:00:00.000Z',
    refundId: release.id,
    statedAt,
  });
}

function credited(note: StripeJson, occurredAt: string, minor: number) {
  return reversal<'refund'>({
    type: 'refund',
    id: `stripe:credit_note:${note.id}:${minor}`,
    refs: cuttable(note.invoice),
    occurredAt,
    refundId: note.id,
    amount: usd(minor),
    paymentRef: `stripe:${note.id}`,
  });
}

/** A refund in the list of its charge says the same as its own events. */
function listed(charge: StripeJson, index: number, occurredAt: string, minor: number) {
  const refs = [`stripe:${charge.id}`, `stripe:${charge.payment_intent}`];
  return made(charge.refunds.data[index], refs, occurredAt, minor);
}
