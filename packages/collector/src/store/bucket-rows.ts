/** Buckets of entries: immutable, one row a digest. The empty one has none. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import { LRUCache } from 'lru-cache';
import {
  decodeBucket,
  emptyBucketDigest,
  type Entries,
  entriesByPath,
  noEntries,
} from '@holdfast/shared/manifest';
import type { BucketRecord } from '#core/node-state';

/**
 * Of the text of the buckets that were read last, together: some 20,000 entries of common length. By length, for a
 * node may have 12,000 characters in each of its paths. Nodes of one image have most buckets in common.
 */
const cachedCharacters = 2_500_000;

export function bucketRows(db: Database) {
  const sql = {
    has: db.prepare<[Buffer], number>('SELECT 1 FROM bucket WHERE digest = ?').pluck(),
    content: db.prepare<[Buffer], Buffer>('SELECT content FROM bucket WHERE digest = ?').pluck(),
    add: db.prepare('INSERT INTO bucket (digest, entries, unread, content) VALUES (?, ?, ?, ?)'),
  };
  const cache = new LRUCache<string, Entries>({ maxSize: cachedCharacters });

  const bucketText = (digest: string): string => {
    const content = sql.content.get(Buffer.from(digest, 'hex'));
    if (!content) throw new Error(`the store lacks the bucket ${digest}`);
    return zstdDecompressSync(content).toString();
  };

  return {
    bucketText,
    bucket(digest: string): Entries {
      if (digest === emptyBucketDigest) return noEntries;
      const known = cache.get(digest);
      if (known) return known;
      const text = bucketText(digest);
      const entries = entriesByPath(decodeBucket(text));
      cache.set(digest, entries, { size: text.length });
      return entries;
    },
    addBucket({ digest, entries, unread, text }: BucketRecord): void {
      const key = Buffer.from(digest, 'hex');
      if (sql.has.get(key)) return;
      sql.add.run(key, entries, unread, zstdCompressSync(text));
    },
  };
}
