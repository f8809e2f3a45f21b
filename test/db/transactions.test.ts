import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { appendRows } from '../../src/db/copy.ts';
import { createDatabase } from '../../src/db/database.ts';
import { inTransaction, later, type Db } from '../../src/db/db.ts';
import { findUniqueViolation, isCollision } from '../../src/db/pg-errors.ts';
import { runSql } from '../../src/db/sql.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { openWireMeter, type WireMeter } from '../support/wire-meter.ts';

let database: TestDatabase;
let meter: WireMeter;
let db: Db;
before(async () => {
  database = await openTestDatabase();
  await database.db.raw('create table seats (number integer primary key, taken boolean)');
  meter = await openWireMeter(database.url);
  db = createDatabase({ url: meter.url, role: 'test', poolSize: 1 });
});
beforeEach(() => database.db.raw('truncate seats'));
after(async () => {
  await db.destroy();
  await meter.close();
  await database.close();
});

const take = (on: Db, number: number): Promise<unknown> =>
  runSql(on, 'takeSeat', 'insert into seats (number) values (:number)', { number });
const taken = async (): Promise<number[]> =>
  (await runSql<{ number: number }>(database.db, 'readSeats', 'select number from seats order by number')).map(
    ({ number }) => number,
  );

test('statements that do not wait for each other share a round trip, with the beginning and the commit', async () => {
  await take(db, 100);
  meter.take();
  const many = Array.from({ length: 20 }, (_, n) => 200 + n);
  await inTransaction(db, async (trx) => {
    await take(trx, 1);
    later(trx, take(trx, 2));
    later(trx, appendRows(trx, 'seats', [{ name: 'number', type: 'integer', values: [3] }]));
    later(trx, appendRows(trx, 'seats', [{ name: 'number', type: 'integer', values: many }]));
    later(trx, take(trx, 4));
  });
  const statements = meter.take();
  assert.deepEqual(
    statements.map(({ label, roundTrip }) => [label.slice(0, 10), roundTrip]),
    [
      ['begin', true],
      ['takeSeat', false],
      ['takeSeat', true],
      ['insertInto', false],
      ['copy seats', false],
      ['takeSeat', false],
      ['commit', false],
    ],
  );
  assert.deepEqual(await taken(), [1, 2, 3, 4, 100, ...many]);
});

test('where a statement that went ahead fails, nothing is stored and the transaction fails with its error', async () => {
  await take(db, 2);
  const failing = inTransaction(db, async (trx) => {
    await take(trx, 1);
    later(trx, take(trx, 2));
    later(trx, take(trx, 3));
    later(trx, appendRows(trx, 'seats', [{ name: 'number', type: 'integer', values: [4] }]));
  });
  await assert.rejects(failing, /takeSeat: duplicate key value/);
  assert.deepEqual(await taken(), [2]);
  await take(db, 5);
  assert.deepEqual(await taken(), [2, 5], 'the connection can be used');
});

test('what is asked for after a failure that was not waited for fails with the error of that one', async () => {
  await take(db, 2);
  const failing = inTransaction(db, async (trx) => {
    later(trx, take(trx, 1));
    later(trx, take(trx, 2));
    await runSql(trx, 'countSeats', 'select count(*) from seats');
  });
  await assert.rejects(failing, (error) => findUniqueViolation(error) === 'seats_pkey');
  assert.deepEqual(await taken(), [2]);
});

test('where COPY fails that went ahead, nothing is stored', async () => {
  await take(db, 2);
  const failing = inTransaction(db, async (trx) => {
    later(trx, take(trx, 1));
    later(trx, appendRows(trx, 'seats', [{ name: 'number', type: 'integer', values: [4, 2] }]));
    later(trx, take(trx, 3));
  });
  await assert.rejects(failing, /duplicate key value/);
  assert.deepEqual(await taken(), [2]);
});

test('where its work fails, nothing of a transaction is stored, not what went ahead either', async () => {
  const failing = inTransaction(db, async (trx) => {
    later(trx, take(trx, 1));
    throw new Error('changed my mind');
  });
  await assert.rejects(failing, /changed my mind/);
  assert.deepEqual(await taken(), []);
});

test('a transaction within another is undone by itself', async () => {
  await inTransaction(db, async (trx) => {
    await take(trx, 1);
    await inTransaction(trx, (inner) => take(inner, 2));
    const failing = inTransaction(trx, async (inner) => {
      await take(inner, 3);
      await inTransaction(inner, (innermost) => take(innermost, 4));
      await take(inner, 1);
    });
    await assert.rejects(failing, /duplicate key value/);
    await take(trx, 5);
  });
  assert.deepEqual(await taken(), [1, 2, 5]);
});

test('a transaction that is over takes no more statements', async () => {
  let kept: Db | undefined;
  await inTransaction(db, async (trx) => {
    kept = trx;
    await take(trx, 1);
  });
  assert.ok(kept);
  await assert.rejects(take(kept, 2), /the transaction is over/);
  assert.deepEqual(await taken(), [1]);
});

test('a statement that is run often with few rows is prepared, one with many or behind a pooler is not', async () => {
  const read = (on: Db, numbers: number[]): Promise<unknown> =>
    runSql(on, 'findSeats', 'select number from seats where number = any(:numbers::int[])', { numbers });
  for (let n = 0; n < 8; n += 1) await read(db, [n]);
  meter.take();
  await read(db, [1, 2]);
  await read(
    db,
    Array.from({ length: 100 }, (_, n) => n),
  );
  const unnamed = createDatabase({ url: meter.url, role: 'test', poolSize: 1, prepared: false });
  await read(unnamed, [1]);
  await unnamed.destroy();
  const parsed = meter.take().filter(({ label }) => label === 'findSeats');
  assert.deepEqual(
    parsed.map((one) => one.parsed),
    [false, true, true],
  );
});

test('a prepared statement survives a migration of what it reads, and the loss of what a connection had prepared', async () => {
  const read = (on: Db): Promise<unknown> => runSql(on, 'readSeatNumbers', 'select number from seats order by number');
  await take(db, 1);
  for (let n = 0; n < 8; n += 1) await read(db);
  await database.db.raw('alter table seats alter column number type bigint');
  assert.deepEqual(await read(db), [{ number: 1n }]);
  await database.db.raw('alter table seats alter column number type integer');
  for (let n = 0; n < 8; n += 1) await read(db);
  await runSql(db, 'forgetAll', 'deallocate all');
  assert.deepEqual(await read(db), [{ number: 1 }]);
  for (let n = 0; n < 8; n += 1) await read(db);
  await database.db.raw('alter table seats alter column number type bigint');
  const inside = inTransaction(db, (trx) => read(trx));
  await assert.rejects(inside, (error) => isCollision(error), 'whoever began the transaction is told to try again');
  assert.deepEqual(await inTransaction(db, (trx) => read(trx)), [{ number: 1n }]);
});
