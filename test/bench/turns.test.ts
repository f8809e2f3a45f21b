import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spreadOf, tableOf } from './turns.ts';

test('turns are told by median, least and most; a figure that a turn lacks counts in the others', () => {
  const figures = spreadOf([{ a: 3, b: 10 }, { a: 1 }, { a: 2, b: 20 }]);
  assert.deepEqual(figures, { a: { median: 2, min: 1, max: 3 }, b: { median: 15, min: 10, max: 20 } });
});

test('two checkouts stand beside each other in one table', () => {
  const turns = { name: 'x', backend: 'redis', turns: 2 };
  const table = tableOf([
    { ...turns, checkout: 'this', figures: spreadOf([{ a: 1 }, { a: 3 }]) },
    { ...turns, checkout: '../before', figures: spreadOf([{ a: 5 }, { a: 5 }]) },
  ]);
  assert.equal(
    table,
    [
      '| figure | this, redis (2 turns) | ../before, redis (2 turns) |',
      '|---|---|---|',
      '| a | 2 (1–3) | 5 (5–5) |',
    ].join('\n'),
  );
});
