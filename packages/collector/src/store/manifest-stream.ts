/** A manifest's entries in path order, a slice at a time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Entry, parseEntryLine } from '@holdfast/shared/entry';
import { emptyBucketDigest } from '@holdfast/shared/manifest';
import type { ManifestRows } from '#store/manifest-rows';
import { mergeSorted } from '#store/merge-sorted';
import { reading } from '#store/storage-error';

const bucketsPerTurn = 16;
const entriesPerSlice = 1000;

/** `bucketDigests` must stay in the database until the stream has ended. */
export async function* streamEntries(
  manifests: ManifestRows,
  bucketDigests: readonly string[],
): AsyncGenerator<Entry[]> {
  const lists: string[][] = [];
  for (const [i, digest] of bucketDigests.entries()) {
    if (digest === emptyBucketDigest) continue;
    lists.push(
      reading(() => manifests.bucketText(digest))
        .slice(0, -1)
        .split('\n'),
    );
    if (i % bucketsPerTurn === 0) await nextTurn();
  }
  let slice: Entry[] = [];
  for (const line of mergeSorted(lists)) {
    slice.push(parseEntryLine(line));
    if (slice.length < entriesPerSlice) continue;
    yield slice;
    slice = [];
    await nextTurn();
  }
  if (slice.length > 0) yield slice;
}
