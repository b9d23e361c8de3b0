import assert from 'node:assert/strict';
import { it } from 'node:test';
import { untilOf } from './until-body.ts';

it('takes a time of any zone', () => {
  assert.equal(untilOf('2026-12-01T00:30:00+02:00'), Date.UTC(2026, 10, 30, 22, 30));
  assert.equal(untilOf('2028-02-29T00:00:00Z'), Date.UTC(2028, 1, 29));
});

it('refuses a day or an hour that no calendar has', () => {
  for (const text of [
    '2026-11-31T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-01T25:00:00Z',
  ])
    assert.throws(() => untilOf(text), /is no time/);
});
