import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '@holdfast/shared/entry';
import {
  bucketOf,
  countUnread,
  decodeBucket,
  type Entries,
  entriesByPath,
  Manifest,
  noEntries,
} from '@holdfast/shared/manifest';
import { type FinishedEdit, ManifestEdit } from '#core/manifest-edit';
import type { ManifestRecord } from '#core/node-state';
import { file } from '#store/test-node';

const scope = '5'.repeat(64);
const unread = (path: string): Entry => ({ path, type: 'file', unread: 'permission' });

/** A source that holds what edits have finished. */
class Finished {
  readonly #buckets = new Map<string, Entries>();
  keep({ side, buckets }: FinishedEdit): ManifestRecord {
    for (const { digest, text } of buckets) this.#buckets.set(digest, entriesByPath(decodeBucket(text)));
    return side.record;
  }
  bucket(digest: string): Entries {
    return this.#buckets.get(digest) ?? noEntries;
  }
}

function assertHolds(record: ManifestRecord, entries: readonly Entry[]): void {
  const expected = new Manifest(scope, entries);
  assert.equal(record.digest, expected.digest());
  assert.deepEqual(record.bucketDigests, expected.bucketDigests());
  assert.equal(record.entries, entries.length);
  assert.equal(record.unread, countUnread(entries));
}

test('an edit of nothing, and an edit of that, have the digest and the counts of what they hold', () => {
  const source = new Finished();
  const first = new ManifestEdit(null, source);
  for (const entry of [file('/a'), unread('/b'), unread('/c')]) first.set(entry);
  const record = source.keep(first.finish(scope));
  assertHolds(record, [file('/a'), unread('/b'), unread('/c')]);
  const second = new ManifestEdit(record, source);
  second.set(file('/b'));
  second.delete('/c');
  second.delete('/never-there');
  second.set(unread('/d'));
  assertHolds(source.keep(second.finish(scope)), [file('/a'), file('/b'), unread('/d')]);
  assert.deepEqual([...second.changes()].map(({ path }) => path).sort(), ['/b', '/c', '/d']);
});

test('an edit that puts everything back changes nothing and makes no bucket', () => {
  const source = new Finished();
  const first = new ManifestEdit(null, source);
  first.set(file('/a'));
  const record = source.keep(first.finish(scope));
  const second = new ManifestEdit(record, source);
  second.set(file('/a', 'b'));
  second.set(file('/a'));
  const { side, buckets } = second.finish(scope);
  assert.deepEqual(side.record, record);
  assert.deepEqual(buckets, []);
  assert.deepEqual([...second.changes()], []);
  assert.deepEqual(second.touched(), [bucketOf('/a')]);
});

test('a replaced bucket takes the place of all that it held', () => {
  const source = new Finished();
  const first = new ManifestEdit(null, source);
  first.set(file('/a'));
  first.set(file('/b'));
  const record = source.keep(first.finish(scope));
  const second = new ManifestEdit(record, source);
  second.replace(bucketOf('/a'), []);
  assertHolds(source.keep(second.finish(scope)), [file('/b')]);
});
