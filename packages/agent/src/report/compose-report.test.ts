import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Manifest } from '@holdfast/shared/manifest';
import { digestAhead } from './compose-report.ts';
import { file } from './test-node.ts';

test('the digests of a large manifest are computed with pauses, and then are there', async () => {
  const entries = Array.from({ length: 100_000 }, (_, n) => file(n, 0));
  const manifest = new Manifest('0'.repeat(64), entries);
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 1);
  await digestAhead(manifest, new AbortController().signal);
  clearInterval(counting);
  assert.ok(turns > 0, 'nothing else could run');
  const start = performance.now();
  manifest.digest();
  const kept = performance.now() - start;
  new Manifest('0'.repeat(64), entries).digest();
  assert.ok(kept < (performance.now() - start) / 2, 'they were not kept');
});
