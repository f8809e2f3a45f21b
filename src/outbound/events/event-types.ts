import { z } from 'zod';
import {
  adjustmentDataSchema,
  affiliateDataSchema,
  commissionDataSchema,
  conversionDataSchema,
  endpointDisabledDataSchema,
  messageExhaustedDataSchema,
  payoutDataSchema,
} from './event-data.ts';
import { exampleData } from './event-examples.ts';

/** One kind of event that subscribers can ask for. */
export interface EventType {
  /** When it is sent, in one sentence. */
  description: string;
  /** The shape of `data`. */
  data: z.ZodObject;
  example: object;
  /** Whether the body has `previous`: the changed fields with their old values. */
  hasPrevious: boolean;
}

/**
 * The version of all payloads, sent with each as `tributary-payload-version`. A new field does not change it; to remove
 * a field or to change its meaning would.
 */
export const PAYLOAD_VERSION = 1;

/** The catalogue: every event type that the hub emits. Nothing else can be subscribed to. */
export const eventTypes = {
  'affiliate.created': {
    description: 'An affiliate joined the program.',
    data: affiliateDataSchema,
    example: exampleData.affiliate,
    hasPrevious: false,
  },
  'affiliate.updated': {
    description: 'Something about an affiliate changed: status, codes, terms, contact.',
    data: affiliateDataSchema,
    example: exampleData.affiliate,
    hasPrevious: true,
  },
  'lead.created': {
    description: 'Something short of money was recorded: a trial, a signup, an unpaid checkout.',
    data: conversionDataSchema,
    example: exampleData.lead,
    hasPrevious: false,
  },
  'conversion.created': {
    description: 'A sale, renewal or action was recorded, whether it pays a commission or not.',
    data: conversionDataSchema,
    example: exampleData.conversion,
    hasPrevious: false,
  },
  'conversion.updated': {
    description: 'A conversion changed: its status, affiliate, amount, or the order that it was merged into.',
    data: conversionDataSchema,
    example: { ...exampleData.conversion, status: 'approved' },
    hasPrevious: true,
  },
  'conversion.refunded': {
    description: 'Money of a conversion went back to the customer, in part or in whole.',
    data: conversionDataSchema,
    example: { ...exampleData.conversion, refundedMinor: 2000 },
    hasPrevious: true,
  },
  'commission.created': {
    description: 'An affiliate earned a commission.',
    data: commissionDataSchema,
    example: exampleData.commission,
    hasPrevious: false,
  },
  'commission.updated': {
    description: 'A commission changed otherwise: its amount (after a partial refund), its affiliate, or its review.',
    data: commissionDataSchema,
    example: { ...exampleData.commission, amountMinor: 1600 },
    hasPrevious: true,
  },
  'commission.approved': {
    description: 'A commission was approved and can be paid out.',
    data: commissionDataSchema,
    example: { ...exampleData.commission, status: 'approved' },
    hasPrevious: true,
  },
  'commission.rejected': {
    description: 'A commission was rejected, by a person or by a tracker.',
    data: commissionDataSchema,
    example: { ...exampleData.commission, amountMinor: 0, status: 'rejected', reason: 'fraud' },
    hasPrevious: true,
  },
  'commission.reversed': {
    description: 'Nothing remains of a commission: its sale was refunded or disputed.',
    data: commissionDataSchema,
    example: { ...exampleData.commission, amountMinor: 0, status: 'reversed', reason: 'refunded' },
    hasPrevious: true,
  },
  'commission.paid': {
    description: 'A commission was paid out.',
    data: commissionDataSchema,
    example: { ...exampleData.commission, status: 'paid', paidAt: '2026-12-01T09:00:00.000Z' },
    hasPrevious: true,
  },
  'adjustment.created': {
    description:
      'A person gave an affiliate a bonus, or took something back: an entry of the ledger without a conversion.',
    data: adjustmentDataSchema,
    example: exampleData.adjustment,
    hasPrevious: false,
  },
  'payout.created': {
    description: 'A payout was made of all that an affiliate can be paid.',
    data: payoutDataSchema,
    example: exampleData.payout,
    hasPrevious: false,
  },
  'payout.paid': {
    description: 'A payout reached the affiliate.',
    data: payoutDataSchema,
    example: { ...exampleData.payout, status: 'paid', paidAt: '2026-12-01T09:00:00.000Z' },
    hasPrevious: true,
  },
  'payout.failed': {
    description: 'A payout did not go through; what it held can be paid again.',
    data: payoutDataSchema,
    example: { ...exampleData.payout, status: 'failed', failedAt: '2026-12-01T09:00:00.000Z' },
    hasPrevious: true,
  },
  'endpoint.disabled': {
    description: 'The hub stopped sending to an endpoint: it answered 410, or only failed for five days.',
    data: endpointDisabledDataSchema,
    example: exampleData.endpointDisabled,
    hasPrevious: false,
  },
  'message.exhausted': {
    description: 'All attempts to deliver a message failed. Told at most once an endpoint and hour.',
    data: messageExhaustedDataSchema,
    example: exampleData.messageExhausted,
    hasPrevious: false,
  },
} as const satisfies Record<string, EventType>;

export type EventTypeName = keyof typeof eventTypes;

export const eventTypeNames = Object.keys(eventTypes) as [EventTypeName, ...EventTypeName[]];

/** Events about the delivery of events. None is written about the delivery of another. */
export const operationalTypes: readonly string[] = ['endpoint.disabled', 'message.exhausted'] satisfies EventTypeName[];

export const eventTypeSchema = z.enum(eventTypeNames, {
  error: ({ input }) => (typeof input === 'string' ? explainUnknownType(input) : undefined),
});

export function explainUnknownType(type: string): string {
  return `has the unknown event type '${type.slice(0, 100)}'; GET /api/v1/event-types lists them`;
}
