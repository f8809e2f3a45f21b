import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createDatabase } from '../../src/db/database.ts';
import { withinTime } from '../../src/db/connection.ts';
import { inTransaction, type Db } from '../../src/db/db.ts';
import { isOutage } from '../../src/db/outage.ts';
import { toAppError } from '../../src/db/pg-errors.ts';
import { runSql } from '../support/sql.ts';
import { openSeverableDatabase, type SeverableDatabase } from '../support/severable-database.ts';

let database: SeverableDatabase;
let db: Db;

before(async () => {
  database = await openSeverableDatabase();
  db = createDatabase({ url: database.url, role: 'test', poolSize: 4 });
});
after(async () => {
  await db.destroy();
  await database.close();
});

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail');
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work;
  const tookMs = performance.now() - start;
  assert.ok(tookMs < ms, `it took ${Math.round(tookMs)} ms`);
  return result;
}

const pidOf = async (one: Db): Promise<number> => {
  const [row] = await runSql<{ pid: number }>(one, 'select pg_backend_pid() as pid');
  return row?.pid ?? 0;
};

/** The process ids of so many sessions, all of which are idle afterwards. */
async function fillPool(sessions: number): Promise<Set<number>> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  const pids = Array.from({ length: sessions }, () =>
    inTransaction(db, async (trx) => {
      const pid = await pidOf(trx);
      if ((waiting += 1) === sessions) resolve();
      await promise;
      return pid;
    }),
  );
  return new Set(await Promise.all(pids));
}

describe('a database host that is lost without a word', () => {
  test('a statement under way fails as an outage within seconds, and the whole pool connects anew; a slow one goes on', async () => {
    const before = await fillPool(3);
    const slow = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
    await runSql(slow, 'select 1');
    const sleeping = runSql(db, 'select pg_sleep(4.5), 1 as one');
    // It reached its server; what comes later does not.
    await new Promise((resolve) => void setTimeout(resolve, 100));
    database.lose();
    const other = runSql(slow, 'select 1');
    const late = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
    const working = runSql<{ one: number }>(late, 'select pg_sleep(4.5), 1 as one');
    const [failure, otherFailure] = await within(
      5_000,
      Promise.all([failureOf(runSql(db, 'select 1')), failureOf(other)]),
    );
    for (const error of [failure, otherFailure]) {
      assert.ok(isOutage(error), String(error));
      assert.deepEqual([toAppError(error).status, toAppError(error).retryAfterS], [503, 2]);
    }
    const pid = await within(1_000, pidOf(db));
    assert.ok(!before.has(pid));
    assert.deepEqual(
      (await working).map(({ one }) => one),
      [1],
    );
    assert.ok(isOutage(await failureOf(sleeping)));
    await Promise.all([slow.destroy(), late.destroy()]);
  });

  test('a bounded piece of work fails in its time, in a transaction as well', async () => {
    const inTime = await failureOf(
      within(
        1_000,
        withinTime(db, 200, async (session) => {
          await runSql(session, 'select pg_sleep(10)');
        }),
      ),
    );
    assert.ok(isOutage(inTime));
    const elsewhere = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
    const holder = await elsewhere.client.acquireConnection();
    const noSession = await failureOf(
      within(
        1_000,
        withinTime(elsewhere, 200, (session) => runSql(session, 'select 1')),
      ),
    );
    assert.ok(isOutage(noSession));
    await elsewhere.client.releaseConnection(holder);
    assert.equal(
      (
        await within(
          1_000,
          withinTime(elsewhere, 500, (session) => runSql(session, 'select 1')),
        )
      ).length,
      1,
    );
    await elsewhere.destroy();
  });

  test('closing the pool waits for no answer', async () => {
    const closing = createDatabase({ url: database.url, role: 'test', poolSize: 2 });
    await runSql(closing, 'select 1');
    const { promise, resolve } = Promise.withResolvers<void>();
    const hung = failureOf(
      inTransaction(closing, async (trx) => {
        await runSql(trx, 'select 1');
        resolve();
        await runSql(trx, 'select pg_sleep(30)');
      }),
    );
    await promise;
    await within(5_000, closing.destroy());
    assert.ok(isOutage(await hung));
  });
});

test('one session that its server ends has all idle ones thrown out', async () => {
  const before = await fillPool(4);
  const [victim = 0] = before;
  const admin = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
  await runSql(admin, 'select pg_terminate_backend(?)', [victim]);
  await admin.destroy();
  await new Promise((resolve) => void setTimeout(resolve, 50));
  const afterwards = await fillPool(4);
  assert.deepEqual(
    [...afterwards].filter((pid) => before.has(pid)),
    [],
  );
});

test('a server that takes no writes any more, as one that became a standby, loses its sessions', async () => {
  const before = await fillPool(3);
  const error = await failureOf(
    inTransaction(db, (trx) => runSql(trx, 'create table never_made ()'), { readOnly: true }),
  );
  assert.equal(toAppError(error).status, 503);
  assert.ok(!before.has(await pidOf(db)));
});

test('a statement that takes longer than it may is 503, and its session goes on', async () => {
  const error = await failureOf(
    inTransaction(db, async (trx) => {
      await runSql(trx, 'set local statement_timeout = 50');
      await runSql(trx, 'select pg_sleep(5)');
    }),
  );
  assert.deepEqual([toAppError(error).status, toAppError(error).retryAfterS, isOutage(error)], [503, 10, false]);
});

test('each role has its limit for one statement, and commands have none', async () => {
  for (const [role, limit] of [
    ['web', '30s'],
    ['worker', '10min'],
    ['cli', '0'],
  ] as const) {
    const one = createDatabase({ url: database.url, role, poolSize: 1 });
    const [row] = await runSql<{ allowed: string }>(one, `select current_setting('statement_timeout') as allowed`);
    assert.equal(row?.allowed, limit);
    await one.destroy();
  }
});
