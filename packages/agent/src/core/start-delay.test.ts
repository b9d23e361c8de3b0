import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDelayMs } from './start-delay.ts';

test('a fleet starts spread over the splay, each node always at the same moment of it', () => {
  const delays = Array.from({ length: 1000 }, (_, i) => startDelayMs(`worker-${i}`, 30));
  assert.ok(delays.every((delay) => delay >= 0 && delay < 30_000));
  for (let tenth = 0; tenth < 10; tenth++) {
    const inTenth = delays.filter((delay) => Math.floor(delay / 3000) === tenth).length;
    assert.ok(inTenth > 50 && inTenth < 150, `${inTenth} of 1000 in tenth ${tenth}`);
  }
  assert.equal(startDelayMs('worker-1', 30), startDelayMs('worker-1', 30));
});

test('without a splay every node starts at once', () => {
  assert.equal(startDelayMs('worker-1', 0), 0);
});
