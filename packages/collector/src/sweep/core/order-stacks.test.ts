import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderStacks, predictMs, quickestStack, type OrderHint } from './order-stacks.ts';

const hint = (lastOutcome: OrderHint['lastOutcome'], durationMs: number | null): OrderHint => ({
  lastOutcome,
  durationMs,
});
const hints = new Map([
  ['short', hint('clean', 10)],
  ['long', hint('clean', 50)],
  ['missed', hint('unmeasured', 5)],
  ['never', hint('unmeasured', null)],
]);

test('what was unmeasured comes first, then the longest; what is new counts as the average', () => {
  assert.deepEqual(orderStacks(['short', 'new', 'long', 'missed', 'never'], hints), [
    'never',
    'missed',
    'long',
    'new',
    'short',
  ]);
  assert.deepEqual(orderStacks(['b', 'a'], new Map()), ['a', 'b']);
});

test('the prediction fills lanes in the order, plans twice what differed, and is null without knowledge', () => {
  assert.equal(predictMs(['long', 'short'], hints, 1), 60);
  assert.equal(predictMs(['long', 'short'], hints, 4), 50);
  assert.equal(predictMs(['d'], new Map([['d', hint('drift', 20)]]), 4), 40);
  assert.equal(predictMs(['x'], new Map(), 4), null);
  assert.equal(predictMs([], hints, 4), null);
});

test('the quickest that could be planned goes ahead alone; of nothing there is none', () => {
  const broken = new Map([...hints, ['broken', hint('error', 1)] as const]);
  assert.equal(quickestStack(['long', 'broken', 'short'], broken), 'short');
  assert.equal(quickestStack(['broken'], broken), 'broken');
  assert.equal(quickestStack([], hints), null);
});
