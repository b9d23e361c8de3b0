import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareManifests } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { compileGlob } from '@holdfast/shared/glob';
import { Manifest } from '@holdfast/shared/manifest';
import { type BlindSpot, visibilityOf } from '@holdfast/shared/visibility';
import { acceptChanges } from './accept-changes.ts';

const file = (path: string, sha256: string, more: Partial<Entry> = {}): Entry => ({
  path,
  type: 'file',
  mode: 0o644,
  sha256: sha256.repeat(64),
  ...more,
});

function accept(
  before: Entry[],
  after: Entry[],
  globs: string[] | null = null,
  blindSpots: BlindSpot[] = [],
): { paths: number; has: (path: string) => Entry | undefined; scope: string } {
  const baseline = new Manifest('old', before);
  const observed = new Manifest('new', after);
  const findings = compareManifests(baseline.buckets(), observed.buckets(), visibilityOf(blindSpots, null));
  const accepted = acceptChanges(baseline, observed, findings, globs?.map(compileGlob) ?? null);
  return {
    paths: accepted.paths.size,
    has: (path) => accepted.manifest.get(path),
    scope: accepted.manifest.scopeDigest,
  };
}

test('accepting everything takes over what was added, changed and removed, and the scope', () => {
  const accepted = accept([file('/a', '1'), file('/b', '2')], [file('/a', '3'), file('/c', '4')]);
  assert.equal(accepted.paths, 3);
  assert.deepEqual(accepted.has('/a'), file('/a', '3'));
  assert.equal(accepted.has('/b'), undefined);
  assert.ok(accepted.has('/c'));
  assert.equal(accepted.scope, 'new');
});

test('accepting by globs leaves the other paths and the scope as they were', () => {
  const accepted = accept(
    [file('/x/a', '1'), file('/y/a', '1')],
    [file('/x/a', '2'), file('/y/a', '2')],
    ['/x'],
  );
  assert.equal(accepted.paths, 1);
  assert.deepEqual(accepted.has('/x/a'), file('/x/a', '2'));
  assert.deepEqual(accepted.has('/y/a'), file('/y/a', '1'));
  assert.equal(accepted.scope, 'old');
});

test('accepting a file that could not be read keeps the content that was accepted before', () => {
  const unread: Entry = { path: '/a', type: 'file', mode: 0o600, unread: 'permission' };
  const accepted = accept([file('/a', '1')], [unread]);
  assert.deepEqual(accepted.has('/a'), file('/a', '1', { mode: 0o600 }));
});

test('what a missing or empty tree hides is kept, unless it is named', () => {
  for (const reason of ['missing', 'empty'] as const) {
    const spots = [{ path: '/t', reason }];
    assert.ok(accept([file('/t/a', '1')], [], null, spots).has('/t/a'), reason);
    assert.equal(accept([file('/t/a', '1')], [], ['/t'], spots).has('/t/a'), undefined, reason);
  }
});

test('what an unreadable directory hides is kept even if it is named', () => {
  const spots: BlindSpot[] = [{ path: '/t', reason: 'unreadable' }];
  assert.ok(accept([file('/t/a', '1')], [], ['/t/a'], spots).has('/t/a'));
});

test('what lies below a mount is dropped', () => {
  const accepted = accept([file('/t/a', '1')], [], null, [{ path: '/t', reason: 'mount' }]);
  assert.equal(accepted.has('/t/a'), undefined);
});

test('an attribute that the baseline never recorded counts once everything was accepted', () => {
  const bare: Entry = { path: '/a', type: 'file' };
  const full = file('/a', '1');
  const all = accept([bare], [full]);
  assert.deepEqual(all.has('/a'), full);
  assert.equal(all.paths, 0, 'there was nothing to review');
  assert.deepEqual(accept([bare], [full], ['/b']).has('/a'), bare);
});
