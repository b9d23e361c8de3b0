import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonExcess } from './json-limits.ts';

const limits = { depth: 3, containers: 5, members: 2, commas: 6 };

test('text within the limits has no excess, whatever its strings hold', () => {
  for (const value of [
    0,
    'a',
    [[[]]],
    [1, 2, 3, 4, 5, 6, 7],
    { a: 1, b: [{}, [], []] },
    ['{{{{[[[[,,,,,,,,', '"', '\\', '\\"', '\\\\', ']'],
  ])
    assert.equal(jsonExcess(JSON.stringify(value), limits), null, JSON.stringify(value));
});

test('what is over a limit is told before it would be parsed', () => {
  for (const [value, what] of [
    [[[[[]]]], /nesting/],
    [[[], [], [], [], []], /objects and arrays/],
    [{ a: 1, b: 2, c: 3 }, /members/],
    [[1, 2, 3, 4, 5, 6, 7, 8], /values/],
    [['\\', [[[]]]], /nesting/],
  ] as const)
    assert.match(jsonExcess(JSON.stringify(value), limits) ?? '', what);
});

test('what is no JSON is left to the parser', () => {
  for (const text of ['', '"', '"\\"', ']]]', ',', '}{', 'x', '[,'])
    assert.equal(jsonExcess(text, limits), null, text);
});

test('text is looked through in linear time, also where every character is escaped', () => {
  const text = `["${'\\\\'.repeat(500_000)}\\"${'\\"'.repeat(500_000)}"]`;
  const start = performance.now();
  assert.equal(jsonExcess(text, limits), null);
  assert.ok(performance.now() - start < 2000);
});
