import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AideRow } from '@holdfast/shared/aide-row';
import type { Entry } from '@holdfast/shared/entry';
import { agrees, disagreeing, mayReplace, type RowsOfPath } from '#core/aide-rules';

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

function row(over: Partial<AideRow> = {}): AideRow {
  const common = { path: '/etc/x', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, sha256: a } as const;
  return {
    ...common,
    acl: '',
    xattrs: '',
    caps: '',
    selinux: '',
    e2fsattrs: 'e (0x80000)',
    linkCount: 1,
    ...over,
  };
}

function link(over: Partial<AideRow> = {}): AideRow {
  const common = { path: '/etc/x', type: 'symlink', mode: 0o777, uid: 0, gid: 0, target: 'y' } as const;
  return { ...common, xattrs: '', caps: '', selinux: '', ...over };
}

function entry(over: Partial<Entry> = {}): Entry {
  return { path: '/etc/x', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, sha256: a, ...over };
}

const linkEntry: Entry = { path: '/etc/x', type: 'symlink', mode: 0o777, uid: 0, gid: 0, target: 'y' };
const without = <T extends object, K extends keyof T>(of: T, ...names: K[]): Omit<T, K> =>
  Object.fromEntries(Object.entries(of).filter(([name]) => !(names as string[]).includes(name))) as Omit<
    T,
    K
  >;
const caps = 'cap_net_raw=ep';
const unread = without(entry({ unread: 'permission' }), 'size', 'sha256');

/** The new row takes the place of the old one: old, new, what was reviewed (none: nothing was), and what is accepted. */
const taken: Readonly<Record<string, Partial<RowsOfPath>>> = {
  'content that was accepted': { next: row({ sha256: b }), accepted: entry({ sha256: b }) },
  'a mode that was accepted, and the old list': {
    old: row({ acl: 'user:7:r--' }),
    next: row({ acl: 'user:7:r--', mode: 0o600 }),
    accepted: entry({ mode: 0o600 }),
  },
  'capabilities that were reviewed': { next: row({ caps }), reviewed: { row: row({ caps }) } },
  'capabilities that were reviewed, with a content that was accepted later': {
    next: row({ caps, sha256: b }),
    reviewed: { row: row({ caps }) },
    accepted: entry({ sha256: b }),
  },
  'what was put back after it was reviewed': { next: row(), reviewed: { row: row({ caps }) } },
  'a path that is gone': { next: null, accepted: null },
  'a path that is gone, and that AIDE had seen go': { next: null, accepted: null, reviewed: { row: null } },
  'a new path like any other': { old: null },
  'a new path with capabilities that were reviewed': {
    old: null,
    next: row({ caps }),
    reviewed: { row: row({ caps }) },
  },
  'a new path with a label': { old: null, next: row({ xattrs: 'security.selinux (9 bytes, sha256 00…)' }) },
  'a file that became a link': { next: link(), accepted: linkEntry },
  'a link that became a file': { old: link() },
  'a directory that became a file': { old: row({ type: 'directory' }) },
  'an attribute that was not looked at before': {
    old: without(row(), 'selinux'),
    next: row({ selinux: 'x' }),
  },
  'a content that neither could read': {
    old: without(row(), 'sha256', 'size'),
    next: without(row(), 'sha256', 'size'),
    accepted: unread,
  },
  'a content that only AIDE read, as before': { accepted: unread },
  'a place where another file system is mounted': {
    old: row({ type: 'directory' }),
    next: row({ type: 'directory' }),
    accepted: { path: '/etc/x', type: 'mount' },
  },
};

const refused: Readonly<Record<string, Partial<RowsOfPath>>> = {
  'content that moved on after it was accepted': { next: row({ sha256: b }) },
  'capabilities that slipped in': { next: row({ caps }) },
  'capabilities that slipped in beside an accepted content': {
    next: row({ caps, sha256: b }),
    accepted: entry({ sha256: b }),
  },
  'other capabilities than were reviewed': {
    next: row({ caps: 'cap_setuid=ep' }),
    reviewed: { row: row({ caps }) },
  },
  'a list beside capabilities that were reviewed': {
    next: row({ caps, acl: 'user:7:rwx' }),
    reviewed: { row: row({ caps }) },
  },
  'capabilities that are gone': { old: row({ caps }) },
  'a path that came back': { accepted: null },
  'a path that is gone, and was not accepted as gone': { next: null },
  'a path that came back after it was reviewed as gone': { accepted: null, reviewed: { row: null } },
  'a new path with capabilities': { old: null, next: row({ caps }) },
  'a new path with a list': { old: null, next: row({ acl: 'user:7:rwx' }) },
  'a new path with an attribute of its own': {
    old: null,
    next: row({ xattrs: 'user.a (1 bytes, sha256 00…)' }),
  },
  'a new path that is immutable': { old: null, next: row({ e2fsattrs: 'ie (0x80010)' }) },
  'a new path with a second name': { old: null, next: row({ linkCount: 2 }) },
  'a link that became a file with capabilities': { old: link(), next: row({ caps }) },
  'a file that became immutable after it was reviewed as a link': {
    old: link(),
    next: row({ e2fsattrs: 'ie (0x80010)' }),
    reviewed: { row: link() },
  },
  'a type that was not accepted': { next: link() },
  'a content that AIDE could not read any more': { next: without(row(), 'sha256') },
  'a list that could not be read any more': { next: without(row(), 'acl') },
  'a content that nobody could read before, and nobody has accepted': {
    old: without(row(), 'sha256', 'size'),
    accepted: unread,
  },
  'a content that only AIDE read, and that differs': { next: row({ sha256: b }), accepted: unread },
};

const usual: RowsOfPath = { old: row(), next: row(), reviewed: null, accepted: entry() };
for (const [what, over] of Object.entries(taken)) {
  test(`taken over: ${what}`, () => assert.equal(mayReplace({ ...usual, ...over }), true));
}
for (const [what, over] of Object.entries(refused)) {
  test(`drift: ${what}`, () => assert.equal(mayReplace({ ...usual, ...over }), false));
}

test('the engines disagree in what both measured, and in nothing else', () => {
  assert.deepEqual(disagreeing(row(), entry()), []);
  assert.deepEqual(disagreeing(row({ caps }), entry()), []);
  assert.deepEqual(disagreeing(row({ sha256: b, mode: 0o600 }), entry()), ['mode', 'sha256']);
  assert.deepEqual(disagreeing(without(row(), 'sha256'), entry()), []);
  assert.deepEqual(disagreeing(row({ sha256: b }), unread), []);
  assert.deepEqual(disagreeing(row({ sha256: b }), entry({ unread: 'stale' })), []);
  assert.deepEqual([agrees(null, null), agrees(row(), null), agrees(null, entry())], [true, false, false]);
});
