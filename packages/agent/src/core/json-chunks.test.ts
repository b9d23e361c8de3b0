import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonChunks } from '#core/json-chunks';

test('the pieces together are what JSON.stringify gives', () => {
  const long = Array.from({ length: 1001 }, (_, n) => ({ n, text: `"é\n${n}` }));
  const values = [
    {},
    { a: 1 },
    { a: undefined, b: null },
    { empty: [], nested: { list: [1, 2] }, 'key "': 'x' },
    { long, one: [1] },
  ];
  for (const value of values) assert.equal([...jsonChunks(value)].join(''), JSON.stringify(value));
});

test('an array comes element by element', () => {
  const list = Array.from({ length: 5000 }, (_, n) => ({ n }));
  const longest = Math.max(...[...jsonChunks({ list })].map((chunk) => chunk.length));
  assert.ok(longest < 20, `${longest} characters in one piece`);
});
