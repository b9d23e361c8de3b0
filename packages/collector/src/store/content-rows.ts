/** The scrubbed text of small files, once per digest, and which file of which node it is the content of. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Database } from 'better-sqlite3';
import type { ContentItem } from '@holdfast/shared/content';
import { bucketOf, type Entries } from '@holdfast/shared/manifest';
import type { Millis } from '#core/node-state';
import type { BaselineRows } from '#store/baseline-rows';
import type { ManifestRows } from '#store/manifest-rows';
import type { NodeRecord } from '#store/node-rows';
import { keptBaselines } from '#store/old-baselines';
import type { ContentKey, StoredContent } from '#store/content-store';

interface ContentRow {
  readonly path: string;
  readonly sha256: Buffer;
  readonly text: Buffer | null;
  readonly withheld: ContentItem['withheld'];
}

/** What a path was lately stays, too: Loki is told of each change, some seconds later or after an outage. */
export const keptLately = { perPath: 4, ms: 24 * 3_600_000 } as const;

export type ContentRows = ReturnType<typeof contentRows>;

export function contentRows(db: Database) {
  const sql = prepare(db);
  const read = (digest: Buffer): string | null => {
    const packed = sql.text.get(digest);
    return packed === undefined ? null : zstdDecompressSync(packed).toString();
  };
  return {
    /**
     * Takes over what a node says that it has. Of what it had before, that stays which `isKept` says is still needed, and of
     * paths that are still listed what they were lately. Returns the digests of texts that are not there.
     */
    replace(
      node: number,
      items: readonly ContentItem[],
      at: Millis,
      isKept: (key: ContentKey) => boolean,
    ): string[] {
      const told = new Set(items.map(keyOf));
      const listed = new Set(items.map(({ path }) => path));
      const lately = new Map<string, number>();
      const before = sql.ofNode.all(node);
      for (const { path, sha256, told_at } of before) {
        const key = { path, sha256: sha256.toString('hex') };
        if (told.has(keyOf(key)) || isKept(key)) continue;
        const kept = lately.get(path) ?? 0;
        if (listed.has(path) && told_at > at - keptLately.ms && kept < keptLately.perPath) {
          lately.set(path, kept + 1);
        } else sql.drop.run(node, path, sha256);
      }
      const missing = new Set<string>();
      for (const { path, sha256, text, withheld } of items) {
        const digest = text === null ? null : toBytes(text);
        sql.put.run(node, path, toBytes(sha256), digest, withheld, at);
        if (digest && !sql.hasText.get(digest)) missing.add(text!);
      }
      // A file of which another text is told now counts: what the newer agent scrubs may stand in the older text.
      for (const { text } of before) if (text) sql.dropText.run({ digest: text });
      return [...missing];
    },
    /** Returns false if the node has no file with this text. */
    addText(node: number, digest: string, text: string): boolean {
      const key = toBytes(digest);
      if (sql.wants.get(node, key) === undefined) return false;
      sql.addText.run(key, zstdCompressSync(text));
      return true;
    },
    listed: (node: number): ReadonlySet<string> => new Set(sql.listed.all(node)),
    find(node: number, { path, sha256 }: ContentKey): StoredContent {
      const row = sql.one.get(node, path, toBytes(sha256));
      if (!row) return { withheld: sql.isListed.get(node, path) === undefined ? 'not-listed' : 'not-told' };
      if (row.withheld !== null) return { withheld: row.withheld };
      const text = row.text && read(row.text);
      return text === null ? { withheld: 'not-told' } : { text };
    },
  };
}

function prepare(db: Database) {
  return {
    ofNode: db.prepare<[number], ContentRow & { readonly told_at: Millis }>(
      'SELECT path, sha256, text, withheld, told_at FROM content WHERE node = ? ORDER BY told_at DESC',
    ),
    one: db.prepare<[number, string, Buffer], ContentRow>(
      'SELECT path, sha256, text, withheld FROM content WHERE node = ? AND path = ? AND sha256 = ?',
    ),
    isListed: db
      .prepare<[number, string], number>('SELECT 1 FROM content WHERE node = ? AND path = ?')
      .pluck(),
    listed: db.prepare<[number], string>('SELECT DISTINCT path FROM content WHERE node = ?').pluck(),
    put: db.prepare(
      `INSERT INTO content (node, path, sha256, text, withheld, told_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET text = excluded.text, withheld = excluded.withheld, told_at = excluded.told_at`,
    ),
    drop: db.prepare('DELETE FROM content WHERE node = ? AND path = ? AND sha256 = ?'),
    wants: db.prepare<[number, Buffer], number>('SELECT 1 FROM content WHERE node = ? AND text = ?').pluck(),
    text: db.prepare<[Buffer], Buffer>('SELECT text FROM content_text WHERE digest = ?').pluck(),
    hasText: db.prepare<[Buffer], number>('SELECT 1 FROM content_text WHERE digest = ?').pluck(),
    addText: db.prepare('INSERT INTO content_text (digest, text) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    dropText: db.prepare(
      `DELETE FROM content_text WHERE digest = @digest
         AND NOT EXISTS (SELECT 1 FROM content WHERE text = @digest)`,
    ),
  };
}

/** Says of a content whether one of the node's newest baselines has a file with it. For many questions at one moment. */
export function baselineContents(
  { manifests, baselines }: { readonly manifests: ManifestRows; readonly baselines: BaselineRows },
  { id }: NodeRecord,
): (key: ContentKey) => boolean {
  let known: readonly (readonly string[])[] | null = null;
  const buckets = new Map<string, Entries>();
  return ({ path, sha256 }) => {
    known ??= baselines
      .list(id)
      .slice(0, keptBaselines)
      .map(({ manifest }) => manifests.bucketDigests(manifest));
    return known.some((digests) => {
      const digest = digests[bucketOf(path)]!;
      const entries = buckets.get(digest) ?? manifests.bucket(digest);
      buckets.set(digest, entries);
      return entries.get(path)?.sha256 === sha256;
    });
  };
}

function keyOf({ path, sha256 }: ContentKey): string {
  return `${sha256} ${path}`;
}

function toBytes(digest: string): Buffer {
  return Buffer.from(digest, 'hex');
}
