import { z } from 'zod';
import { traceCauses, traceSteps, type TraceCause } from '../audit/trace/causes.ts';
import { traceText } from '../audit/trace/trace.ts';
import { outcomes } from '../domain/outcomes.ts';
import { amountMinor, text, timestamp, word } from '../http/fields.ts';
import { refusalWords } from '../http/refusals.ts';
import { deliveryStatuses } from '../outbound/messages/message-rows.ts';
import { conversionReason, conversionStatuses, messageReason } from './conversion-schemas.ts';
import { inboxStatuses } from './inbox-events.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const causes = Object.keys(traceCauses) as [TraceCause, ...TraceCause[]];

const verdictSchema = z
  .strictObject({
    cause: z.enum(causes).meta({ description: 'Why, in a word' }),
    step: z.enum(traceSteps).meta({ description: 'The step at which it shows' }),
    sentence: z.string().meta({
      description: 'Why, in sentences',
      example: 'Ann (aff_1) earns 20.00 USD: 20 % of 100.00 USD. It is approved, and in no payout yet.',
    }),
    advice: z.string().nullable().meta({ description: 'What to do; null: nothing' }),
  })
  .meta({ id: 'TraceVerdict' });

const evidenceSchema = z.strictObject({
  by: z.string().meta({ description: 'The kind of evidence' }),
  value: z.string().meta({ description: 'What the message said: an id, a code' }),
  affiliateId: z.string().nullable().meta({ description: 'Whom it names; null: nobody' }),
  sentence: z.string().meta({ description: 'Whom it names, and why it was not followed where it was not' }),
});

const orderSchema = z
  .strictObject({
    conversionId: z.string().nullable().meta({ description: 'Its conversion; null: it is an adjustment' }),
    commissionId: z.string().nullable().meta({ description: 'Its commission; null: it is an adjustment' }),
    adjustmentId: z.string().nullable().meta({ description: 'Its adjustment; null: it is a conversion' }),
    kind: z.string().nullable().meta({ description: 'sale, renewal, lead or action; null: nothing that counts yet' }),
    status: word([...conversionStatuses, 'waiting', 'adjustment']).meta({ description: 'As of the conversion' }),
    reason: conversionReason.nullable().meta({ description: 'As of the conversion' }),
    orderId: z.string().nullable().meta({ description: "The sender's own order id" }),
    occurredAt: timestamp.nullable().meta({ description: 'When it happened' }),
    affiliateId: z.string().nullable().meta({ description: 'Whom it is credited to' }),
    affiliateName: z.string().nullable().meta({ description: 'Their name' }),
    verdict: verdictSchema.meta({ description: 'Why this order earns what it earns' }),
    amounts: z
      .string()
      .nullable()
      .meta({ description: 'The money, in words', example: '120.00 USD gross, 100.00 USD net' }),
    terms: z.string().nullable().meta({ description: 'The terms, in words, as they were recorded with the order' }),
    evidence: z
      .strictObject({
        chosen: evidenceSchema.nullable().meta({ description: 'What decided' }),
        passedOver: z.array(evidenceSchema).meta({ description: 'What did not, each with its reason' }),
      })
      .meta({ description: 'Evidence of who referred it' }),
    postings: z
      .array(
        z.strictObject({
          id: z.string().meta({ description: 'The ledger entry' }),
          affiliateId: z.string().meta({ description: 'Whose' }),
          amountMinor,
          currency: z.string().meta({ description: 'ISO 4217' }),
          type: z.string().meta({ description: 'What caused it' }),
          createdAt: timestamp.meta({ description: 'When it was posted' }),
          payoutId: z.string().nullable().meta({ description: 'The payout that it is in, unless that failed' }),
        }),
      )
      .meta({ description: 'What the ledger holds, in the order in which it was posted' }),
    payout: z
      .strictObject({
        id: z.string().meta({ description: 'Its id' }),
        status: word(['pending', 'paid']).meta({ description: 'pending or paid' }),
      })
      .nullable()
      .meta({ description: 'The payout that it is in' }),
  })
  .meta({ id: 'TracedOrder' });

const messageSchema = z
  .strictObject({
    id: z.string().meta({ description: 'The inbox event' }),
    kind: z.string().meta({ description: 'stripe, revenuecat, postback, conversion, …' }),
    sourceId: z.string().nullable().meta({ description: 'null: it came by API key' }),
    receivedAt: timestamp.meta({ description: 'When it came' }),
    settledAt: timestamp.nullable().meta({ description: 'null: it waits' }),
    status: word(inboxStatuses).meta({ description: 'As of the inbox event' }),
    outcome: word(outcomes).nullable().meta({ description: 'What became of it' }),
    reason: messageReason.nullable().meta({ description: 'Why, in a word' }),
    error: z.string().nullable().meta({ description: 'Why, in words' }),
    conversionId: z.string().nullable().meta({ description: 'The order that it is about' }),
    understood: z
      .array(
        z.strictObject({
          field: z.string().meta({ description: 'Our field' }),
          name: z
            .string()
            .nullable()
            .meta({ description: "The sender's name of it; null: read from the whole document" }),
          value: z.string().meta({ description: 'The value, cut where it is long' }),
        }),
      )
      .meta({ description: 'How it was read, ours from theirs' }),
    hint: z.string().meta({ description: 'Names that were probably misspelt, in a sentence; empty: none' }),
  })
  .meta({ id: 'TracedMessage' });

const refusalSchema = z
  .strictObject({
    id: z.string().meta({ description: 'The refused request' }),
    sourceId: z.string().nullable().meta({ description: 'The source at which it was refused' }),
    reason: word(refusalWords).meta({ description: 'Why, in a word' }),
    message: z.string().meta({ description: 'What the sender was told' }),
    count: z.int().meta({ description: 'How often the same came' }),
    firstAt: timestamp.meta({ description: 'The first time' }),
    lastAt: timestamp.meta({ description: 'The last time' }),
  })
  .meta({ id: 'TracedRefusal' });

const deliverySchema = z
  .strictObject({
    id: z.string().meta({ description: 'The message' }),
    type: z.string().meta({ description: 'Its type', example: 'conversion.created' }),
    createdAt: timestamp.meta({ description: 'When it was written' }),
    deliveries: z
      .array(
        z.strictObject({
          endpointId: z.string().meta({ description: 'To whom' }),
          kind: z.string().meta({ description: 'webhook, rest_hook or postback' }),
          url: z.string().meta({ description: 'Where it goes' }),
          status: word(deliveryStatuses).meta({ description: 'pending, succeeded, failed, held or cancelled' }),
          attempts: z.int().meta({ description: 'Tries so far' }),
          nextAttemptAt: timestamp.nullable().meta({ description: 'The next try' }),
        }),
      )
      .meta({ description: 'One an endpoint that subscribed to it; none: nobody did' }),
  })
  .meta({ id: 'TracedDelivery' });

const traceSchema = z
  .strictObject({
    query: z.string().meta({ description: 'What was asked for' }),
    found: z
      .array(
        z.strictObject({
          kind: z
            .string()
            .meta({ description: 'conversion, click, referral_code, coupon, link, affiliate, customer or message' }),
          id: z.string().meta({ description: 'Its id, or the code' }),
          title: z.string().meta({ description: 'What it is called' }),
        }),
      )
      .meta({ description: 'What the text names' }),
    verdict: verdictSchema.meta({ description: 'Paid, earned, or the first step that failed: of the newest order' }),
    checklist: z
      .array(
        z.strictObject({
          step: z.enum(traceSteps).meta({ description: 'What has to go well' }),
          state: z.enum(['ok', 'failed', 'not_reached']).meta({ description: 'Whether it did; at most one failed' }),
          sentence: z.string().meta({ description: 'In words' }),
        }),
      )
      .meta({ description: 'From the message to the payment, step by step' }),
    orders: z.array(orderSchema).meta({ description: 'The newest five of that name' }),
    hasMoreOrders: z.boolean().meta({ description: 'There are more of that name' }),
    messages: z.array(messageSchema).meta({ description: 'What arrived, the newest first; at most 20' }),
    refusals: z.array(refusalSchema).meta({ description: 'What was refused before it was stored' }),
    deliveries: z.array(deliverySchema).meta({ description: 'What subscribers were told, the oldest first' }),
  })
  .meta({ id: 'Trace' });
export type TraceView = z.output<typeof traceSchema>;

export const traceRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/trace',
    access: 'read',
    tag: 'Look-up',
    summary: 'Ask why something earned what it earned, or nothing',
    description:
      'Takes any name of a sale: a click, order, Stripe, RevenueCat, message, conversion or commission id, an e-mail, a referral, ' +
      'coupon or link code, a sub id. Says what arrived, how it was understood, which evidence decided, by what terms, what was ' +
      'posted and told, and a verdict with what to do. What the program does not know is `nothing_arrived`. ' +
      'Orders, and what made them, are found however old they are; of messages that made none the newest 1 000 of all and of each ' +
      'provider and the newest 2 000 in error are looked through, of sub2 to sub5 the newest 10 000 clicks, and refused requests ' +
      'are kept for 30 days.',
    query: z.strictObject({ q: text(255).meta({ description: 'What to look up', example: 'A-1001' }) }),
    status: 200,
    answer: one(traceSchema),
    handle: async (deps, { scope, query }) => ({ data: await traceText(deps, scope, query.q) }),
  }),
];
