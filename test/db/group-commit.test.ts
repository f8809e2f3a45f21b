import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GroupCommit, type WriteAttempt } from '../../src/db/group-commit.ts';
import { AppError } from '../../src/domain/errors.ts';

interface GatedStore {
  written: string[][];
  release: () => void;
  write: (items: string[]) => Promise<void>;
}

/** A store whose every write waits to be let go. */
function gated(): GatedStore {
  const written: string[][] = [];
  let open: () => void = () => undefined;
  return {
    written,
    release: () => open(),
    async write(items) {
      if (items.includes('poison')) throw new Error('invalid byte sequence');
      if (items.includes('outage')) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
      written.push(items);
      await new Promise<void>((resolve) => (open = resolve));
    },
  };
}

const bounds = {
  sizeOf: (item: string) => item.length,
  maxRows: 3,
  maxBytes: 100,
  maxWaitingRows: 5,
  maxWaitingBytes: 100,
  isOutage: (error: unknown) => error instanceof Error && 'code' in error,
};

const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

/** Lets go of every write until all the callers have their answer. */
async function releaseUntilDone<T>(store: GatedStore, callers: Promise<T>): Promise<T> {
  const timer = setInterval(store.release, 2);
  try {
    return await callers;
  } finally {
    clearInterval(timer);
  }
}

describe('group commit', () => {
  test('while one group is written the next gathers, up to its bound', async () => {
    const store = gated();
    const group = new GroupCommit<string>({ ...bounds, write: store.write });
    const first = group.add('a');
    while (store.written.length === 0) await turn();
    const others = ['b', 'c', 'd', 'e'].map((item) => group.add(item));
    await releaseUntilDone(store, Promise.all([first, ...others]));
    assert.deepEqual(store.written, [['a'], ['b', 'c', 'd'], ['e']]);
  });

  test('past the bound of what may wait, callers are told to come back', async () => {
    const store = gated();
    const group = new GroupCommit<string>({ ...bounds, write: store.write });
    const first = group.add('a');
    while (store.written.length === 0) await turn();
    const waiting = ['b', 'c', 'd', 'e', 'f'].map((item) => group.add(item));
    await assert.rejects(group.add('g'), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'UNAVAILABLE');
      assert.equal(error.retryAfterS, 2);
      return true;
    });
    await releaseUntilDone(store, Promise.all([first, ...waiting]));
  });

  test('of a group that fails for its content only the bad row fails', async () => {
    const store = gated();
    const group = new GroupCommit<string>({ ...bounds, write: store.write });
    const callers = Promise.allSettled(['a', 'poison', 'b'].map((item) => group.add(item)));
    assert.deepEqual(
      (await releaseUntilDone(store, callers)).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(store.written, [['a'], ['b']]);
  });

  test('an outage fails the whole group at once, without trying row by row', async () => {
    const store = gated();
    const group = new GroupCommit<string>({ ...bounds, write: store.write });
    const results = await Promise.allSettled(['a', 'outage', 'b'].map((item) => group.add(item)));
    assert.ok(results.every(({ status }) => status === 'rejected'));
    assert.deepEqual(store.written, []);
  });

  test('after an outage a group is written once more where that is safe, and fails only then', async () => {
    const attempts: { items: string[]; isSecond: boolean }[] = [];
    const failing =
      (times: number) =>
      async (items: string[], { isSecond, withinMs }: WriteAttempt) => {
        assert.ok(withinMs > 250 && withinMs <= 4_000);
        attempts.push({ items, isSecond });
        if (attempts.length <= times) throw Object.assign(new Error('gone'), { code: '57P01' });
      };
    await new GroupCommit<string>({ ...bounds, write: failing(1), writesAgain: true }).add('a');
    assert.deepEqual(attempts.splice(0), [
      { items: ['a'], isSecond: false },
      { items: ['a'], isSecond: true },
    ]);
    await assert.rejects(new GroupCommit<string>({ ...bounds, write: failing(1) }).add('b'));
    assert.equal(attempts.splice(0).length, 1);
    await assert.rejects(new GroupCommit<string>({ ...bounds, write: failing(2), writesAgain: true }).add('c'));
    assert.equal(attempts.length, 2);
  });
});
