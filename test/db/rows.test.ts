import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { appendRows } from '../../src/db/copy.ts';
import { rowSource, type Column } from '../../src/db/rows.ts';
import { runSql as runNamed } from '../../src/db/sql.ts';
import { runSql } from '../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
  await t.db.raw(
    'create table things (id integer, name text, flag boolean, size bigint, doc json, tags jsonb, at timestamptz, raw bytea)',
  );
});
after(() => t.close());

const awkward = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', 'NULL', 'null', String.raw`\N`, String.raw`\\`, '\t\r\n', '{"a"}', ',', String.raw`\.`),
);

const things = fc.array(
  fc.record({
    name: fc.option(awkward.map((text) => text.replaceAll('\0', ''))),
    flag: fc.option(fc.boolean()),
    size: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    doc: fc.option(
      fc.dictionary(fc.string(), awkward).map((doc) => JSON.stringify(doc).replaceAll(String.raw`\u0000`, '')),
    ),
    tags: fc.option(fc.array(fc.integer()).map((tags) => JSON.stringify(tags).replaceAll(',', ', '))),
    at: fc.option(
      fc
        .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((at) => at.toISOString()),
    ),
    raw: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  }),
  { minLength: 1, maxLength: 8 },
);

interface Thing {
  name: string | null;
  flag: boolean | null;
  size: bigint | null;
  doc: string | null;
  tags: string | null;
  at: string | null;
  raw: Buffer;
}

function columnsOf(rows: Thing[]): Column[] {
  return [
    { name: 'id', type: 'integer', values: rows.map((_, index) => index) },
    { name: 'name', type: 'text', values: rows.map(({ name }) => name) },
    { name: 'flag', type: 'boolean', values: rows.map(({ flag }) => flag) },
    { name: 'size', type: 'bigint', values: rows.map(({ size }) => size) },
    { name: 'doc', type: 'json', values: rows.map(({ doc }) => doc) },
    { name: 'tags', type: 'jsonb', values: rows.map(({ tags }) => tags) },
    { name: 'at', type: 'timestamptz', values: rows.map(({ at }) => at) },
    { name: 'raw', type: 'bytea', values: rows.map(({ raw }) => raw) },
  ];
}

test('whatever the values are, rows arrive as they were sent, unnested or copied, shared by all rows or not', async () => {
  await fc.assert(
    fc.asyncProperty(things, fc.boolean(), async (few, asMany) => {
      // What is copied, where there are many, is inserted where there are few.
      const rows = asMany && few.length <= 40 ? Array.from({ length: 17 }, () => few).flat() : few;
      const sent = rows.map((row, id) => ({ id, ...row, at: row.at === null ? null : new Date(row.at) }));
      const { sql, bindings } = rowSource('r', columnsOf(rows));
      const list = 'id, name, flag, size, doc::text as doc, tags::text as tags, at, raw';
      assert.deepEqual(await runNamed(t.db, 'readThings', `select ${list} from ${sql} order by id`, bindings), sent);
      await inTransaction(t.db, async (trx) => {
        await appendRows(trx, 'things', columnsOf(rows));
        assert.deepEqual(await runSql(trx, `select ${list} from things order by id`), sent);
        await trx.raw('delete from things');
      });
    }),
    { numRuns: 100 },
  );
});

/** Few are inserted, many copied. */
const sizes = [1, 20];

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

test('rows that break a constraint fail with its code, and the connection goes on', async () => {
  await t.db.raw('create table positives (id integer check (id > 0))');
  for (const size of sizes) {
    const broken = inTransaction(t.db, (trx) =>
      appendRows(trx, 'positives', [{ name: 'id', type: 'integer', values: [...times(size, 1), -1] }]),
    );
    await assert.rejects(broken, { code: '23514' });
  }
  await inTransaction(t.db, (trx) => appendRows(trx, 'positives', [{ name: 'id', type: 'integer', values: [1, 2] }]));
  assert.deepEqual(await runSql(t.db, 'select count(*)::int as count from positives'), [{ count: 2 }]);
});

test('a value that cannot be written fails as such, and the connection goes on', async () => {
  await inTransaction(t.db, async (trx) => {
    for (const size of sizes) {
      const columns = (at: string): Column[] => [
        { name: 'at', type: 'timestamptz', values: [...times(size, new Date(0).toISOString()), at] },
      ];
      await trx.raw('savepoint before');
      await assert.rejects(
        appendRows(trx, 'things', columns('tomorrow')),
        new RangeError('not a time in ISO 8601: tomorrow'),
      );
      await trx.raw('rollback to savepoint before');
      await appendRows(trx, 'things', columns('2026-11-22T00:00:00.000Z'));
      assert.deepEqual(await runSql(trx, 'select count(*)::int as count from things'), [{ count: size + 1 }]);
      await trx.raw('delete from things');
    }
  });
});

test('numbers that their column or a number cannot hold exactly are refused, not cut', async () => {
  const wrong = [
    ['id', 'integer', 2 ** 31],
    ['id', 'integer', 1.5],
    ['size', 'bigint', 2 ** 53],
    ['size', 'bigint', 0.5],
    ['size', 'bigint', 2n ** 63n],
  ] as const;
  for (const [name, type, value] of wrong) {
    for (const size of sizes) {
      await assert.rejects(
        appendRows(t.db, 'things', [{ name, type, values: [...times(size, 1), value] }]),
        RangeError,
      );
    }
  }
  assert.deepEqual(await runSql(t.db, 'select count(*)::int as count from things'), [{ count: 0 }]);
});

test('rows of many times the size that is sent at once arrive whole', async () => {
  const names = Array.from({ length: 700 }, (_, id) => `${id}\t${'ä\\'.repeat((id * 37) % 400)}`);
  await inTransaction(t.db, async (trx) => {
    await appendRows(trx, 'things', [
      { name: 'id', type: 'integer', values: names.map((_, id) => id) },
      { name: 'name', type: 'text', values: names },
      { name: 'flag', type: 'boolean', values: names.map(() => true) },
    ]);
    const stored = await runSql<{ name: string }>(trx, 'select name from things order by id');
    assert.deepEqual(
      stored.map(({ name }) => name),
      names,
    );
    await trx.raw('delete from things');
  });
});
