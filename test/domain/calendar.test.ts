import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays, addMonths } from '../../src/domain/calendar.ts';

test('days that are added leave the time of day, whichever instants come one after another', () => {
  const instants = [
    '2026-01-31T09:10:11.012Z',
    '2026-01-31T23:59:59.999Z',
    '2024-02-28T00:00:00.000Z',
    '2026-01-31T09:10:11Z',
    '2026-01-31T09:10:11+0200',
    '9999-12-31T00:00:00.000Z',
    '2026-01-31T09:10:11.012Z',
  ];
  for (const days of [0, 1, 30, 365, 30]) {
    for (const instant of [...instants, ...instants.toReversed()]) {
      const expected = new Date(Date.parse(instant) + days * 86_400_000).toISOString();
      assert.equal(addDays(instant, days), expected, `${instant} + ${days}`);
    }
  }
});

test('a month later is the same day, or the last one of a shorter month', () => {
  assert.equal(addMonths('2026-01-31', 1), '2026-02-28');
  assert.equal(addMonths('2024-01-31', 1), '2024-02-29');
  assert.equal(addMonths('2100-01-31', 1), '2100-02-28');
  assert.equal(addMonths('2000-01-31', 1), '2000-02-29');
  assert.equal(addMonths('2026-08-31', 1), '2026-09-30');
  assert.equal(addMonths('2026-11-05', 2), '2027-01-05');
  for (let months = 0; months <= 1_200; months += 1) {
    for (const day of ['2024-02-29', '2026-12-31', '2026-01-01']) {
      const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
      const last = new Date(Date.UTC(year, month + months, 0));
      const expected = `${last.toISOString().slice(0, 8)}${String(Math.min(date, last.getUTCDate())).padStart(2, '0')}`;
      assert.equal(addMonths(day, months), expected, `${day} + ${months} months`);
    }
  }
});
