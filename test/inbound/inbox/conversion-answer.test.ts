import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../../../src/domain/errors.ts';
import type { Outcome } from '../../../src/domain/outcomes.ts';
import { answerConversion } from '../../../src/inbound/inbox/conversion-answer.ts';
import type { ReadOutcome, SettledConversion } from '../../../src/inbound/inbox/read-outcomes.ts';

const conversion: SettledConversion = {
  id: 'cnv_1',
  kind: 'sale',
  status: 'pending',
  reason: null,
  livemode: true,
  amountMinor: 14999n,
  grossMinor: 14999n,
  refundedMinor: 0n,
  currency: 'USD',
  affiliateId: 'aff_1',
  offerId: 'off_1',
  customerId: null,
  clickId: 'clk_1',
  commissionMinor: 3000n,
  commissionCurrency: 'USD',
  createdAt: new Date(0),
};
const settled = (outcome: Outcome, more: Partial<ReadOutcome> = {}): ReadOutcome => ({
  outcome,
  reason: null,
  error: null,
  conversion,
  ...more,
});
const answer = (given: ReadOutcome | null, hint = '') =>
  answerConversion('ibx_1', given, { livemode: true, hint: () => hint });

describe('the answer to a conversion', () => {
  const tracked = {
    tracked: true,
    conversionId: 'cnv_1',
    status: 'pending',
    kind: 'sale',
    livemode: true,
    commission: { amountMinor: 3000, currency: 'USD', status: 'pending' },
  };

  it('recorded is 201 with the whole of it', () => {
    assert.deepEqual(answer(settled('recorded')), { status: 201, body: { data: tracked } });
  });

  it('updated is 200 with the same', () => {
    assert.deepEqual(answer(settled('updated')), { status: 200, body: { data: tracked } });
  });

  it('without a conversion (a page view) says so', () => {
    assert.deepEqual(answer(settled('recorded', { conversion: null })).body.data, {
      tracked: true,
      conversionId: null,
      status: null,
      kind: null,
      livemode: true,
      commission: null,
    });
  });

  const untracked: [ReadOutcome, string, string | undefined][] = [
    [settled('duplicate'), 'duplicate_order', 'cnv_1'],
    [settled('parked'), 'no_attribution', 'cnv_1'],
    [settled('not_tracked', { reason: 'cap_exceeded' }), 'cap_exceeded', 'cnv_1'],
    [settled('not_tracked', { conversion: { ...conversion, reason: 'max_duration' } }), 'max_duration', 'cnv_1'],
    [settled('not_tracked', { reason: 'unknown_status' }), 'unknown_status', 'cnv_1'],
    [settled('not_tracked', { reason: 'a_new_reason' }), 'a_new_reason', 'cnv_1'],
    [settled('ignored', { conversion: null }), 'ignored', undefined],
  ];
  for (const [given, reason, conversionId] of untracked) {
    it(`${given.outcome} for ${reason} is 200 and not tracked`, () => {
      const { status, body } = answer(given);
      assert.equal(status, 200);
      assert.ok(body.data.tracked === false);
      assert.equal(body.data.reason, reason);
      assert.equal(body.data.conversionId, conversionId);
      assert.match(body.data.message, /^[A-Z].*\.$/);
    });
  }

  it('says in words what a repeat says otherwise, and hints at names that were misspelt where nothing is tracked', () => {
    const given = settled('duplicate', { error: 'It differs.' });
    const { data } = answer(given, " 'refferal_code' is no field: was referral_code meant?").body;
    assert.deepEqual(data, {
      tracked: false,
      reason: 'duplicate_order',
      message: "It differs. 'refferal_code' is no field: was referral_code meant?",
      conversionId: 'cnv_1',
    });
    assert.deepEqual(answer(settled('recorded'), ' A hint.').body.data, tracked);
    assert.throws(() => answer(settled('rejected', { reason: 'click_not_found' }), ' A hint.'), {
      message: 'Click not found. A hint.',
    });
  });

  it('no result in time is 202 and where to look', () => {
    assert.deepEqual(answer(null), {
      status: 202,
      body: {
        data: { tracked: null, status: 'processing', inboxEventId: 'ibx_1', location: '/api/v1/inbox-events/ibx_1' },
      },
    });
  });

  it('failed is 202 too: it is stored and can be replayed', () => {
    const { status, body } = answer(settled('failed', { conversion: null, error: 'boom' }));
    assert.equal(status, 202);
    assert.equal('status' in body.data && body.data.status, 'failed');
    assert.ok(!JSON.stringify(body).includes('boom'));
  });

  it('rejected is a VALIDATION_ERROR with its reason', () => {
    for (const [given, reason, message] of [
      [settled('rejected', { reason: 'click_not_found', conversion: null }), 'click_not_found', 'Click not found'],
      [settled('rejected', { error: 'amount_required', conversion: null }), 'amount_required', /amount is required/],
      [settled('rejected', { reason: 'new', error: 'In words', conversion: null }), 'new', 'In words'],
      [settled('unprocessable', { error: 'In words', conversion: null }), 'In words', 'In words'],
    ] as const) {
      assert.throws(
        () => answer(given),
        (error) => {
          assert.ok(error instanceof AppError);
          assert.equal(error.code, 'VALIDATION_ERROR');
          assert.deepEqual(error.details, { reason });
          if (typeof message === 'string') assert.equal(error.message, message);
          else assert.match(error.message, message);
          return true;
        },
      );
    }
  });
});
