import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialBreaker } from '#sweep/core/circuit-breaker';
import { unmeasured } from '#sweep/core/make-result';
import { quickestStack } from '#sweep/core/order-stacks';
import type { StackHint } from '#sweep/sweep-request';
import { fanOut } from './fan-out.ts';

test('many stacks that can never be planned, one after the other, do not end a sweep that others show to be possible', async () => {
  const lacking = Array.from({ length: 12 }, (_, i) => `lacks-rights-${i}`);
  const fine = ['a', 'b', 'c', 'd'];
  const hints = new Map<string, StackHint>([
    ...lacking.map((stack) => [stack, { lastOutcome: 'error', durationMs: null }] as const),
    ...fine.map((stack) => [stack, { lastOutcome: 'clean', durationMs: 5 }] as const),
  ]);
  const planned: string[] = [];
  const gaveUp = await fanOut([...lacking, ...fine], {
    concurrency: 2,
    breaker: initialBreaker,
    limits: { failures: 5, pauseMs: 1, probes: 2 },
    stop: new AbortController().signal,
    probe: (waiting) => quickestStack(waiting, hints),
    plan: async (stack) => {
      planned.push(stack);
      const breaker = lacking.includes(stack) ? 'auth' : null;
      return { result: unmeasured(stack, ''), breaker, matched: new Map() };
    },
    onPlanned: () => {},
    onProgress: () => {},
  });
  assert.equal(gaveUp, null);
  assert.equal(planned[0], 'a', 'the one that goes ahead could be planned last time');
  assert.deepEqual(new Set(planned), new Set([...lacking, ...fine]));
});
