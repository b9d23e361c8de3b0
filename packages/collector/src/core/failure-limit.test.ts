import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressKey, FailureLimit, failuresAtOnce, maxAddresses, refillMs } from './failure-limit.ts';

describe('the limit of failed authentications', () => {
  it('allows some at once, then one for each refill, and forgets', () => {
    const limit = new FailureLimit();
    for (let i = 0; i < failuresAtOnce; i++) {
      assert.equal(limit.waitMs('192.0.2.1', 1000), 0);
      limit.failed('192.0.2.1', 1000);
    }
    assert.equal(limit.waitMs('192.0.2.1', 1000), refillMs);
    assert.equal(limit.waitMs('192.0.2.2', 1000), 0);
    assert.equal(limit.waitMs('192.0.2.1', 1000 + refillMs), 0);
    limit.failed('192.0.2.1', 1000 + refillMs);
    assert.equal(limit.waitMs('192.0.2.1', 1000 + refillMs), refillMs);
    assert.equal(limit.waitMs('192.0.2.1', 1000 + 30 * refillMs), 0);
  });

  it('remembers so many addresses, and forgets the ones that failed longest ago', () => {
    const limit = new FailureLimit();
    for (let i = 0; i < failuresAtOnce; i++) limit.failed('first', 0);
    for (let i = 1; i < maxAddresses; i++) limit.failed(`10.0.0.${i}`, 0);
    assert.ok(limit.waitMs('first', 0) > 0);
    limit.failed('one more', 0);
    assert.equal(limit.waitMs('first', 0), 0);
  });

  it('counts IPv6 by /64, and IPv4 alike in both forms', () => {
    assert.equal(addressKey('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), addressKey('2001:db8:1:2::9'));
    assert.notEqual(addressKey('2001:db8:1:2::9'), addressKey('2001:db8:1:3::9'));
    assert.equal(addressKey('::1'), '0:0:0:0');
    assert.equal(addressKey('2001:db8::1'), '2001:db8:0:0');
  });
});
