import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Interest, JsonSplitter } from '#sweep/core/json-splitter';

const document = {
  format_version: '1.2',
  skipped: { deep: [{ 'a]}"': '\\"}{' }, [], 'x'], other: null },
  list: [{ name: 'é"\\', n: [1, 2] }, 'text, with } and ]', -1.5e3, true, null, [], {}],
  object: { 'k"ey': { v: 1 } },
  last: false,
};

function split(bytes: Buffer, chunkSize: number): { taken: [string, unknown][]; problem: string | null } {
  const taken: [string, unknown][] = [];
  const interest = (path: readonly string[]): Interest =>
    path.length === 0 || (path.length === 1 && ['list', 'object'].includes(path[0]!))
      ? 'enter'
      : path[0] === 'skipped'
        ? 'skip'
        : 'take';
  const splitter = new JsonSplitter(interest, (path, text) => taken.push([path.join('/'), JSON.parse(text)]));
  for (let i = 0; i < bytes.length; i += chunkSize) splitter.push(bytes.subarray(i, i + chunkSize));
  return { taken, problem: splitter.end() };
}

const expected = [
  ['format_version', '1.2'],
  ...document.list.map((value) => ['list/*', value]),
  ['object/k"ey', { v: 1 }],
  ['last', false],
];

test('values come out whole, wherever the document is cut into pieces', () => {
  for (const spaces of [0, 2]) {
    // The opening is written without spaces by all programs.
    const text = JSON.stringify(document, null, spaces).replace(/^\{\s+/, '{');
    for (const size of [1, 2, 3, 7, 64, 100_000]) {
      assert.deepEqual(split(Buffer.from(text), size), { taken: expected, problem: null }, `${size}`);
    }
  }
});

test('what stands before and after the document is passed over', () => {
  const text = `12:00 {"format"} [unit] ${JSON.stringify(document)}\nbye }\n`;
  assert.deepEqual(split(Buffer.from(text), 5), { taken: expected, problem: null });
});

test('a document that is cut short is told, wherever it is cut', () => {
  const bytes = Buffer.from(JSON.stringify(document));
  for (let end = 0; end < bytes.length; end++) {
    assert.notEqual(split(bytes.subarray(0, end), 16).problem, null, `cut at ${end}`);
  }
});

test('a bracket that closes nothing is told', () => {
  assert.match(split(Buffer.from('{"format_version":"1"]'), 4).problem!, /unexpected "\]"/);
});
