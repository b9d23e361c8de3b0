import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPerpetual, movingRuns, type PastResult, standingRuns } from './perpetual.ts';

const run = (fingerprint: string, unsettled = false): PastResult => ({
  outcome: 'pending',
  fingerprint,
  changes: [
    {
      address: 'a.b',
      type: 'a',
      module: '',
      action: 'update',
      outside: null,
      cause: 'pending',
      attributes: ['x'],
      fingerprint,
      hidden: false,
      unsettled,
    },
  ],
});
const clean: PastResult = { outcome: 'clean', fingerprint: null, changes: [] };
const error: PastResult = { outcome: 'error', fingerprint: null, changes: [] };
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test('what is never known, or another in each run, is perpetual after a few runs, and not before', () => {
  assert.equal(isPerpetual(times(movingRuns, run('f', true)), false), true);
  assert.equal(isPerpetual(times(movingRuns - 1, run('f', true)), true), false);
  assert.equal(isPerpetual([run('a'), run('b'), run('c')], false), true);
  assert.equal(isPerpetual([run('a'), run('b'), run('b')], false), false);
});

test('the same fingerprint is perpetual only if it was there in every run since the stack was first seen', () => {
  const standing = times(standingRuns, run('f'));
  assert.equal(isPerpetual(standing, true), true);
  assert.equal(isPerpetual(standing, false), false);
  assert.equal(isPerpetual(standing.slice(1), true), false);
  assert.equal(isPerpetual([clean, ...standing], true), false);
});

test('runs that measured nothing neither count nor interrupt; a clean one ends it', () => {
  const runs = times(movingRuns, run('f', true));
  assert.equal(isPerpetual([...runs.slice(1), error, runs[0]!, error], false), true);
  assert.equal(isPerpetual([...runs, clean], true), false);
  assert.equal(isPerpetual([], true), false);
});
