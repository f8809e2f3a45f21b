import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { insertList, selectList, updateList } from '../../src/db/columns.ts';
import { conditionOf, joinConditions } from '../../src/db/conditions.ts';
import { selectPage } from '../../src/db/page.ts';
import { nameFor, runSql } from '../../src/db/sql.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
  await t.db.raw('create table people (id integer, first_name text, age integer default 7)');
});
after(() => t.close());

test('names are bound wherever they stand; quoted ones, casts and question marks are left alone', async () => {
  const [row] = await runSql(
    t.db,
    'test',
    `select :text::text || ':text?''' as quoted, :list::int[] as list, :text::text as again, '{"a":1}'::jsonb ? 'a' as has`,
    { text: 'x', list: [1, 2] },
  );
  assert.deepEqual(row, { quoted: "x:text?'", list: [1, 2], again: 'x', has: true });
});

test('a statement whose names are not what is bound is refused', async () => {
  await assert.rejects(runSql(t.db, 'test', 'select :one', {}), /statement test: nothing is bound to :one/);
  await assert.rejects(runSql(t.db, 'test', 'select 1', { two: 2 }), /statement test: it does not say :two/);
});

test('a condition without a value is none; conditions that disagree about a name are refused', () => {
  assert.deepEqual(conditionOf('id = :id', undefined), []);
  assert.deepEqual(conditionOf('id = :id', null), []);
  assert.deepEqual(conditionOf('id = any(:ids::int[])', [1]), [
    { sql: 'id = any(:ids::int[])', bindings: { ids: [1] } },
  ]);
  assert.throws(() => conditionOf('id = 1', 1), /has one name/);
  assert.throws(() => conditionOf('id in (:a, :b)', 1), /has one name/);
  const same = [...conditionOf('id > :id', 1), ...conditionOf('age > :id', 1)];
  assert.deepEqual(joinConditions(same), { sql: 'id > :id and age > :id', bindings: { id: 1 } });
  assert.throws(() => joinConditions([...same, ...conditionOf('id < :id', 2)]), /:id stands for two values/);
  assert.equal(joinConditions([]).sql, 'true');
});

test('rows are inserted, changed and selected by one list of columns', async () => {
  const columns = { id: 'id', firstName: 'first_name', age: 'age' } as const;
  const add = (id: number, firstName: string) =>
    runSql(t.db, 'test', `insert into people ${insertList(columns, ['age'], { firstName: 'upper(:firstName)' })}`, {
      id,
      firstName,
    });
  await add(1, 'Ann');
  await add(2, 'Bob');
  const update = updateList(columns, { firstName: undefined, age: 30 });
  await runSql(t.db, 'test', `update people set ${update.sql} where id = :which`, { ...update.bindings, which: 2 });
  const nothing = updateList(columns, { firstName: undefined });
  await runSql(t.db, 'test', `update people set ${nothing.sql}`, nothing.bindings);
  const list = { name: 'test', select: `select ${selectList(columns, 'p')} from people p`, id: 'p.id' };
  const ann = { id: 1, firstName: 'ANN', age: 7 };
  const bob = { id: 2, firstName: 'BOB', age: 30 };
  assert.deepEqual(await selectPage(t.db, list, [], { limit: 1 }), { items: [bob], hasMore: true });
  const older = conditionOf('p.age > :age', 5);
  assert.deepEqual(await selectPage(t.db, list, older, { limit: 2, offset: 1, counted: true }), {
    items: [ann],
    hasMore: false,
    total: 2,
  });
  assert.deepEqual(await selectPage(t.db, list, older, { limit: 2, offset: 9, counted: true }), {
    items: [],
    hasMore: false,
    total: 2,
  });
});

test('no two statements of the source share a name, and every name is in camel case', () => {
  const places = new Map<string, string[]>();
  const files = globSync('{src,workers}/**/*.ts', { cwd: root });
  for (const file of files) {
    for (const name of namedStatements(readFileSync(`${root}${file}`, 'utf8'))) {
      places.set(name, [...(places.get(name) ?? []), file]);
    }
  }
  assert.deepEqual(
    [...places].filter(([name, where]) => where.length > 1 || !/^([a-z]|\$\{[\w.]+\})[A-Za-z0-9]*$/.test(name)),
    [],
  );
  // The scan sees each form: alone, by a choice, for several tables, of a list, handed to a function that runs it.
  for (const name of ['storeReplays', 'keepLocks', 'findOwnersOf', 'listClicks', 'listTrackingLinks', 'leaseDue']) {
    assert.equal(places.get(name)?.length, 1, name);
  }
  assert.ok(places.size > 200, String(places.size));
  assert.deepEqual(namedStatements(`runSql(db, 'one', x); runSql<A<B>>(\n  db,\n  \`two_\${x}\`,\n y)`), [
    'one',
    'two_${x}',
  ]);
  assert.equal(nameFor('readOwnersIn', 'order_refs'), 'readOwnersInOrderRefs');
});

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The names of the statements in a file, as they stand there: the second thing handed to `runSql`, or what precedes SQL. */
function namedStatements(source: string): string[] {
  const byPlace = new Map<number, string>();
  const add = (argument: string, start: number): void => {
    const text = argument.replace(/=== '.*?'/g, (compared) => ' '.repeat(compared.length));
    for (const { 2: name = '', index } of text.matchAll(/(['`])(.+?)\1/g)) byPlace.set(start + index, name);
  };
  for (const { 0: call, 1: argument = '', index } of source.matchAll(
    /\brunSql(?:<[^(]*?>)?\(\s*[\w.]+,\s*((?:nameFor\([^)]*\)|[^,])+),/g,
  )) {
    add(argument, index + call.lastIndexOf(argument));
  }
  const handedOver = /(?<=[(,]\s*|name: )'\w+'(?=,\s*(?:select\b|['`]\s*(?:select|with|insert|update|delete)\b))/g;
  for (const { 0: found, index } of source.matchAll(handedOver)) add(found, index);
  return [...byPlace.values()];
}
