import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareEntries, everythingVisible } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { findingLine } from './finding-text.ts';

const before: Entry = {
  path: '/etc/x',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 3,
  sha256: 'a'.repeat(64),
};
const lineOf = (b: Entry | null, a: Entry | null): string => findingLine(compareEntries(b, a)!);

test('a changed file shows each attribute before and after', () => {
  const after = { ...before, mode: 0o600, sha256: 'b'.repeat(64) };
  assert.equal(
    lineOf(before, after),
    'changed  /etc/x  mode 0644 → 0600, sha256 aaaaaaaaaaaa… → bbbbbbbbbbbb…',
  );
});

test('added and removed show what is there and what was', () => {
  assert.equal(lineOf(null, before), 'added    /etc/x  file 0644 0:0 3 bytes sha256 aaaaaaaaaaaa…');
  const link: Entry = { path: '/etc/l', type: 'symlink', target: '../x%0A' };
  assert.equal(lineOf(link, null), 'removed  /etc/l  was symlink → ../x%0A');
});

test('a drift of a path that could not be measured in full says both', () => {
  const unread: Entry = { path: '/etc/x', type: 'file', mode: 0o600, uid: 0, gid: 0, unread: 'permission' };
  assert.equal(
    lineOf(before, unread),
    'changed  /etc/x  mode 0644 → 0600; unknown: no permission to read it',
  );
});

test('an unknown path says why', () => {
  const finding = compareEntries(before, null, { ...everythingVisible, hidden: () => 'empty' });
  assert.equal(findingLine(finding!), 'unknown  /etc/x  the tree that it lies in is empty');
});

test('a file that the host has replaced behind its mount says so', () => {
  assert.match(
    lineOf(before, { ...before, unread: 'detached' }),
    /^changed .* the host has replaced the file/,
  );
});
