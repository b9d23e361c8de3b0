import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { Entry } from '@holdfast/shared/entry';
import { Manifest } from '@holdfast/shared/manifest';
import { checkScope, scopeDigest } from '@holdfast/shared/scope';
import { decodeBaseline, DamagedBaselineError, encodeBaseline } from './baseline-document.ts';

const scope = checkScope({ version: 1, paths: [{ path: '/etc' }], exclude: ['/etc/mtab'] });
const entries: Entry[] = [
  { path: '/etc', type: 'directory', mode: 0o755, uid: 0, gid: 0 },
  { path: '/etc/a%0Ab', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 3, sha256: hash('sha256', 'abc') },
  { path: '/etc/ü', type: 'symlink', mode: 0o777, uid: 0, gid: 0, target: '/nowhere%FF' },
  { path: '/etc/secret', type: 'file', mode: 0o600, uid: 0, gid: 0, unread: 'permission' },
];
const document = {
  scope,
  acceptedAt: '2027-01-02T03:04:05.678Z',
  manifest: new Manifest(scopeDigest(scope), entries),
};
const bytes = Buffer.from(encodeBaseline(document));

test('a baseline comes back as it was written', () => {
  const read = decodeBaseline(bytes);
  assert.equal(read.manifest.digest(), document.manifest.digest());
  assert.deepEqual(read.scope, scope);
  assert.equal(read.acceptedAt, document.acceptedAt);
  assert.deepEqual(read.manifest.get('/etc/a%0Ab'), entries[1]);
});

test('the same manifest makes the same bytes, whatever order its entries came in', () => {
  const reversed = new Manifest(scopeDigest(scope), [...entries].reverse());
  assert.equal(encodeBaseline({ ...document, manifest: reversed }), bytes.toString());
});

test('a baseline that is cut off at any byte is refused', () => {
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeBaseline(bytes.subarray(0, length)), DamagedBaselineError, `at ${length}`);
  }
});

test('a baseline with any one byte changed is refused', () => {
  for (let i = 0; i < bytes.length; i++) {
    const damaged = Buffer.from(bytes);
    damaged[i] = damaged[i]! ^ 0x01;
    assert.throws(() => decodeBaseline(damaged), DamagedBaselineError, `at ${i}`);
  }
});

test('a baseline with something added at its end is refused', () => {
  assert.throws(() => decodeBaseline(Buffer.concat([bytes, Buffer.from('\n')])), DamagedBaselineError);
  assert.throws(() => decodeBaseline(Buffer.concat([bytes, bytes])), DamagedBaselineError);
});

test('a newer format is named, not called damaged', () => {
  const newer = Buffer.from(bytes.toString().replace('holdfast-baseline 1', 'holdfast-baseline 2'));
  assert.throws(() => decodeBaseline(newer), /has format 2; .* reads format 1/);
});

test('content that contradicts itself is refused although its checksum is right', () => {
  const lies: readonly (readonly [string, string, RegExp])[] = [
    ['"entries":4', '"entries":5', /4 entries where its header says 5/],
    ['m=600', 'm=644', /not those that its header names/],
    ['m=600', 'm=0600', /line 5 is not the entry/],
    ['/etc/secret', '/etc/../tmp', /line 5 is not the entry/],
    ['"path":"/etc"', '"path":"etc"', /scope in its header/],
    ['"acceptedAt"', '"acceptedBy"', /header lacks/],
    ['{"acc', '["acc', /not JSON/],
  ];
  for (const [from, to, message] of lies) {
    const body = bytes
      .toString()
      .replace(from, to)
      .replace(/sha256 \w+\n$/, '');
    const forged = Buffer.from(`${body}sha256 ${hash('sha256', body)}\n`);
    assert.throws(() => decodeBaseline(forged), message);
  }
});
