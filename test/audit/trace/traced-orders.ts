import type { Fact } from '../../../src/domain/facts.ts';
import type { Chapter } from '../../../src/audit/stories.ts';
import type { TracedMessage, TracedOrder, TraceStory } from '../../../src/audit/trace/trace-story.ts';
import type { TermsSnapshot } from '../../../src/pipeline/rules/catalog.ts';

type Order = TracedOrder['story']['order'];

export const NOW = '2026-11-03T12:00:00.000Z';
const SOLD = '2026-11-02T12:00:00.000Z';

export const terms: TermsSnapshot = {
  affiliateId: 'aff_ann',
  offerId: 'off_1',
  commission: { type: 'cps', rateBps: 2_000 },
  currency: 'USD',
  attributionWindowDays: 30,
  dailyCap: 0,
  affiliateActive: true,
  offerActive: true,
  affiliateEmails: ['ann@partners.example'],
};

export const sale: Fact = {
  type: 'sale',
  id: 'api:1',
  refs: ['order:A-1'],
  occurredAt: SOLD,
  customer: null,
  evidence: { affiliate: 'ann' },
  document: 'api',
  gross: { minor: 12_000, currency: 'USD' },
  net: { minor: 10_000, currency: 'USD' },
  phase: 'one_off',
  subscription: null,
  goal: 'purchase',
};

/** An approved sale of Ann's, unless said otherwise. */
export function tracedOrder(
  changes: Partial<Order> = {},
  more: Partial<Omit<TracedOrder, 'story'>> & { chapters?: Chapter[] } = {},
): TracedOrder {
  const { chapters = [chapter(sale)], ...rest } = more;
  const order: Order = {
    id: 'cnv_1',
    programId: 'prg_1',
    livemode: true,
    mergedInto: null,
    kind: 'sale',
    status: 'approved',
    reason: null,
    grossMinor: 12_000n,
    netMinor: 10_000n,
    refundedMinor: 0n,
    currency: 'USD',
    assumedCurrency: null,
    affiliateId: 'aff_ann',
    offerId: 'off_1',
    clickId: null,
    customerId: null,
    reference: 'order:A-1',
    orderId: 'A-1',
    goal: 'purchase',
    note: null,
    subscription: null,
    sub1: null,
    occurredAt: SOLD,
    refs: null,
    countedAt: null,
    commissionMinor: 2_000n,
    commissionCurrency: 'USD',
    terms: [terms],
    cap: null,
    explanation: {
      chosen: { by: 'affiliate', value: 'ann', affiliateId: 'aff_ann' },
      passedOver: [],
      amounts: amounts(),
      rule: 'cps: 2000 bps of what remains of net',
      flags: [],
    },
    own: null,
    bindsSubscription: false,
    isPayment: true,
    cpaSlot: null,
    ranksLast: false,
    holdDays: 0,
    pairingKey: null,
    pairingAt: null,
    joinedWithoutLink: false,
    review: null,
    approvableAt: null,
    approvedAt: SOLD,
    rejectedAt: null,
    paidAt: null,
    createdAt: SOLD,
    updatedAt: SOLD,
    ...changes,
  };
  return {
    story: {
      order,
      references: ['order:A-1'],
      mergedInto: order.mergedInto,
      merged: [],
      names: { program: 'Acme', affiliate: 'Ann', offer: 'Pro plan', keys: { key_1: 'back office' } },
      chapters,
    },
    affiliates: { aff_ann: { name: 'Ann', status: 'active' }, aff_bob: { name: 'Bob', status: 'banned' } },
    clickedAt: null,
    slotHolder: null,
    hint: '',
    ...rest,
  };
}

export function amounts(more: Partial<NonNullable<NonNullable<Order['explanation']>['amounts']>> = {}) {
  return {
    currency: 'USD',
    grossMinor: 12_000,
    netMinor: 10_000,
    refundedMinor: 0,
    disputedMinor: 0,
    remainingMinor: 10_000,
    document: 'api',
    ...more,
  };
}

export function chapter(fact: Fact, kind = 'conversion', postings: Chapter['postings'] = []): Chapter {
  return {
    at: fact.occurredAt,
    fact,
    message: {
      id: 'ibx_1',
      kind,
      sourceId: null,
      sourceRef: null,
      receivedAt: SOLD,
      settledAt: SOLD,
      outcome: 'recorded',
      reason: null,
      error: null,
    },
    postings,
  };
}

export function message(changes: Partial<TracedMessage> = {}): TracedMessage {
  return {
    id: 'ibx_1',
    kind: 'stripe',
    sourceId: 'srr_1',
    sourceRef: 'srr_1',
    receivedAt: SOLD,
    settledAt: SOLD,
    status: 'processed',
    outcome: 'recorded',
    reason: null,
    error: null,
    conversionId: null,
    facts: [],
    understood: [],
    hint: '',
    ...changes,
  };
}

export function story(changes: Partial<TraceStory> = {}): TraceStory {
  return {
    query: 'A-1',
    livemode: true,
    now: NOW,
    subject: null,
    asked: null,
    mergedFrom: null,
    orders: [],
    messages: [],
    refusals: [],
    elsewhere: null,
    ...changes,
  };
}
