import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { SweepScope } from '#store/sweep-store';
import type { Outcome } from '#sweep/core/stack-result';
import { endOf, resultOf, scopeOf } from '#sweep/test-sweep';
import { exitCodeOf, type SweepReport, writeReport } from './sweep-report.ts';

function report(outcomes: readonly Outcome[], scope: Partial<SweepScope> = {}): SweepReport {
  return {
    id: 'x',
    scope: scopeOf(outcomes.length, scope),
    end: endOf(1),
    discovered: outcomes.length,
    results: outcomes.map((outcome) => resultOf('a\nb', outcome)),
  };
}

test('the exit code is 0 only if everything was found and is clean, and what is unknown beats what differs', () => {
  const exit = (...outcomes: Outcome[]) => exitCodeOf(report(outcomes));
  assert.equal(exit('clean', 'excluded'), 0);
  for (const outcome of ['drift', 'pending', 'state'] as const) assert.equal(exit('clean', outcome), 2);
  for (const outcome of ['error', 'timeout', 'unmeasured'] as const) assert.equal(exit('drift', outcome), 1);
  assert.equal(exitCodeOf(report(['drift'], { unmatched: ['live/*'] })), 1);
  const { end, ...whole } = report(['clean']);
  for (const odd of [{ phase: 'failed' as const }, { balanced: false }, { leaked: true }])
    assert.equal(exitCodeOf({ ...whole, end: { ...end, ...odd } }), 1);
});

test('what is printed has a line for each stack that is not clean, whatever its name holds', () => {
  const out = new PassThrough();
  const { results, ...rest } = report(['pending'], { unmatched: ['live/*'] });
  writeReport(out, { ...rest, results: [...results, resultOf('z', 'excluded')] }, false);
  assert.deepEqual((out.read() as Buffer).toString().trimEnd().split('\n'), [
    'a%0Ab  pending: 1 update',
    'no stack matches live/*',
    '1 stacks: 1 pending, 1 excluded',
  ]);
});
