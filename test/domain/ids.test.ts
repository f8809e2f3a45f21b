import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from '../../src/domain/ids.ts';

test('ids of one process sort in the order in which they were made, however many fall into one millisecond', (t) => {
  const ids = Array.from({ length: 20_000 }, () => newId('evt'));
  assert.deepEqual(ids.toSorted(), ids);
  assert.equal(new Set(ids).size, ids.length);
  assert.match(ids[0] ?? '', /^evt_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);

  const before = newId('evt');
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 60_000 });
  assert.ok(newId('evt') > before, 'a clock that goes back does not undo the order');
});
