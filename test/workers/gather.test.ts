import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherBatches } from '../../workers/gather.ts';

/** A handler whose batches end when they are told to. */
function handler() {
  const batches: { items: number[]; finish: PromiseWithResolvers<void> }[] = [];
  const handle = (items: number[]): Promise<void> => {
    const finish = Promise.withResolvers<void>();
    batches.push({ items, finish });
    return finish.promise;
  };
  const seen = () => batches.map(({ items }) => items);
  return { batches, handle, seen };
}

const usual = { atOnce: 2, maxSize: 100, worthwhileSize: 1, patienceMs: 60_000, sizeOf: () => 1 };

test('what comes alone goes at once, what comes meanwhile goes together', async () => {
  const { batches, handle, seen } = handler();
  const add = gatherBatches<number>({ ...usual, handle });
  const done = [1, 2, 3, 4, 5].map((item) => add(item));
  assert.deepEqual(seen(), [[1], [2]]);
  batches[0]?.finish.resolve();
  await done[0];
  assert.deepEqual(seen(), [[1], [2], [3, 4, 5]]);
  const late = add(6);
  batches[1]?.finish.resolve();
  await done[1];
  assert.deepEqual(seen(), [[1], [2], [3, 4, 5], [6]]);
  for (const { finish } of batches) finish.resolve();
  await Promise.all([...done, late]);
  const again = add(7);
  batches.at(-1)?.finish.resolve();
  await again;
  assert.deepEqual(seen().at(-1), [7]);
});

test('little waits for the batch under way, in order; as soon as it is worth a batch it goes beside it', async () => {
  const { batches, handle, seen } = handler();
  const add = gatherBatches<number>({ ...usual, worthwhileSize: 3, handle });
  const done = [1, 2, 3].map((item) => add(item));
  assert.deepEqual(seen(), [[1]]);
  done.push(add(4));
  assert.deepEqual(seen(), [[1], [2, 3, 4]]);
  done.push(add(5));
  for (let n = 0; n < 3; n += 1) {
    batches[n]?.finish.resolve();
    await new Promise(setImmediate);
  }
  await Promise.all(done);
  assert.deepEqual(seen(), [[1], [2, 3, 4], [5]]);
});

test('little does not wait for ever for a batch that is held up', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { batches, handle, seen } = handler();
  const add = gatherBatches<number>({ ...usual, worthwhileSize: 10, patienceMs: 50, handle });
  const done = [1, 2, 3].map((item) => add(item));
  t.mock.timers.tick(49);
  assert.deepEqual(seen(), [[1]]);
  t.mock.timers.tick(1);
  assert.deepEqual(seen(), [[1], [2, 3]]);
  // No third beside two, however long it takes.
  done.push(add(4));
  t.mock.timers.tick(1_000);
  assert.deepEqual(seen(), [[1], [2, 3]]);
  batches[1]?.finish.resolve();
  await Promise.all([done[1], done[2]]);
  t.mock.timers.tick(50);
  assert.deepEqual(seen(), [[1], [2, 3], [4]]);
  for (const { finish } of batches) finish.resolve();
  await Promise.all(done);
});

test('a batch ends before it grows too large; what alone is larger goes alone', async () => {
  const { batches, handle, seen } = handler();
  const add = gatherBatches<number>({ ...usual, atOnce: 1, maxSize: 10, sizeOf: (item) => item, handle });
  const done = [1, 6, 4, 1, 12, 3].map((item) => add(item));
  for (let n = 0; n < 5; n += 1) {
    batches[n]?.finish.resolve();
    await new Promise(setImmediate);
  }
  await Promise.all(done);
  assert.deepEqual(seen(), [[1], [6, 4], [1], [12], [3]]);
});

test('a failure is that of all items of its batch, and the next batch goes on', async () => {
  const { batches, handle, seen } = handler();
  const add = gatherBatches<number>({ ...usual, atOnce: 1, handle });
  const first = add(1);
  const second = add(2);
  const third = add(3);
  const failed = Promise.allSettled([second, third]);
  batches[0]?.finish.resolve();
  await first;
  const fourth = add(4);
  batches[1]?.finish.reject(new Error('the database is away'));
  assert.deepEqual(
    (await failed).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  batches[2]?.finish.resolve();
  await fourth;
  assert.deepEqual(seen(), [[1], [2, 3], [4]]);
});
