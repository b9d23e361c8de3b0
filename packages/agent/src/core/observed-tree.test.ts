import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '@holdfast/shared/entry';
import type { FileStat } from './file-stat.ts';
import { ObservedTree } from './observed-tree.ts';

const stat: FileStat = {
  dev: 1,
  ino: 2,
  mode: 0o100644,
  nlink: 1,
  uid: 0,
  gid: 0,
  rdev: 0,
  size: 3,
  mtimeMs: 4.25,
  ctimeMs: 5.5,
};
const file = (path: string, uid = 0): Entry => ({ path, type: 'file', uid });
const directory = (path: string): Entry => ({ path, type: 'directory' });

test('an older read never overwrites a newer one', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(file('/a', 2), stat, 20);
  assert.equal(tree.observe(file('/a', 1), stat, 10), null);
  assert.equal(tree.manifest.get('/a')?.uid, 2);
  assert.deepEqual([...tree.remove('/a', 15)], []);
  assert.equal(tree.manifest.size, 1);
});

test('an older read does not bring back what was seen to be gone since', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(file('/a'), stat, 1);
  assert.deepEqual([...tree.remove('/a', 20)], [{ path: '/a', before: file('/a'), after: null }]);
  assert.equal(tree.observe(file('/a'), stat, 10), null);
  assert.equal(tree.manifest.size, 0);
  assert.notEqual(tree.observe(file('/a'), stat, 30), null);
});

test('a read that finds what is known confirms it, and only that', () => {
  const tree = new ObservedTree('0'.repeat(64));
  const sha256 = 'a'.repeat(64);
  tree.observe({ ...file('/a'), sha256 }, stat, 1);
  assert.equal(tree.confirm('/a', stat, { kind: 'sha256', sha256: 'b'.repeat(64) }, 2), false);
  assert.equal(tree.confirm('/a', { ...stat, mode: 0o100600 }, { kind: 'sha256', sha256 }, 2), false);
  assert.equal(tree.confirm('/a', stat, { kind: 'unread', reason: 'io-error' }, 2), false);
  assert.equal(tree.confirm('/b', stat, { kind: 'none' }, 2), false);
  assert.equal(tree.confirm('/a', stat, { kind: 'sha256', sha256 }, 20), true);
  assert.equal(tree.observe(file('/a'), stat, 10), null, 'the confirmation counts as a read');
  assert.equal([...tree.markStaleBelow('/', 30)].length, 1);
  assert.equal(tree.confirm('/a', stat, { kind: 'sha256', sha256 }, 40), false, 'a stale entry is made anew');
});

test('a removal takes everything below along, and what was observed later stays', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(directory('/a'), stat, 1);
  tree.observe(directory('/a/b'), stat, 2);
  tree.observe(file('/a/b/c'), stat, 3);
  tree.observe(file('/a/late'), stat, 30);
  assert.deepEqual(
    Array.from(tree.remove('/a', 20), (difference) => difference.path),
    ['/a/b/c', '/a/b', '/a'],
  );
  assert.deepEqual([...tree.manifest.entries()], [file('/a/late')]);
  assert.deepEqual([...tree.childrenOf('/a')], ['/a/late']);
});

test('what cannot be listed is marked stale and keeps what was seen', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(directory('/a'), stat, 1);
  tree.observe(file('/a/b', 7), stat, 2);
  const [difference] = tree.markStaleBelow('/a', 3);
  assert.deepEqual(difference?.after, { ...file('/a/b', 7), unread: 'stale' });
  assert.equal(tree.isUnchanged('/a/b', stat), false, 'it is looked at again');
  assert.deepEqual([...tree.markStaleBelow('/a', 4)], []);
});

test('a path is unchanged only if lstat says the same in every field that matters', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(file('/a'), stat, 1);
  assert.equal(tree.isUnchanged('/a', { ...stat }), true);
  for (const field of ['dev', 'ino', 'mode', 'nlink', 'uid', 'gid', 'size', 'mtimeMs', 'ctimeMs'] as const) {
    assert.equal(tree.isUnchanged('/a', { ...stat, [field]: stat[field] + 0.0005 }), false, field);
  }
  assert.equal(tree.isUnchanged('/b', stat), false);
});

test('signatures stay right while the table grows and rows are used again', () => {
  const tree = new ObservedTree('0'.repeat(64));
  for (let i = 0; i < 5000; i++) tree.observe(file(`/${i}`), { ...stat, ino: i }, i + 1);
  for (let i = 0; i < 5000; i += 2) for (const _ of tree.remove(`/${i}`, 10_000));
  for (let i = 5000; i < 8000; i++) tree.observe(file(`/${i}`), { ...stat, ino: i }, 10_001);
  for (let i = 0; i < 8000; i++) {
    const isThere = i % 2 === 1 || i >= 5000;
    assert.equal(tree.isUnchanged(`/${i}`, { ...stat, ino: i }), isThere, String(i));
  }
});

test('blind spots go with their path, and a revision says that they changed', () => {
  const tree = new ObservedTree('0'.repeat(64));
  tree.observe(directory('/a'), stat, 1);
  tree.setBlind('/a', 'unreadable');
  const revision = tree.blindSpotsRevision;
  tree.setBlind('/a', 'unreadable');
  assert.equal(tree.blindSpotsRevision, revision);
  assert.equal([...tree.remove('/a', 2)].length, 1);
  assert.deepEqual(tree.blindSpots, []);
  assert.notEqual(tree.blindSpotsRevision, revision);
});
