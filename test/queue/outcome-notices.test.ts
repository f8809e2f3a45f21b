import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNotice, writeNotices, type NoticedOutcome } from '../../src/queue/outcome-notices.ts';

function outcome(n: number, error: string | null = null): NoticedOutcome {
  return { id: `ibx_${String(n).padStart(32, '0')}`, outcome: 'recorded', reason: null, error, conversion: null };
}

test('outcomes arrive as they were announced, in as many notices as PostgreSQL takes', () => {
  const outcomes = Array.from({ length: 500 }, (_, n) =>
    n % 3 === 0 ? outcome(n).id : outcome(n, 'é'.repeat(n % 70)),
  );
  const notices = writeNotices(outcomes);
  for (const notice of notices) assert.ok(Buffer.byteLength(notice) < 8_000, `${Buffer.byteLength(notice)} bytes`);
  assert.ok(notices.length > 5);
  assert.deepEqual(notices.flatMap(readNotice), outcomes);
});

test('of an outcome that is too long for a notice the id is announced', () => {
  const notices = writeNotices([outcome(1), outcome(2, 'é'.repeat(4_000)), outcome(3)]);
  assert.deepEqual(notices.flatMap(readNotice), [outcome(1), outcome(2).id, outcome(3)]);
  assert.deepEqual(writeNotices([]), []);
});

test('what an older version announces is understood', () => {
  assert.deepEqual(readNotice('ibx_1,ibx_2'), ['ibx_1', 'ibx_2']);
});
