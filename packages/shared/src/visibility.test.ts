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
