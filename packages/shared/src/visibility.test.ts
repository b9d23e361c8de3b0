import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareEntries } from './compare.ts';
import type { Entry } from './entry.ts';
import { compileScope } from './scope.ts';
import { type BlindSpot, visibilityOf } from './visibility.ts';

const file = (path: string): Entry => ({ path, type: 'file', mode: 0o644 });
const directory = (path: string): Entry => ({ path, type: 'directory', mode: 0o755 });

function unknownReason(gone: Entry, blindSpots: readonly BlindSpot[]): string {
  const finding = compareEntries(gone, null, visibilityOf(blindSpots, null));
  return finding?.drift?.change ?? finding?.unknown ?? 'same';
}

test('what lies in a place that could not be seen is unknown, not removed', () => {
  for (const reason of ['unreadable', 'missing', 'empty', 'mount'] as const) {
    const spots = [{ path: '/etc/ssh', reason }];
    assert.equal(unknownReason(file('/etc/ssh/sshd_config'), spots), reason);
    assert.equal(unknownReason(file('/etc/ssh/a/b'), spots), reason);
    assert.equal(unknownReason(file('/etc/ssh2'), spots), 'removed');
    assert.equal(unknownReason(file('/etc/passwd'), spots), 'removed');
  }
});

test('a tree that is gone as a whole is unknown, its root too', () => {
  const spots: BlindSpot[] = [{ path: '/usr/local/bin', reason: 'missing' }];
  assert.equal(unknownReason(directory('/usr/local/bin'), spots), 'missing');
  assert.equal(unknownReason(file('/usr/local/bin/x'), spots), 'missing');
});

test('a single file that the scope names and that is gone was removed', () => {
  const spots: BlindSpot[] = [{ path: '/var/lib/kubelet/config.yaml', reason: 'missing' }];
  assert.equal(unknownReason(file('/var/lib/kubelet/config.yaml'), spots), 'removed');
});

test('… unless what it lies in cannot be seen either', () => {
  const spots: BlindSpot[] = [
    { path: '/var/lib/kubelet/config.yaml', reason: 'missing' },
    { path: '/var/lib/kubelet', reason: 'unreadable' },
  ];
  assert.equal(unknownReason(file('/var/lib/kubelet/config.yaml'), spots), 'unreadable');
});

test('the root directory as a blind spot hides everything', () => {
  assert.equal(unknownReason(file('/etc/passwd'), [{ path: '/', reason: 'empty' }]), 'empty');
});

test('paths that one of the two scopes does not take in have left or entered', () => {
  const scopes = {
    baseline: compileScope({ version: 1, paths: [{ path: '/etc' }, { path: '/usr/bin' }] }),
    observed: compileScope({
      version: 1,
      paths: [{ path: '/etc' }, { path: '/usr/sbin' }],
      exclude: ['/etc/ssh/**'],
    }),
  };
  const visibility = visibilityOf([], scopes);
  const left = (path: string) => compareEntries(file(path), null, visibility)?.unknown ?? 'drift';
  const entered = (path: string) => compareEntries(null, file(path), visibility)?.unknown ?? 'drift';
  assert.equal(left('/usr/bin/env'), 'left-scope');
  assert.equal(left('/etc/ssh/sshd_config'), 'left-scope');
  assert.equal(left('/etc/passwd'), 'drift');
  assert.equal(entered('/usr/sbin/sshd'), 'entered-scope');
  assert.equal(entered('/etc/new'), 'drift');
});

test('places beside one another, within one another or told twice hide what lies in them, and nothing else', () => {
  const spots: BlindSpot[] = [
    { path: '/b/c', reason: 'mount' },
    { path: '/b', reason: 'unreadable' },
    { path: '/b-c', reason: 'empty' },
    { path: '/d', reason: 'missing' },
    { path: '/d', reason: 'unreadable' },
  ];
  const reason = (path: string) => visibilityOf(spots, null).hidden(file(path));
  const reasons = ['/a', '/b', '/b/c/d', '/b/x', '/b!', '/b-c/x', '/b-cd', '/d', '/d/x', '/e'].map(reason);
  assert.deepEqual(reasons, [
    null,
    'unreadable',
    'unreadable',
    'unreadable',
    null,
    'empty',
    null,
    'unreadable',
    'unreadable',
    null,
  ]);
});

test('a thousand blind spots beside half a million lost paths take no longer than a few', () => {
  const spots: BlindSpot[] = Array.from({ length: 1000 }, (_, i) => ({
    path: `/tree/${i}`,
    reason: 'unreadable',
  }));
  const visibility = visibilityOf(spots, null);
  const before = process.cpuUsage();
  let hiding = 0;
  for (let i = 0; i < 500_000; i++) if (visibility.hidden(file(`/tree/x/${i}`)) !== null) hiding += 1;
  const { user, system } = process.cpuUsage(before);
  assert.equal(hiding, 0);
  assert.ok((user + system) / 1000 < 3000, `${(user + system) / 1000} ms`);
});
