import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LargestFiles, maxLargestFiles } from './largest-files.ts';

test('the largest are kept, whatever order they come in', () => {
  const sizes = Array.from({ length: 200 }, (_, i) => (i * 73) % 200);
  const largest = new LargestFiles();
  for (const size of sizes) largest.add(`/${size}`, size);
  const expected = Array.from({ length: maxLargestFiles }, (_, i) => `/${199 - i}`);
  assert.deepEqual(largest.paths, expected);
});
