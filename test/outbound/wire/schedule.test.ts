import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDelivered, isGone, parseRetryAfter, planPause, planRetry } from '../../../src/outbound/wire/schedule.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const retryScheduleS = [5, 300, 1800, 7200, 18000, 36000, 36000, 50400, 72000, 86400];

function delayS(step: number, random: number, retryAfterS: number | null = null): number | null {
  const next = planRetry({ step, at, retryScheduleS, random: () => random, retryAfterS });
  return next && (next.getTime() - at.getTime()) / 1000;
}

test('the delays are those of the schedule, within 20 % both ways', () => {
  for (const [step, delay] of retryScheduleS.entries()) {
    assert.equal(delayS(step, 0.5), delay);
    assert.ok(Math.abs((delayS(step, 0) ?? 0) - delay * 0.8) < 0.01);
    assert.ok(Math.abs((delayS(step, 1) ?? 0) - delay * 1.2) < 0.01);
  }
});

test('after the last delay the schedule is used up: eleven attempts in all', () => {
  assert.equal(delayS(9, 0.5), 86400);
  assert.equal(delayS(10, 0.5), null);
  assert.equal(planRetry({ step: 0, at, retryScheduleS: [], random: () => 0.5, retryAfterS: null }), null);
});

test('Retry-After lengthens a delay and never shortens one', () => {
  assert.equal(delayS(0, 0.5, 60), 60);
  assert.equal(delayS(1, 0.5, 60), 300);
  assert.equal(delayS(10, 0.5, 60), null);
});

test('Retry-After is read as seconds and as a date, bounded by a day, and ignored where it is neither', () => {
  assert.equal(parseRetryAfter('120', at), 120);
  assert.equal(parseRetryAfter('Fri, 20 Nov 2026 12:00:30 GMT', at), 30);
  assert.equal(parseRetryAfter('Fri, 20 Nov 2026 11:00:00 GMT', at), 0);
  assert.equal(parseRetryAfter('99999999999999999999', at), 86400);
  for (const value of ['', 'soon', undefined]) assert.equal(parseRetryAfter(value, at), null);
});

test('2xx alone is delivered; redirects and silence are failures; 410 means gone', () => {
  const outcomes = [200, 201, 204, 299, 300, 302, 307, 400, 404, 429, 500, 503, null].map((responseStatus) => ({
    responseStatus,
  }));
  assert.deepEqual(
    outcomes.filter(isDelivered).map((outcome) => outcome.responseStatus),
    [200, 201, 204, 299],
  );
  assert.deepEqual(
    [410, 404, null].map((responseStatus) => isGone({ responseStatus })),
    [true, false, false],
  );
});

test('the breaker opens after 20 failures in a row and pauses ever longer, up to a minute', () => {
  assert.equal(planPause(19, retryScheduleS), 0);
  assert.deepEqual(
    [20, 21, 22, 23, 24, 100].map((failures) => planPause(failures, retryScheduleS)),
    [5, 10, 20, 40, 60, 60],
  );
});
