import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { burstHours, minReportBytes, NodeQuota } from './node-quota.ts';

const hourMs = 3_600_000;

describe('the quota of a node', () => {
  it('lets a node use many hours at once, then makes it wait until that is paid for', () => {
    const quota = new NodeQuota({ eventsPerHour: 100, bytesPerHour: 1e9 });
    quota.usedEvents('a', 100 * burstHours.events - 1, 0);
    assert.equal(quota.waitMs('a', 0), 0);
    quota.usedEvents('a', 51, 0);
    assert.equal(quota.waitMs('a', 0), hourMs / 2);
    assert.equal(quota.waitMs('b', 0), 0);
    assert.equal(quota.waitMs('a', hourMs / 2), 0);
  });

  it('takes one report of any size while anything is left', () => {
    const quota = new NodeQuota({ eventsPerHour: 100, bytesPerHour: 1e9 });
    quota.usedEvents('a', 1_000_000, 0);
    assert.equal(quota.waitMs('a', 0), (1_000_000 / 100 - burstHours.events) * hourMs);
  });

  it('counts bytes and events apart, and no report as nothing', () => {
    const quota = new NodeQuota({ eventsPerHour: 1, bytesPerHour: minReportBytes });
    for (let i = 0; i < burstHours.bytes + 1; i++) quota.usedBytes('a', 10, 0);
    assert.equal(quota.waitMs('a', 0), hourMs);
    quota.usedEvents('a', 0, 0);
    assert.equal(quota.waitMs('a', hourMs), 0);
  });

  it('forgets what was used long ago', () => {
    const quota = new NodeQuota({ eventsPerHour: 100, bytesPerHour: 1e9 });
    quota.usedEvents('a', 100 * burstHours.events, 0);
    quota.usedEvents('a', 100 * burstHours.events, 1000 * hourMs);
    assert.equal(quota.waitMs('a', 1000 * hourMs), 0);
  });
});
