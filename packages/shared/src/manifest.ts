/**
 * A manifest: every entry of one node at one moment, as a two-level Merkle tree.
 *
 * - An entry falls into one of 256 buckets by {@link bucketOf} its path.
 * - A bucket's digest is sha256 over its canonical lines, sorted by path, each closed by a newline.
 * - The manifest's digest is sha256 over a format version, the scope's digest and the 256 bucket digests.
 *
 * Two manifests are compared bucket by bucket, and equal buckets are never opened (compare.ts).
 */
import { hash } from 'node:crypto';
import { type Entry, entryLine, parseEntryLine } from './entry.ts';

export const bucketCount = 256;

/** sha256 of nothing: the digest of a bucket without entries. */
export const emptyBucketDigest = hash('sha256', '');

/** Which bucket a path's entry lies in: FNV-1a over the UTF-16 units of its text form, folded to 8 bits. */
export function bucketOf(path: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) h = Math.imul(h ^ path.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  return (h ^ (h >>> 8)) & 0xff;
}

/** The stored and digested form of a bucket. `entries` may come in any order; paths must differ. */
export function encodeBucket(entries: Iterable<Entry>): string {
  return joinLines(Array.from(entries, entryLine));
}

/** Sorting lines sorts by path: the tab that ends a path is smaller than any character of a path. */
function joinLines(lines: string[]): string {
  return lines.length === 0 ? '' : `${lines.sort().join('\n')}\n`;
}

/** The entries of an encoded bucket, sorted by path. Throws if it is not one. */
export function decodeBucket(text: string): Entry[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error('bucket text is cut off');
  return text.slice(0, -1).split('\n').map(parseEntryLine);
}

export function bucketDigest(encoded: string): string {
  return hash('sha256', encoded);
}

/** `bucketDigests` are 256 lower-case hex digests, in bucket order; `scopeDigest` likewise hex. */
export function manifestDigest(scopeDigest: string, bucketDigests: readonly string[]): string {
  return hash('sha256', `holdfast-manifest-1\n${scopeDigest}\n${bucketDigests.join('\n')}\n`);
}

/** Orders by path, by UTF-16 code unit: the order of canonical lines. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** Entries by path. */
export type Entries = ReadonlyMap<string, Entry>;

export const noEntries: Entries = new Map();

export function entriesByPath(entries: Iterable<Entry>): Entries {
  const byPath = new Map<string, Entry>();
  for (const entry of entries) byPath.set(entry.path, entry);
  return byPath;
}

export function countUnread(entries: Iterable<Entry>): number {
  let count = 0;
  for (const entry of entries) if (entry.unread !== undefined) count += 1;
  return count;
}

/** One bucket as a comparison needs it; `unread` counts entries that could not be measured in full. */
export interface Bucket {
  readonly digest: string;
  readonly unread: number;
  entries(): Entries;
}

/** A manifest in memory that can change. Digests are computed when asked for, and only of buckets that changed. */
export class Manifest {
  readonly scopeDigest: string;
  readonly #buckets = Array.from({ length: bucketCount }, () => new LiveBucket());
  #size = 0;

  constructor(scopeDigest: string, entries: Iterable<Entry> = []) {
    this.scopeDigest = scopeDigest;
    for (const entry of entries) this.set(entry);
  }

  get size(): number {
    return this.#size;
  }

  get(path: string): Entry | undefined {
    return this.#bucket(path).entries().get(path);
  }

  /** Puts `entry` in the place of what its path had. Returns false if that was the same. */
  set(entry: Entry): boolean {
    const bucket = this.#bucket(entry.path);
    if (!bucket.entries().has(entry.path)) this.#size += 1;
    return bucket.set(entry);
  }

  /** Returns false if the path had no entry. */
  delete(path: string): boolean {
    const deleted = this.#bucket(path).delete(path);
    if (deleted) this.#size -= 1;
    return deleted;
  }

  *entries(): Generator<Entry> {
    for (const bucket of this.#buckets) yield* bucket.entries().values();
  }

  bucketDigests(): string[] {
    return this.#buckets.map((bucket) => bucket.digest);
  }

  digest(): string {
    return manifestDigest(this.scopeDigest, this.bucketDigests());
  }

  /** In bucket order. The buckets are live: they show what the manifest holds when they are read. */
  buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  #bucket(path: string): LiveBucket {
    return this.#buckets[bucketOf(path)]!;
  }
}

class LiveBucket implements Bucket {
  readonly #entries = new Map<string, Entry>();
  /** Kept beside the entries: a line says whether another entry is the same, and need not be made for each digest. */
  readonly #lines = new Map<string, string>();
  #digest: string | undefined = emptyBucketDigest;
  #unread = 0;

  get digest(): string {
    return (this.#digest ??= bucketDigest(joinLines([...this.#lines.values()])));
  }

  get unread(): number {
    return this.#unread;
  }

  entries(): Entries {
    return this.#entries;
  }

  set(entry: Entry): boolean {
    const line = entryLine(entry);
    if (this.#lines.get(entry.path) === line) return false;
    this.delete(entry.path);
    this.#entries.set(entry.path, entry);
    this.#lines.set(entry.path, line);
    if (entry.unread !== undefined) this.#unread += 1;
    this.#digest = undefined;
    return true;
  }

  delete(path: string): boolean {
    const entry = this.#entries.get(path);
    if (!entry) return false;
    this.#entries.delete(path);
    this.#lines.delete(path);
    if (entry.unread !== undefined) this.#unread -= 1;
    this.#digest = undefined;
    return true;
  }
}
