import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Liveness } from './liveness.ts';

test('ages count from the later of the last report and the start, and a report without a manifest is no observation', () => {
  let now = 1000;
  const liveness = new Liveness(() => now);
  now = 1500;
  assert.deepEqual(liveness.ages('n1'), { sinceReportMs: 500, sinceObservedMs: 500 });
  liveness.heard('n1', true);
  now = 1700;
  liveness.heard('n1', false);
  now = 1800;
  assert.deepEqual(liveness.ages('n1'), { sinceReportMs: 100, sinceObservedMs: 300 });
  assert.deepEqual(liveness.ages('n2'), { sinceReportMs: 800, sinceObservedMs: 800 });
});
