import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, maxRetryAfterMs, reportBackoff } from '#core/backoff';
import { coalesceMs, dueInMs } from '#core/report-schedule';

test('the bound of the backoff doubles up to its limit, with full jitter below it', () => {
  const bounds = [1, 2, 3, 6, 7, 50, 5000].map((failures) => backoffMs(failures, 1, reportBackoff));
  assert.deepEqual(bounds, [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(backoffMs(5, 0, reportBackoff), 0);
  assert.equal(backoffMs(5, 0.5, reportBackoff), 8000);
});

test('what the collector asks for is waited at least, and ten minutes of it at most', () => {
  assert.equal(backoffMs(1, 0, reportBackoff, 30_000), 30_000);
  assert.equal(backoffMs(1, 0.5, reportBackoff, 30_000), 30_500);
  assert.equal(backoffMs(1, 0, reportBackoff, 86_400_000), maxRetryAfterMs);
});

test('a report is due when it is wanted, at the heartbeat, and never before failures allow', () => {
  const idle = { wantedAt: null, heartbeatAt: 1000, notBefore: 0, isUnanswered: false };
  assert.equal(dueInMs(idle, 400), 600);
  assert.equal(dueInMs(idle, 1400), 0);
  assert.equal(dueInMs({ ...idle, wantedAt: 400 }, 400), coalesceMs);
  assert.equal(dueInMs({ ...idle, wantedAt: 400 }, 400 + coalesceMs), 0);
  assert.equal(dueInMs({ ...idle, wantedAt: 400, notBefore: 700 }, 500), 200);
  assert.equal(dueInMs({ ...idle, notBefore: 1200 }, 1000), 200);
  assert.equal(dueInMs({ ...idle, isUnanswered: true, notBefore: 450 }, 400), 50);
});
