import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import knex from 'knex';
import { Client } from 'pg';
import { createDatabase } from '../../src/db/database.ts';
import { isOutage } from '../../src/db/outage.ts';
import { toAppError } from '../../src/db/pg-errors.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { runSql } from '../support/sql.ts';
import { AppError } from '../../src/domain/errors.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitUntil } from '../support/wait-until.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase({ poolSize: 2 });
});
after(() => t.close());

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail');
}

test('an exhausted pool is 503 with Retry-After, in about two seconds', async () => {
  const holders = [await t.db.transaction(), await t.db.transaction()];
  const start = performance.now();
  const error = toAppError(await failureOf(() => runSql(t.db, 'select 1')));
  const tookMs = performance.now() - start;
  await Promise.all(holders.map((trx) => trx.rollback()));
  assert.equal(error.code, 'UNAVAILABLE');
  assert.equal(error.status, 503);
  assert.equal(error.retryAfterS, 2);
  assert.ok(tookMs > 1_500 && tookMs < 10_000, `${tookMs} ms`);
  assert.deepEqual(await runSql(t.db, 'select 1 as one'), [{ one: 1 }]);
});

test('a server that refuses connections is 503 at once', async () => {
  const db = createDatabase({ url: `postgres://u:p@127.0.0.1:${await findFreePort()}/x`, role: 'test' });
  try {
    const error = await failureOf(() => runSql(db, 'select 1'));
    assert.ok(isOutage(error));
    assert.equal(toAppError(error).status, 503);
  } finally {
    await db.destroy();
  }
});

test('a server that takes a connection and never answers is 503', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const client = new Client({
    host: '127.0.0.1',
    port: (silent.address() as AddressInfo).port,
    connectionTimeoutMillis: 50,
  });
  try {
    const error = await failureOf(() => client.connect());
    assert.match((error as Error).message, /timeout expired/);
    assert.deepEqual([toAppError(error).status, toAppError(error).retryAfterS], [503, 2]);
  } finally {
    silent.close();
  }
});

test('a statement that waits for such a server in vain is 503 too, and its error names it', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  // As createDatabase has it, but for the time that connecting may take: either may run out first.
  const { port } = silent.address() as AddressInfo;
  const db = knex({ client: 'pg', connection: { host: '127.0.0.1', port, connectionTimeoutMillis: 50 } });
  try {
    const error = await failureOf(() => runSql(db, 'select 1'));
    assert.match((error as Error).message, /^test: timeout expired$/);
    assert.equal(toAppError(error).status, 503);
  } finally {
    silent.close();
    await db.destroy();
  }
});

test('a database that takes no connections for now is 503, and what only looks like it is not', async () => {
  const name = new URL(t.url).pathname.slice(1);
  const elsewhere = new URL(t.url);
  elsewhere.pathname = '/postgres';
  const admin = createDatabase({ url: elsewhere.href, role: 'test', poolSize: 1 });
  const late = createDatabase({ url: t.url, role: 'test', poolSize: 1 });
  try {
    await admin.raw('alter database ?? allow_connections false', [name]);
    const error = await failureOf(() => runSql(late, 'select 1'));
    await admin.raw('alter database ?? allow_connections true', [name]);
    assert.equal((error as { code?: string }).code, '55000');
    assert.ok(isOutage(error));
    await waitUntil('the pool connects again', () => runSql(late, 'select 1'));
    await t.db.raw('create sequence never_used');
    const misuse = await failureOf(() => runSql(late, "select currval('never_used')"));
    assert.equal((misuse as { code?: string }).code, '55000');
    assert.ok(!isOutage(misuse));
  } finally {
    await late.destroy();
    await admin.destroy();
  }
});

test('a session ended by the server is 503, and the pool recovers by itself', async () => {
  const victim = createDatabase({ url: t.url, role: 'test', poolSize: 1 });
  try {
    const [row] = await runSql<{ pid: number }>(victim, 'select pg_backend_pid() as pid');
    const sleeping = failureOf(() => runSql(victim, 'select pg_sleep(30)'));
    await runSql(t.db, 'select pg_terminate_backend(?)', [row?.pid]);
    assert.equal(toAppError(await sleeping).code, 'UNAVAILABLE');
    await waitUntil('the pool connects again', () => runSql(victim, 'select 1'));
  } finally {
    await victim.destroy();
  }
});

test('int8 and counts are bigint, timestamptz is Date, date and numeric are text', async () => {
  const [row] = await runSql(
    t.db,
    `select 9007199254740993::int8 as big, array[1, null]::int8[] as bigs, (select count(*) from programs) as count,
       timestamptz '2026-01-02 03:04:05.678+00' as time, date '2026-01-02' as day, 1.10::numeric as amount`,
  );
  assert.deepEqual(row, {
    big: 9007199254740993n,
    bigs: [1n, null],
    count: 0n,
    time: new Date('2026-01-02T03:04:05.678Z'),
    day: '2026-01-02',
    amount: '1.10',
  });
});

test('errors quote their statement without the values that were bound', async () => {
  const error = await failureOf(() => runSql(t.db, 'select * from nowhere where secret = ?', ['sk_live_1']));
  assert.match((error as Error).message, /nowhere/);
  assert.doesNotMatch((error as Error).message, /sk_live_1/);
});

test('a NUL in a text is the sender’s mistake, all else ours; an AppError stays what it is', async () => {
  const nul = await failureOf(() => runSql(t.db, 'select ?::text', ['a\0b']));
  assert.equal(toAppError(nul).code, 'VALIDATION_ERROR');
  const fault = await failureOf(() => runSql(t.db, 'select nonsense'));
  assert.ok(!isOutage(fault));
  const hidden = toAppError(fault);
  assert.equal(hidden.code, 'INTERNAL_ERROR');
  assert.equal(hidden.cause, fault);
  assert.doesNotMatch(hidden.message, /nonsense/);
  const ours = new AppError('CONFLICT', 'x');
  assert.equal(toAppError(ours), ours);
});

test('connections carry the name of their process', async () => {
  const [row] = await runSql(t.db, `select current_setting('application_name') as name`);
  assert.deepEqual(row, { name: 'tributary-test' });
});
