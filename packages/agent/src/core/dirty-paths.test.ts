import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DirtyPaths } from './dirty-paths.ts';

test('paths are named once, and taken out', () => {
  const dirty = new DirtyPaths(2);
  for (const path of ['/a', '/b', '/a']) dirty.add(path);
  assert.deepEqual(dirty.take(), new Set(['/a', '/b']));
  assert.equal(dirty.isEmpty, true);
});

test('beyond the limit no path is named, also not those that come later', () => {
  const dirty = new DirtyPaths(2);
  for (const path of ['/a', '/b', '/c', '/d']) dirty.add(path);
  assert.equal(dirty.isEmpty, false);
  assert.equal(dirty.take(), null);
  assert.equal(dirty.isEmpty, true);
});

test('what is put back is there again beside what has come since, within the limit', () => {
  const dirty = new DirtyPaths(2);
  dirty.add('/a');
  const taken = dirty.take()!;
  dirty.add('/b');
  dirty.putBack(taken);
  assert.deepEqual(dirty.take(), new Set(['/a', '/b']));
  dirty.putBack(new Set(['/c', '/d', '/e']));
  assert.equal(dirty.take(), null);
});
