import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { seededRandom } from '../../../test/random.ts';
import type { Entry } from './entry.ts';
import {
  bucketCount,
  bucketDigest,
  bucketOf,
  countUnread,
  decodeBucket,
  emptyBucketDigest,
  encodeBucket,
  Manifest,
  manifestDigest,
} from './manifest.ts';

interface Golden {
  readonly scopeDigest: string;
  readonly entries: readonly Entry[];
  readonly buckets: Readonly<Record<string, number>>;
  readonly bucketText: string;
  readonly bucketDigest: string;
  readonly emptyManifestDigest: string;
  readonly manifestDigest: string;
}

/** Frozen: stored baselines and agents of other versions stand on these values. A new format needs a new version in the digest. */
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/manifest.json', import.meta.url), 'utf8'),
) as Golden;

const scopeDigest = golden.scopeDigest;

test('buckets and digests are what they always were', () => {
  for (const [path, index] of Object.entries(golden.buckets)) assert.equal(bucketOf(path), index, path);
  assert.equal(encodeBucket(golden.entries), golden.bucketText);
  assert.equal(bucketDigest(golden.bucketText), golden.bucketDigest);
  assert.equal(new Manifest(scopeDigest).digest(), golden.emptyManifestDigest);
  assert.equal(new Manifest(scopeDigest, golden.entries).digest(), golden.manifestDigest);
});

test('the digest moves with the scope, and with any attribute of any entry', () => {
  const digests = new Set([golden.manifestDigest, new Manifest('0'.repeat(64), golden.entries).digest()]);
  for (const [i, entry] of golden.entries.entries()) {
    for (const key of Object.keys(entry)) {
      const changed = { ...entry, [key]: key === 'path' ? `${entry.path}x` : otherValue(entry, key) };
      digests.add(new Manifest(scopeDigest, golden.entries.with(i, changed)).digest());
    }
  }
  const attributes = golden.entries.reduce((count, entry) => count + Object.keys(entry).length, 0);
  assert.equal(digests.size, 2 + attributes);
});

test('a bucket goes through its text and back, sorted by path, whatever order it came in', () => {
  const sorted = decodeBucket(golden.bucketText);
  assert.deepEqual(encodeBucket(golden.entries.toReversed()), golden.bucketText);
  assert.deepEqual(
    sorted.map(({ path }) => path),
    golden.entries.map(({ path }) => path).sort(),
  );
  assert.deepEqual(decodeBucket(''), []);
  assert.equal(bucketDigest(''), emptyBucketDigest);
});

test('a bucket that was cut off is refused', () => {
  assert.throws(() => decodeBucket(golden.bucketText.slice(0, -1)), /cut off/);
  assert.throws(() => decodeBucket('\n'));
});

test('paths spread evenly over the buckets', () => {
  const counts = Array.from({ length: bucketCount }, () => 0);
  for (let i = 0; i < 25_600; i++) counts[bucketOf(`/usr/share/doc/package-${i}/copyright`)]! += 1;
  assert.ok(
    Math.min(...counts) > 50 && Math.max(...counts) < 160,
    String([Math.min(...counts), Math.max(...counts)]),
  );
});

test('after any changes a manifest equals one that is made from scratch', () => {
  const random = seededRandom(3);
  const live = new Manifest(scopeDigest);
  const truth = new Map<string, Entry>();
  for (let round = 0; round < 300; round++) {
    for (let n = random.below(30); n > 0; n--) {
      const path = `/etc/${random.below(400)}`;
      if (random.oneIn(3)) {
        assert.equal(live.delete(path), truth.delete(path));
      } else {
        const entry = randomEntry(path, random.below(4));
        const isSame = JSON.stringify(truth.get(path)) === JSON.stringify(entry);
        assert.equal(live.set(entry), !isSame);
        truth.set(path, entry);
      }
    }
    const fresh = new Manifest(scopeDigest, truth.values());
    assert.equal(live.digest(), fresh.digest());
    assert.equal(live.size, truth.size);
    assert.deepEqual(
      live.buckets().map(({ unread }) => unread),
      fresh.buckets().map((bucket) => countUnread(bucket.entries().values())),
    );
  }
  const digests = Array.from({ length: bucketCount }, (_, index) =>
    bucketDigest(encodeBucket([...truth.values()].filter(({ path }) => bucketOf(path) === index))),
  );
  assert.equal(live.digest(), manifestDigest(scopeDigest, digests));
});

function randomEntry(path: string, variant: number): Entry {
  const variants: readonly Entry[] = [
    { path, type: 'file', mode: 0o644, sha256: 'a'.repeat(64) },
    { path, type: 'file', mode: 0o600, sha256: 'a'.repeat(64) },
    { path, type: 'file', mode: 0o600, unread: 'permission' },
    { path, type: 'symlink', target: 'x' },
  ];
  return variants[variant]!;
}

function otherValue(entry: Entry, key: string): unknown {
  const others: Readonly<Record<string, unknown>> = {
    type: entry.type === 'socket' ? 'fifo' : 'socket',
    mode: 0o7000,
    uid: 4_000_000_000,
    gid: 4_000_000_000,
    size: 123_456_789,
    sha256: 'f'.repeat(64),
    target: `${entry.target}%0A`,
    device: '250:250',
    unread: 'unstable',
  };
  return others[key];
}
