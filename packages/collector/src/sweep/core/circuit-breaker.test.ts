import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterPause,
  afterStack,
  allowed,
  type BreakerState,
  initialBreaker,
} from '#sweep/core/circuit-breaker';
import type { BreakerClass } from '#sweep/core/failure';

const limits = { failures: 3, pauseMs: 100, probes: 2 };
const closed: BreakerState = { kind: 'closed', because: null, inRow: 0 };
const after = (state: BreakerState, ...ends: (BreakerClass | null)[]) =>
  ends.reduce((reached, end) => afterStack(reached, end, limits), state);

test('a sweep begins with one stack alone, and goes on with all when it could be planned', () => {
  assert.equal(allowed(initialBreaker, 4), 1);
  assert.equal(allowed(after(initialBreaker, null), 4), 4);
});

test('if the first one fails by what may be common, the next is tried at once', () => {
  const open = after(initialBreaker, 'backend');
  assert.deepEqual(open, { kind: 'open', because: 'backend', probes: 0, pauseMs: 0 });
  assert.equal(after(afterPause(open), null).kind, 'closed');
});

test('failures of one class in a row open it; any other end in between does not', () => {
  assert.equal(after(closed, 'auth', 'auth', 'auth').kind, 'open');
  assert.equal(after(closed, 'auth', 'auth', null, 'auth', 'auth').kind, 'closed');
  assert.equal(after(closed, 'auth', 'lock', 'auth', 'lock').kind, 'closed');
});

test('each probe that fails doubles the pause, until it gives up', () => {
  let state = after(closed, 'lock', 'lock', 'lock');
  const pauses: number[] = [];
  while (state.kind === 'open') {
    pauses.push(state.pauseMs);
    state = after(afterPause(state), 'lock');
  }
  assert.deepEqual(pauses, [100, 200]);
  assert.deepEqual(state, { kind: 'given-up', because: 'lock' });
  assert.equal(allowed(state, 4), 0);
});

test('what ends while it is open changes nothing', () => {
  const open = after(closed, 'lock', 'lock', 'lock');
  assert.equal(after(open, null, 'lock', null), open);
});
