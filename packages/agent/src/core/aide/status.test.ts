import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AideRun } from '@holdfast/shared/wire-aide';
import { type AideState, aideReportOf, aideRetryMs, foreignTo } from '#core/aide/status';

const run = (verdict: AideRun['verdict']): AideRun => ({
  id: '0'.repeat(32),
  startedAt: '2027-01-01T00:00:00.000Z',
  durationMs: 1,
  exit: 0,
  baseline: null,
  database: null,
  configDigest: '0'.repeat(64),
  entries: 1,
  added: 0,
  removed: 0,
  changed: 0,
  warnings: [],
  warningsTotal: 0,
  verdict,
});

const state = (over: Partial<AideState>): AideState => ({
  found: { kind: 'found' },
  version: '0.18.3',
  degraded: [],
  trouble: null,
  run: null,
  runReason: null,
  foreign: null,
  ...over,
});

test('the status is the worst that holds', () => {
  const blind = { degraded: ['names that are not UTF-8'] };
  const tampered = { trouble: { status: 'tampered', reason: 'it is gone' } } as const;
  const table: readonly (readonly [AideState, string, RegExp?])[] = [
    [state({ found: null }), 'starting'],
    [state({ found: { kind: 'off' } }), 'off', /switched off/],
    [state({ found: { kind: 'absent', reason: 'aide is not found' } }), 'absent', /not found/],
    [state({ found: { kind: 'unusable', reason: 'too old' } }), 'failed', /too old/],
    [state({}), 'starting'],
    [state({ run: run('same') }), 'same'],
    [state({ run: run('same'), ...blind }), 'degraded', /not UTF-8/],
    [state({ run: run('drift'), ...blind }), 'drift'],
    [state({ run: run('unknown'), runReason: 'a warning', ...blind }), 'unknown', /a warning/],
    [state({ run: run('same'), foreign: 'another version' }), 'unknown', /another version/],
    [state({ run: run('failed'), runReason: 'it was killed' }), 'failed', /killed/],
    [state({ run: run('drift'), ...tampered }), 'tampered', /gone/],
  ];
  for (const [given, status, reason = /^$/] of table) {
    const report = aideReportOf(given);
    assert.equal(report.status, status);
    assert.match(report.reason ?? '', reason, status);
  }
});

test('AIDE is checked against what its own configuration and series made, and nothing else', () => {
  const baseline = { digest: 'b'.repeat(64), configDigest: 'c'.repeat(64), aideVersion: '0.18.3' };
  assert.equal(foreignTo(null, 'c'.repeat(64), '0.18.3'), null);
  assert.equal(foreignTo(baseline, 'c'.repeat(64), '0.18.8'), null);
  assert.match(foreignTo(baseline, 'd'.repeat(64), '0.18.3') ?? '', /configuration/);
  assert.match(foreignTo(baseline, 'c'.repeat(64), '0.19.3') ?? '', /version 0\.18, and this is 0\.19/);
  assert.match(foreignTo(baseline, 'c'.repeat(64), null) ?? '', /version/);
});

test('what cannot be believed is tried again soon, and then ever more seldom', () => {
  assert.deepEqual([1, 2, 3, 4, 50].map(aideRetryMs), [120_000, 480_000, 1_920_000, 7_680_000, 21_600_000]);
});
