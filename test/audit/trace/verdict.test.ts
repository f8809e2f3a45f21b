import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { traceCauses, traceSteps, type TraceCause } from '../../../src/audit/trace/causes.ts';
import { checklistOf } from '../../../src/audit/trace/checklist.ts';
import type { RefusedRequest } from '../../../src/audit/trace/refused-requests.ts';
import type { Subject, TraceStory } from '../../../src/audit/trace/trace-story.ts';
import { verdictOf } from '../../../src/audit/trace/verdict.ts';
import type { Fact } from '../../../src/domain/facts.ts';
import { amounts, chapter, message, sale, story, terms, tracedOrder } from './traced-orders.ts';

interface Case {
  story: TraceStory;
  cause: TraceCause;
  says: RegExp;
  /** What to do; null: nothing. */
  advises: RegExp | null;
}

type OrderChanges = Parameters<typeof tracedOrder>[0];
type More = Parameters<typeof tracedOrder>[1];

const of = (changes: OrderChanges, more: More = {}, rest: Partial<TraceStory> = {}): TraceStory =>
  story({ orders: [tracedOrder(changes, more)], ...rest });
const unpaid = (reason: string, changes: OrderChanges = {}, more: More = {}): TraceStory =>
  of({ status: 'not_tracked', reason, commissionMinor: 0n, ...changes }, more);
const explained = (more: object) => ({ ...tracedOrder().story.order.explanation, ...more }) as never;

const common = { id: 'f', refs: ['order:A-1'], occurredAt: '2026-11-02T12:00:00.000Z', customer: null, evidence: {} };
const stripeSale: Fact = { ...sale, evidence: {} };
const rejection: Fact = { ...common, type: 'decision', status: 'rejected', reason: 'stolen card', by: 'key_1' };
const lead: Fact = { ...common, type: 'lead', subscription: null, goal: 'lead' };
const refund: Fact = { ...common, type: 'refund', refundId: 're_1', amount: null };
const tracker = (state: 'unknown' | 'hold' | 'rejected', word: string): Fact => ({
  ...common,
  type: 'tracker',
  state,
  word,
  amount: null,
  goal: 'purchase',
});
const posting = (status: string) => ({
  id: 'led_1',
  orderId: 'cnv_1',
  affiliateId: 'aff_ann',
  amountMinor: 2_000n,
  currency: 'USD',
  type: 'earning',
  createdAt: '2026-11-02T12:00:00.000Z',
  payout: { id: 'pay_1', status, createdAt: '2026-11-03T00:00:00.000Z', paidAt: null },
});
const click: Subject = {
  kind: 'click',
  value: 'clk_bob',
  affiliateId: 'aff_bob',
  affiliateName: 'Bob',
  occurredAt: '2026-11-01T12:00:00.000Z',
};
const refused = (reason: RefusedRequest['reason'], text: string, count = 1): TraceStory =>
  story({
    refusals: [
      {
        id: 'rfs_1',
        sourceId: 'srr_1',
        reason,
        message: text,
        count,
        firstAt: '2026-11-02T11:00:00.000Z',
        lastAt: '2026-11-02T12:00:00.000Z',
      },
    ] satisfies RefusedRequest[],
  });
const cpa = { ...terms, commission: { type: 'cpa', amountMinor: 500 } } as const;
const parkedOrder = { status: 'parked', reason: 'no_attribution', affiliateId: null, commissionMinor: 0n } as const;

const cases: Record<string, Case> = {
  'nothing arrived': {
    story: story(),
    cause: 'nothing_arrived',
    says: /^Nothing arrived under this name in live mode/,
    advises: /own log/,
  },
  'a click and no sale': {
    story: story({ subject: click }),
    cause: 'click_without_sale',
    says: /clk_bob of 2026-11-01 12:00 UTC is known, of Bob/,
    advises: /checkout/,
  },
  'a code and no sale': {
    story: story({ subject: { ...click, kind: 'coupon' } }),
    cause: 'nothing_arrived',
    says: /It is known .*Bob/,
    advises: /own log/,
  },
  'a refund and no sale': {
    story: of({ status: 'waiting', kind: null }, { chapters: [chapter(refund)] }),
    cause: 'sale_missing',
    says: /a refund came, but no sale/,
    advises: /requiredEvents/,
  },
  'a wrong signature': {
    story: refused('signature_wrong', 'The signature does not fit.', 3),
    cause: 'refused',
    says: /^3 requests that carry it were refused at the door of the source srr_1, .*: The signature does not fit\.$/,
    advises: /that of another endpoint/,
  },
  'a wrong key': {
    story: refused('key_wrong', 'This API key is not known'),
    cause: 'refused',
    says: /^A request that carries it was refused/,
    advises: /key of this program that may write or ingest/,
  },
  'an address that is not allowed': {
    story: refused('address', 'Not from there'),
    cause: 'refused',
    says: /Not from there/,
    advises: /allowedCidrs/,
  },
  'a macro that was not replaced': {
    story: refused('macro', 'click_id is a macro that was not replaced'),
    cause: 'refused',
    says: /macro that was not replaced/,
    advises: /by the name that this tracker knows/,
  },
  'a deleted source': {
    story: refused('source_deleted', 'There is no such source'),
    cause: 'refused',
    says: /no such source/,
    advises: /deleted/,
  },
  'a body that is too large': {
    story: refused('too_large', 'The body is too large'),
    cause: 'refused',
    says: /too large/,
    advises: /Send less/,
  },
  'a message that waits': {
    story: story({ messages: [message({ status: 'received', outcome: null, settledAt: null })] }),
    cause: 'waiting',
    says: /waits to be settled/,
    advises: /readyz/,
  },
  'an ignored type': {
    story: story({
      messages: [
        message({
          status: 'ignored',
          outcome: 'ignored',
          reason: 'Events of this type move no money: product.created',
        }),
      ],
    }),
    cause: 'ignored',
    says: /ignored: Events of this type move no money: product\.created/,
    advises: /requiredEvents/,
  },
  'an unreadable message': {
    story: story({
      messages: [message({ status: 'unprocessable', outcome: 'unprocessable', error: 'amount is missing' })],
    }),
    cause: 'unprocessable',
    says: /cannot be read: amount is missing/,
    advises: /replay/,
  },
  'a message that failed': {
    story: story({ messages: [message({ status: 'failed', outcome: 'failed', error: 'deadlock' })] }),
    cause: 'failed',
    says: /settling it failed: deadlock/,
    advises: /replay/,
  },
  'a funnel event': {
    story: story({ messages: [message({ kind: 'event' })] }),
    cause: 'ignored',
    says: /carries no money/,
    advises: /Send the sale/,
  },
  'the other mode': {
    story: story({ elsewhere: { kind: 'order', livemode: false } }),
    cause: 'other_mode',
    says: /The order is here, but in test mode: it came by a test key/,
    advises: /with a test key/,
  },
  'the other mode, from test': {
    story: story({ livemode: false, elsewhere: { kind: 'message', livemode: true } }),
    cause: 'other_mode',
    says: /in live mode: .*Nothing is known of it in test mode/,
    advises: /live key/,
  },
  'parked, from Stripe': {
    story: of(
      { ...parkedOrder, explanation: explained({ chosen: null }) },
      { chapters: [chapter(stripeSale, 'stripe')] },
    ),
    cause: 'parked',
    says: /Empty: metadata\.affiliate_id, metadata\.click_id, metadata\.coupon_code, client_reference_id, discounts\./,
    advises: /under the same id/,
  },
  'parked, by the API, with a misspelt name': {
    story: of(
      { ...parkedOrder, explanation: explained({ chosen: null }) },
      { chapters: [chapter({ ...sale, evidence: {} })], hint: "'refferal_code' is no field: was referral_code meant?" },
    ),
    cause: 'parked',
    says: /Empty: affiliate_id, click_id, referral_code, coupon_code\..*'refferal_code' is no field/,
    advises: /Send the order again/,
  },
  'parked, with a code of nobody': {
    story: of({
      ...parkedOrder,
      explanation: explained({
        chosen: null,
        passedOver: [{ by: 'coupon', value: 'SAVE', why: 'no affiliate has this coupon' }],
      }),
    }),
    cause: 'parked',
    says: /The coupon code 'SAVE' is given, and no affiliate has this coupon/,
    advises: /Give the code to its affiliate/,
  },
  'parked, with an unknown click': {
    story: of({
      ...parkedOrder,
      explanation: explained({ chosen: null, passedOver: [{ by: 'click', value: 'clk_x', why: 'no such click' }] }),
    }),
    cause: 'click_unknown',
    says: /the click clk_x is unknown to this program/,
    advises: /POST \/clicks/,
  },
  'parked, with an unknown affiliate': {
    story: of({
      ...parkedOrder,
      explanation: explained({
        chosen: null,
        passedOver: [{ by: 'affiliate', value: 'annn', why: 'no such affiliate' }],
      }),
    }),
    cause: 'affiliate_unknown',
    says: /'annn'.* is unknown to this program/,
    advises: /GET \/affiliates/,
  },
  'a click that was refused': {
    story: story({
      messages: [
        message({
          kind: 'conversion',
          outcome: 'rejected',
          reason: 'click_not_found',
          error: 'Click not found: clk_x',
        }),
      ],
    }),
    cause: 'click_unknown',
    says: /not taken in: Click not found: clk_x/,
    advises: /in the same mode/,
  },
  'an affiliate that was refused': {
    story: story({
      messages: [message({ outcome: 'rejected', reason: 'affiliate_not_found', error: 'Affiliate not found: annn' })],
    }),
    cause: 'affiliate_unknown',
    says: /Affiliate not found: annn/,
    advises: /GET \/affiliates/,
  },
  'an offer that was refused': {
    story: story({
      messages: [message({ outcome: 'rejected', reason: 'offer_not_found', error: 'Offer not found: pro' })],
    }),
    cause: 'offer_unknown',
    says: /Offer not found: pro/,
    advises: /GET \/offers/,
  },
  'a refund of an unknown order': {
    story: story({ messages: [message({ outcome: 'rejected', reason: 'order_not_found', error: 'Order not found' })] }),
    cause: 'order_unknown',
    says: /Order not found/,
    advises: /sale first/,
  },
  'a time far ahead': {
    story: story({
      messages: [
        message({
          outcome: 'rejected',
          reason: 'occurred_at_in_future',
          error: 'occurredAt is more than a year ahead',
        }),
      ],
    }),
    cause: 'message_rejected',
    says: /year ahead/,
    advises: /time at which/,
  },
  'stronger evidence for another': {
    story: of(
      {
        explanation: explained({
          passedOver: [{ by: 'click', value: 'clk_bob', why: 'weaker evidence', affiliateId: 'aff_bob' }],
        }),
      },
      {},
      { subject: click },
    ),
    cause: 'stronger_evidence',
    says: /went to Ann \(aff_ann\): the affiliate 'ann'.* Passed over: the click clk_bob of Bob \(aff_bob\): weaker evidence/,
    advises: /guide/,
  },
  'outside the window': {
    story: unpaid('outside_window', { clickId: 'clk_1' }, { clickedAt: '2026-10-02T12:00:00.000Z' }),
    cause: 'outside_window',
    says: /The click clk_1 of Ann .*31 days before the order began\) is older than the window of the offer, 30 days/,
    advises: /attributionWindowDays/,
  },
  'an affiliate who is not active': {
    story: unpaid('affiliate_not_active', { affiliateId: 'aff_bob' }),
    cause: 'affiliate_not_active',
    says: /Bob \(aff_bob\) was not active when this counted \(now: banned\)/,
    advises: /"active"/,
  },
  'an offer that is not published': {
    story: unpaid('offer_not_active'),
    cause: 'offer_not_active',
    says: /The offer Pro plan was not published/,
    advises: /"published"/,
  },
  'a self-referral': {
    story: unpaid('self_referral'),
    cause: 'self_referral',
    says: /same e-mail address/,
    advises: /two people/,
  },
  'the CPA limit of a customer': {
    story: unpaid('cpa_customer_limit', { terms: [cpa] }, { slotHolder: 'cnv_0' }),
    cause: 'cpa_limit',
    says: /once for each customer: this customer had converted before, by cnv_0/,
    advises: /cps or revshare/,
  },
  'the CPA limit of a click': {
    story: unpaid('cpa_click_limit', { terms: [cpa] }),
    cause: 'cpa_limit',
    says: /once for each click/,
    advises: /cps or revshare/,
  },
  'the daily cap': {
    story: unpaid('cap_exceeded', {
      terms: [{ ...terms, dailyCap: 5 }],
      cap: { offerId: 'off_1', day: '2026-11-02', granted: false },
    }),
    cause: 'cap',
    says: /daily cap of Pro plan \(5\) was used up on 2026-11-02/,
    advises: /dailyCap/,
  },
  'a duration that is over': {
    story: unpaid('max_duration', {
      terms: [{ ...terms, commission: { type: 'revshare', rateBps: 2_000, durationMonths: 12 } }],
    }),
    cause: 'duration_over',
    says: /run out: it lasts 12 months/,
    advises: /durationMonths/,
  },
  'a renewal that is not paid': {
    story: unpaid('renewal_not_paid', { kind: 'renewal' }),
    cause: 'renewal_not_paid',
    says: /renewal, and Pro plan pays the first payment only \(cps\)/,
    advises: /revshare/,
  },
  'no amount': {
    story: unpaid('amount_required'),
    cause: 'amount_required',
    says: /pays a percentage, and no amount is known/,
    advises: /amount and currency/,
  },
  'no readable amount': {
    story: unpaid('amount_invalid'),
    cause: 'amount_invalid',
    says: /cannot be read/,
    advises: /149\.90/,
  },
  'a status word that nobody maps': {
    story: unpaid('unknown_status', {}, { chapters: [chapter(tracker('unknown', 'onhold'))] }),
    cause: 'unknown_status',
    says: /does not map: 'onhold'/,
    advises: /statuses/,
  },
  'an imported order': {
    story: unpaid('imported'),
    cause: 'imported',
    says: /imported from has settled it/,
    advises: null,
  },
  'a merged order': {
    story: of({}, {}, { mergedFrom: 'cnv_0' }),
    cause: 'merged',
    says: /^cnv_0 turned out to be the same order as cnv_1.* Ann \(aff_ann\) earns 20\.00 USD/,
    advises: /payouts/,
  },
  'a repeat': {
    story: of(
      {},
      {},
      {
        asked: message({
          outcome: 'duplicate',
          conversionId: 'cnv_1',
          error: 'the amount is 120.00 USD, not 130.00 USD.',
        }),
      },
    ),
    cause: 'duplicate',
    says: /repeats an order\. the amount is 120\.00 USD, not 130\.00 USD\./,
    advises: /payouts/,
  },
  'a review': {
    story: of({
      status: 'pending',
      review: { reasons: ['same_domain'], grounds: [], since: '2026-11-02T12:00:00.000Z' },
    }),
    cause: 'in_review',
    says: /held for review since 2026-11-02 12:00 UTC: same_domain/,
    advises: /commissions/,
  },
  'a review of what is approved': {
    story: of({ review: { reasons: ['paid_to_another'], grounds: [], since: '2026-11-02T12:00:00.000Z' } }),
    cause: 'in_review',
    says: /approved, but held for review/,
    advises: /commissions/,
  },
  'a hold': {
    story: of({ status: 'pending', approvableAt: '2026-12-02T12:00:00.000Z' }),
    cause: 'on_hold',
    says: /on hold until 2026-12-02 12:00 UTC\.$/,
    advises: /by itself/,
  },
  'a hold that is over': {
    story: of({ status: 'pending', approvableAt: '2026-11-03T11:00:00.000Z' }),
    cause: 'on_hold',
    says: /which is over/,
    advises: /by itself/,
  },
  'no approval yet': {
    story: of({ status: 'pending' }),
    cause: 'awaiting_approval',
    says: /waits for somebody to approve it/,
    advises: /autoApprove/,
  },
  'a lead': {
    story: of({ status: 'pending', kind: 'lead' }, { chapters: [chapter(lead)] }),
    cause: 'no_money_yet',
    says: /It is a lead/,
    advises: null,
  },
  "a tracker's hold": {
    story: of({ status: 'pending', kind: 'action' }, { chapters: [chapter(tracker('hold', 'pending'))] }),
    cause: 'no_money_yet',
    says: /The tracker holds it/,
    advises: /sale/,
  },
  'rejected by a person': {
    story: of({ status: 'rejected', reason: 'stolen card' }, { chapters: [chapter(sale), chapter(rejection)] }),
    cause: 'rejected',
    says: /rejected by the key 'back office' \(key_1\) on 2026-11-02 12:00 UTC: stolen card/,
    advises: /final/,
  },
  'rejected by a tracker': {
    story: of({ status: 'rejected', reason: 'rejected' }, { chapters: [chapter(tracker('rejected', 'declined'))] }),
    cause: 'rejected',
    says: /tracker that told of it rejected it/,
    advises: /final/,
  },
  refunded: {
    story: of({
      status: 'reversed',
      explanation: explained({ amounts: amounts({ refundedMinor: 12_000, remainingMinor: 0 }) }),
    }),
    cause: 'refunded',
    says: /120\.00 USD of it refunded\), so the commission was taken back/,
    advises: null,
  },
  disputed: {
    story: of({
      status: 'reversed',
      explanation: explained({ amounts: amounts({ disputedMinor: 12_000, remainingMinor: 0 }) }),
    }),
    cause: 'disputed',
    says: /disputed/,
    advises: /is won/,
  },
  earned: {
    story: of({}),
    cause: 'earned',
    says: /^Ann \(aff_ann\) earns 20\.00 USD: 20 % of 120\.00 USD gross, 100\.00 USD net\. It is approved/,
    advises: /POST \/payouts/,
  },
  'in a payout': {
    story: of({}, { chapters: [chapter(sale, 'conversion', [posting('pending')])] }),
    cause: 'in_payout',
    says: /in payout pay_1, which is pending/,
    advises: /"paid"/,
  },
  paid: {
    story: of(
      { status: 'paid', paidAt: '2026-11-03T00:00:00.000Z' },
      { chapters: [chapter(sale, 'conversion', [posting('paid')])] },
    ),
    cause: 'paid',
    says: /paid in payout pay_1 on 2026-11-03/,
    advises: null,
  },
};

describe('the verdict of a trace', () => {
  for (const [name, { story: told, cause, says, advises }] of Object.entries(cases)) {
    test(name, () => {
      const verdict = verdictOf(told);
      assert.deepEqual([verdict.cause, verdict.sentence.match(says) !== null], [cause, true], verdict.sentence);
      if (advises === null) assert.equal(verdict.advice, null);
      else assert.match(verdict.advice ?? '', advises);
      if (cause !== 'merged') assert.equal(verdict.step, traceCauses[cause]);

      const checks = checklistOf(verdict, told.orders[0] ?? null);
      assert.deepEqual(
        checks.map(({ step }) => step),
        traceSteps,
      );
      const at = checks.findIndex(({ state }) => state !== 'ok');
      assert.equal(at, cause === 'paid' ? -1 : traceSteps.indexOf(verdict.step), 'all before it went well');
      const later = at === -1 ? [] : checks.slice(at + 1);
      assert.ok(later.every(({ state }) => state === 'not_reached'));
      if (at !== -1) assert.equal(checks[at]?.sentence, verdict.sentence);
      assert.ok(
        checks.every(({ sentence }) => /[.?]$/.test(sentence)),
        JSON.stringify(checks),
      );
    });
  }

  test('every cause has a case', () => {
    const met = new Set(Object.values(cases).map(({ cause }) => cause));
    assert.deepEqual(
      Object.keys(traceCauses).filter((cause) => !met.has(cause as TraceCause)),
      [],
    );
  });
});
