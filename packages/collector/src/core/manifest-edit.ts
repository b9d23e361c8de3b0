/**
 * A manifest that is made from another one: buckets that are not touched are shared, those that are touched are copies.
 */
import type { Entry } from '@holdfast/shared/entry';
import {
  bucketCount,
  bucketDigest,
  bucketOf,
  countUnread,
  emptyBucketDigest,
  encodeBucket,
  type Entries,
  entriesByPath,
  manifestDigest,
} from '@holdfast/shared/manifest';
import type { BucketRecord, ManifestRecord } from '#core/node-state';

/** A manifest as a comparison reads it. */
export interface ManifestSide {
  readonly record: ManifestRecord;
  entries(index: number): Entries;
}

/** Where entries of stored buckets come from. */
export interface BucketSource {
  bucket(digest: string): Entries;
}

export interface FinishedEdit {
  readonly side: ManifestSide;
  /** Those that the edit made; the empty bucket is not among them. */
  readonly buckets: readonly BucketRecord[];
}

export interface EntryChange {
  readonly path: string;
  readonly before: Entry | null;
  readonly after: Entry | null;
}

/** Two entries stand for the same observation if their canonical lines are the same; this compares without making them. */
export function isSameEntry(a: Entry | null | undefined, b: Entry | null | undefined): boolean {
  if (!a || !b) return !a && !b;
  return (
    a.path === b.path &&
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.sha256 === b.sha256 &&
    a.target === b.target &&
    a.device === b.device &&
    a.unread === b.unread
  );
}

const noDigests: readonly string[] = Array.from({ length: bucketCount }, () => emptyBucketDigest);

/** The bucket digests of `record`; of nothing, where there is none. */
export function bucketDigestsOf(record: ManifestRecord | null): readonly string[] {
  return record?.bucketDigests ?? noDigests;
}

export function sideOf(record: ManifestRecord, source: BucketSource): ManifestSide {
  return { record, entries: (index) => source.bucket(record.bucketDigests[index]!) };
}

export class ManifestEdit {
  readonly #base: ManifestRecord | null;
  readonly #source: BucketSource;
  readonly #original = new Map<number, Entries>();
  readonly #edited = new Map<number, Map<string, Entry>>();

  /** `base` null: starts from nothing. */
  constructor(base: ManifestRecord | null, source: BucketSource) {
    this.#base = base;
    this.#source = source;
  }

  /** Puts `entries` in the place of all that bucket `index` holds. Every path must belong to it. */
  replace(index: number, entries: Iterable<Entry>): void {
    this.#touch(index);
    this.#edited.set(index, new Map(entriesByPath(entries)));
  }

  set(entry: Entry): void {
    this.#touch(bucketOf(entry.path)).set(entry.path, entry);
  }

  delete(path: string): void {
    this.#touch(bucketOf(path)).delete(path);
  }

  /** Buckets that were opened for a change, whether or not they differ now. */
  touched(): number[] {
    return [...this.#edited.keys()].sort((a, b) => a - b);
  }

  /** What the edit has changed so far, path by path. */
  *changes(): Generator<EntryChange> {
    for (const [index, edited] of this.#edited) {
      const original = this.#original.get(index)!;
      for (const [path, after] of edited) {
        const before = original.get(path) ?? null;
        if (!isSameEntry(before, after)) yield { path, before, after };
      }
      for (const [path, before] of original) {
        if (!edited.has(path)) yield { path, before, after: null };
      }
    }
  }

  /** The manifest as it stands now. */
  finish(scopeDigest: string): FinishedEdit {
    const digests = [...bucketDigestsOf(this.#base)];
    const buckets: BucketRecord[] = [];
    let entries = this.#base?.entries ?? 0;
    let unread = this.#base?.unread ?? 0;
    for (const [index, edited] of this.#edited) {
      const original = this.#original.get(index)!;
      const text = encodeBucket(edited.values());
      const digest = bucketDigest(text);
      const bucket = { digest, text, entries: edited.size, unread: countUnread(edited.values()) };
      entries += bucket.entries - original.size;
      unread += bucket.unread - countUnread(original.values());
      if (digest !== digests[index] && digest !== emptyBucketDigest) buckets.push(bucket);
      digests[index] = digest;
    }
    const record: ManifestRecord = {
      digest: manifestDigest(scopeDigest, digests),
      scopeDigest,
      bucketDigests: digests,
      entries,
      unread,
    };
    const side: ManifestSide = {
      record,
      entries: (index) => this.#edited.get(index) ?? this.#source.bucket(digests[index]!),
    };
    return { side, buckets };
  }

  #touch(index: number): Map<string, Entry> {
    const known = this.#edited.get(index);
    if (known) return known;
    const original = this.#source.bucket(bucketDigestsOf(this.#base)[index]!);
    const edited = new Map(original);
    this.#original.set(index, original);
    this.#edited.set(index, edited);
    return edited;
  }
}
